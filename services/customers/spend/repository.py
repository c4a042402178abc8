"""Where spend is kept."""

from collections.abc import Sequence
from datetime import date

from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.mongo import Database, Document, Session, documents_after, of_sources, visible_to
from chassis.page import Page, Slice, slice_of
from services.customers.campaign.repository import money_document, money_of
from services.customers.paging import documents_of_parents
from services.customers.spend.domain import Spend

ORDER = (("day", DESCENDING), ("_id", DESCENDING))


class MongoSpendRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._spend = database["spend"]

    async def ensure_indexes(self) -> None:
        await self._spend.create_index([("campaign", ASCENDING), *ORDER], name="campaign")
        await self._spend.create_index(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        )

    async def of_campaigns(self, caller: Caller, campaigns: Sequence[str], page: Page) -> dict[str, Slice[Spend]]:
        """One page of each campaign's."""
        found = await documents_of_parents(
            self._database, self._spend, "campaign", campaigns, page, ORDER, visible_to(caller)
        )
        return {
            campaign: slice_of([_from_document(one) for one in some], [(one["day"], one["_id"]) for one in some], page)
            for campaign, some in found.items()
        }

    async def known(self, caller: Caller, source: str, external_id: str, session: Session) -> Spend | None:
        # The condition of the index is said, so that it is used.
        wanted = {"source": source, "external_id": {"$eq": external_id, "$gt": ""}}
        found = await self._spend.find_one({"$and": [wanted, of_sources(caller)]}, session=session)
        return None if found is None else _from_document(found)

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Spend]:
        """The next entries in the order of their ids."""
        return [_from_document(one) for one in await documents_after(self._spend, after, size, session)]

    async def save(self, caller: Caller, spend: Spend, session: Session) -> None:
        await self._spend.replace_one({"_id": spend.id}, _to_document(spend), upsert=True, session=session)


def _to_document(spend: Spend) -> Document:
    return {
        "_id": spend.id,
        "amount": money_document(spend.amount),
        # A day, not a moment: a time zone must not shift it.
        "day": spend.day.isoformat(),
        "campaign": spend.campaign,
        "touchpoint": spend.touchpoint,
        "note": spend.note,
        "source": spend.source,
        "external_id": spend.external_id,
        "team": spend.team,
        "owner": spend.owner,
        "version": spend.version,
    }


def _from_document(document: Document) -> Spend:
    return Spend(
        id=document["_id"],
        amount=money_of(document["amount"]),
        day=date.fromisoformat(document["day"]),
        campaign=document["campaign"],
        touchpoint=document["touchpoint"],
        note=document["note"],
        source=document["source"],
        external_id=document["external_id"],
        team=document["team"],
        owner=document["owner"],
        version=document["version"],
    )
