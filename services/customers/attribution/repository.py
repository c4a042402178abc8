"""Where it is kept what enquiries are credited to."""

from collections.abc import Iterable, Sequence

from pymongo import ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after
from services.customers.attribution.domain import Attribution, Contact, Credit, Rule


class MongoCreditRepository:
    """Derived, for figures alone: callers do not see it."""

    def __init__(self, database: Database) -> None:
        self._credits = database["credits"]

    async def of_enquiries(
        self, caller: Caller, enquiries: Iterable[str], session: Session | None = None
    ) -> dict[str, Credit]:
        found = self._credits.find({"_id": {"$in": list(enquiries)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Credit]:
        """The next ones in the order of their enquiries' ids."""
        return [_from_document(one) for one in await documents_after(self._credits, after, size, session)]

    async def save(self, caller: Caller, credits: Sequence[Credit], session: Session) -> None:
        if credits:
            writes = [ReplaceOne({"_id": one.enquiry}, _to_document(one), upsert=True) for one in credits]
            await self._credits.bulk_write(writes, ordered=False, session=session)


def _to_document(credit: Credit) -> Document:
    contact = credit.contact
    return {
        "_id": credit.enquiry,
        "contact": contact.id,
        "at": contact.at,
        "campaign": contact.campaign,
        "customer": contact.customer,
        "touchpoint": contact.touchpoint,
        "shares": dict(credit.shares),
        "rule": credit.attribution.rule.value,
        "days": credit.attribution.days,
        "source": contact.source,
        "team": contact.team,
        "owner": None,
        "version": credit.version,
    }


def _from_document(document: Document) -> Credit:
    contact = Contact(
        id=document["contact"],
        at=document["at"],
        source=document["source"],
        campaign=document["campaign"],
        enquiry=document["_id"],
        customer=document["customer"],
        touchpoint=document["touchpoint"],
        team=document["team"],
    )
    attribution = Attribution(Rule(document["rule"]), document["days"])
    return Credit(document["_id"], contact, document["shares"], attribution, document["version"])
