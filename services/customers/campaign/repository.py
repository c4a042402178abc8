"""Where campaigns are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from bson import Decimal128
from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.money import Money
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.campaign.domain import RUNNING, Campaign, Goal, Status
from services.customers.paging import documents_of_parents

ORDER = (("starts_on", DESCENDING), ("_id", DESCENDING))


class MongoCampaignRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._campaigns = database["campaigns"]

    async def ensure_indexes(self) -> None:
        await self._campaigns.create_index(ORDER, name="starts_on")
        await self._campaigns.create_index([("name", ASCENDING)], name="name")
        for field in ("status", "touchpoints", "owner"):
            await self._campaigns.create_index([(field, ASCENDING), *ORDER], name=field)

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Campaign]:
        found = self._campaigns.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in found}

    async def of_names(
        self, caller: Caller, names: Iterable[str], session: Session | None = None
    ) -> dict[str, list[str]]:
        """name -> the ids of all that are called so."""
        found: dict[str, list[str]] = {}
        condition = {"name": {"$in": list(names)}, **visible_to(caller)}
        async for document in self._campaigns.find(condition, {"name": 1}, session=session, batch_size=ONE_REPLY):
            found.setdefault(document["name"], []).append(document["_id"])
        return found

    async def page(self, caller: Caller, page: Page, condition: Mapping[str, Any]) -> Slice[Campaign]:
        conditions = [{}, visible_to(caller), dict(condition), keyset_filter(ORDER, page)]
        found = await (
            self._campaigns.find({"$and": conditions}).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        return _slice(found, page)

    async def of_touchpoints(
        self, caller: Caller, touchpoints: Sequence[str], page: Page
    ) -> dict[str, Slice[Campaign]]:
        """One page of each touchpoint's."""
        found = await documents_of_parents(
            self._database, self._campaigns, "touchpoints", touchpoints, page, ORDER, visible_to(caller)
        )
        return {touchpoint: _slice(documents, page) for touchpoint, documents in found.items()}

    async def running(self, caller: Caller, touchpoints: Iterable[str], session: Session) -> list[Campaign]:
        """All that were begun at any of these touchpoints and are not paused, whoever asks: facts belong to them."""
        wanted = {"touchpoints": {"$in": list(touchpoints)}, "status": {"$in": [status.value for status in RUNNING]}}
        found = self._campaigns.find(wanted, session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found]

    async def any(self, caller: Caller, session: Session) -> bool:
        """Does this deployment plan campaigns at all?"""
        return await self._campaigns.find_one({"_id": {"$gt": ""}}, {"_id": 1}, session=session) is not None

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Campaign]:
        """The next ones in the order of their ids."""
        return [from_document(one) for one in await documents_after(self._campaigns, after, size, session)]

    async def add(self, caller: Caller, campaign: Campaign, session: Session) -> None:
        await self._campaigns.insert_one(to_document(campaign), session=session)

    async def save(self, caller: Caller, campaign: Campaign, session: Session) -> None:
        await self._campaigns.replace_one({"_id": campaign.id}, to_document(campaign), session=session)


def _slice(documents: Sequence[Document], page: Page) -> Slice[Campaign]:
    boundaries = [(document["starts_on"], document["_id"]) for document in documents]
    return slice_of([from_document(document) for document in documents], boundaries, page)


def money_document(money: Money) -> Document:
    return {"amount": Decimal128(money.amount), "currency": money.currency}


def money_of(document: Document) -> Money:
    return Money(document["amount"].to_decimal(), document["currency"])


def to_document(campaign: Campaign) -> Document:
    goal = campaign.goal
    return {
        "_id": campaign.id,
        "name": campaign.name,
        "objective": campaign.objective,
        # Days, not moments: a time zone must not shift them.
        "starts_on": campaign.starts_on.isoformat(),
        "ends_on": campaign.ends_on.isoformat(),
        "status": campaign.status.value,
        "goal": {"kpi": goal.kpi, "target": goal.target, "due_on": goal.due_on.isoformat()} if goal else None,
        "moneys": {field: money_document(money) for field, money in campaign.moneys.items()},
        "expected_reach": campaign.expected_reach,
        "touchpoints": list(campaign.touchpoints),
        "segments": list(campaign.segments),
        "source": campaign.source,
        "team": campaign.team,
        "owner": campaign.owner,
        "version": campaign.version,
    }


def from_document(document: Document) -> Campaign:
    goal = document["goal"]
    moneys = {field: money_of(money) for field, money in document["moneys"].items()}
    return Campaign(
        id=document["_id"],
        name=document["name"],
        objective=document["objective"],
        starts_on=date.fromisoformat(document["starts_on"]),
        ends_on=date.fromisoformat(document["ends_on"]),
        status=Status(document["status"]),
        goal=Goal(goal["kpi"], goal["target"], date.fromisoformat(goal["due_on"])) if goal else None,
        expected_reach=document["expected_reach"],
        touchpoints=tuple(document["touchpoints"]),
        segments=tuple(document["segments"]),
        source=document["source"],
        team=document["team"],
        owner=document["owner"],
        version=document["version"],
        **moneys,
    )
