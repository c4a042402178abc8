"""Where interactions are kept."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.consent.domain import ConsentPurpose, ContactReason, Permission
from services.customers.interaction.domain import Direction, Interaction, InteractionKind, Subject, SubjectKind, Wanted
from services.customers.touchpoint.domain import Channel

ORDER = (("occurred_at", DESCENDING), ("_id", DESCENDING))


class MongoInteractionRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._interactions = database["interactions"]
        self._former = database["former_customers"]

    async def ensure_indexes(self) -> None:
        await self._interactions.create_index([("customer", ASCENDING), *ORDER], name="journey")
        await self._interactions.create_index(
            [("source_record", ASCENDING), ("customer", ASCENDING)],
            name="record",
            partialFilterExpression={"source_record": {"$gt": ""}},
        )

    async def of_ids(
        self, caller: Caller, ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Interaction]:
        documents = self._interactions.find(
            {"_id": {"$in": list(ids)}, **of_sources(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in documents}

    async def taken(self, caller: Caller, ids: Iterable[str], session: Session) -> set[str]:
        """Those of the ids that are there, also where the caller does not see what they name."""
        documents = self._interactions.find(
            {"_id": {"$in": list(ids)}}, {"_id": 1}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"] async for document in documents}

    async def pages(
        self, caller: Caller, customers: Sequence[str], page: Page, wanted: Wanted, places: Collection[str] | None
    ) -> dict[str, Slice[Interaction]]:
        """One page of each customer's journey, newest first, with one command; a former id shows the present one's.

        places: the touchpoints they may have happened at, in place of those that are wanted; None: at any.
        """
        condition = _condition(caller, wanted, places)
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
            {
                "$lookup": {
                    "from": self._interactions.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, of_sources(caller), condition, keyset_filter(ORDER, page)]}},
                        {"$sort": dict(keyset_sort(ORDER, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[Interaction]] = {}
        async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
            found = document["found"]
            slices[document["_id"]] = slice_of(
                [from_document(one) for one in found],
                [(one["occurred_at"], one["_id"]) for one in found],
                page,
            )
        return slices

    async def add(self, caller: Caller, interactions: Sequence[Interaction], session: Session) -> None:
        if interactions:
            documents = [to_document(interaction) for interaction in interactions]
            await self._interactions.insert_many(documents, ordered=False, session=session)

    async def save(self, caller: Caller, interactions: Sequence[Interaction], session: Session) -> None:
        if interactions:
            writes = [ReplaceOne({"_id": one.id}, to_document(one)) for one in interactions]
            await self._interactions.bulk_write(writes, ordered=False, session=session)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All interactions of a source record to whom the record belongs."""
        await self._interactions.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def give_some(self, caller: Caller, ids: Sequence[str], customer: str, session: Session) -> None:
        await self._interactions.update_many(
            {"_id": {"$in": list(ids)}, "customer": {"$ne": customer}},
            {"$set": {"customer": customer}},
            session=session,
        )

    async def owners_of_records(
        self, caller: Caller, records: Iterable[str], session: Session | None = None
    ) -> dict[str, set[str | None]]:
        """Source record -> the customers that its interactions show."""
        found: dict[str, set[str | None]] = {}
        pipeline: list[Document] = [
            {"$match": {"source_record": {"$in": list(records)}}},
            {"$group": {"_id": {"record": "$source_record", "customer": "$customer"}}},
        ]
        async for document in self._interactions.aggregate(pipeline, session=session, batchSize=ONE_REPLY):
            found.setdefault(document["_id"]["record"], set()).add(document["_id"].get("customer"))
        return found

    async def touching(self, caller: Caller, customer: str, session: Session | None = None) -> list[Interaction]:
        """Of a customer's journey what attribution looks at: contacts with a campaign, and what they enquired."""
        enquired = {"subject.kind": SubjectKind.ENQUIRY.value, "direction": Direction.INBOUND.value}
        wanted = {"customer": customer, "$or": [{"campaign": {"$gt": ""}}, enquired]}
        found = self._interactions.find(wanted, session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found]

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Interaction]:
        """The next interactions in the order of their ids."""
        return [from_document(one) for one in await documents_after(self._interactions, after, size, session)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Interaction]:
        """The next interactions in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._interactions, after, size)
        found = await self.of_ids(caller, ids)
        return [found[id] for id in ids if id in found]


def _condition(caller: Caller, wanted: Wanted, places: Collection[str] | None) -> Document:
    """By the customer the index finds them, in the order of time; the rest is looked at in each."""
    named: dict[str, Collection[str] | None] = {
        "touchpoint": places,
        "campaign": wanted.campaigns or None,
        "source": wanted.sources or None,
        "owner": wanted.employees or None,
        "kind": {kind.value for kind in wanted.kinds} or None,
        "purpose": {purpose.value for purpose in wanted.purposes} or None,
        "direction": {wanted.direction.value} if wanted.direction is not None else None,
    }
    condition: Document = {field: {"$in": sorted(of)} for field, of in named.items() if of is not None}
    if wanted.violations:
        # To a partner it would tell what others know of the customer.
        condition["violation"] = {"$ne": None} if caller.sources is None else {"$in": []}
    times: dict[str, Any] = {"$gte": wanted.since, "$lt": wanted.until}
    if times := {end: at for end, at in times.items() if at is not None}:
        condition["occurred_at"] = times
    return condition


def to_document(interaction: Interaction) -> Document:
    subject = interaction.subject
    return {
        "_id": interaction.id,
        "customer": interaction.customer,
        "source_record": interaction.source_record,
        "touchpoint": interaction.touchpoint,
        "direction": interaction.direction.value,
        "kind": interaction.kind.value,
        "occurred_at": interaction.occurred_at,
        "source": interaction.source,
        "team": interaction.team,
        # Who acted is who it belongs to, until rules say otherwise.
        "owner": interaction.employee,
        "summary": interaction.summary,
        "subject": {"kind": subject.kind.value, "id": subject.id} if subject else None,
        "campaign": interaction.campaign,
        "purpose": interaction.purpose.value if interaction.purpose is not None else None,
        "violation": _violation_to_document(interaction.violation),
        "version": interaction.version,
        "external_id": interaction.external_id,
    }


def from_document(document: Document) -> Interaction:
    subject = document["subject"]
    return Interaction(
        id=document["_id"],
        direction=Direction(document["direction"]),
        kind=InteractionKind(document["kind"]),
        occurred_at=document["occurred_at"],
        source=document["source"],
        customer=document["customer"],
        source_record=document["source_record"],
        touchpoint=document["touchpoint"],
        employee=document["owner"],
        team=document["team"],
        summary=document["summary"],
        subject=Subject(SubjectKind(subject["kind"]), subject["id"]) if subject else None,
        # Those from before there were campaigns have none.
        campaign=document.get("campaign"),
        purpose=ConsentPurpose(document["purpose"]) if document.get("purpose") is not None else None,
        violation=_violation_from_document(document),
        version=document["version"],
        external_id=document.get("external_id"),
    )


def _violation_to_document(violation: Permission | None) -> Document | None:
    if violation is None:
        return None
    channel = violation.channel
    return {
        "reason": violation.reason.value,
        "channel": channel.value if channel is not None else None,
        "since": violation.since,
    }


def _violation_from_document(document: Document) -> Permission | None:
    kept = document.get("violation")
    if kept is None:
        return None
    channel = Channel(kept["channel"]) if kept["channel"] is not None else None
    purpose = ConsentPurpose(document["purpose"])
    return Permission(False, ContactReason(kept["reason"]), channel, purpose, since=kept["since"])
