"""Where interactions are kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError

from chassis.caller import Caller
from chassis.mongo import DUPLICATE_KEY, ONE_REPLY, Database, Document, Session, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.interaction.domain import Direction, Interaction, InteractionKind, Subject, SubjectKind

ORDER = (("occurred_at", DESCENDING), ("_id", DESCENDING))


class MongoInteractionRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._interactions = database["interactions"]

    async def ensure_indexes(self) -> None:
        await self._interactions.create_index([("customer", ASCENDING), *ORDER], name="journey")

    async def of_ids(
        self, caller: Caller, ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Interaction]:
        documents = self._interactions.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in documents}

    async def taken(self, caller: Caller, ids: Iterable[str], session: Session) -> set[str]:
        """Those of the ids that are there, also where the caller does not see what they name."""
        documents = self._interactions.find(
            {"_id": {"$in": list(ids)}}, {"_id": 1}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"] async for document in documents}

    async def pages(
        self, caller: Caller, customers: Sequence[str], page: Page, filter: Mapping[str, Any]
    ) -> dict[str, Slice[Interaction]]:
        """One page of each customer's journey, newest first, with one command."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {
                "$lookup": {
                    "from": self._interactions.name,
                    "localField": "_id",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, visible_to(caller), dict(filter), keyset_filter(ORDER, page)]}},
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

    async def add(self, caller: Caller, interactions: Sequence[Interaction], session: Session | None = None) -> None:
        """Those that are there already stay as they are; in a transaction, which they would end, they are an error."""
        if not interactions:
            return
        documents = [to_document(interaction) for interaction in interactions]
        try:
            await self._interactions.insert_many(documents, ordered=False, session=session)
        except BulkWriteError as error:
            faults = (error.details or {}).get("writeErrors", ())
            if session is not None or any(fault["code"] != DUPLICATE_KEY for fault in faults):
                raise


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
    )
