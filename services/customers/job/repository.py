"""Where jobs are kept."""

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.job.domain import Job, Kind, State

ORDER = (("_id", DESCENDING),)


class MongoJobRepository:
    """Jobs are the company's own, and say nothing of a customer."""

    def __init__(self, database: Database) -> None:
        self._jobs = database["jobs"]

    async def ensure_indexes(self) -> None:
        await self._jobs.create_index([("subject_id", ASCENDING), *ORDER], name="subject")
        await self._jobs.create_index([("kind", ASCENDING), ("state", ASCENDING), *ORDER], name="state")
        await self._jobs.create_index([("kind", ASCENDING), *ORDER], name="kind")

    async def add(self, caller: Caller, job: Job, session: Session | None = None) -> None:
        await self._jobs.insert_one(to_document(job), session=session)

    async def of_state(self, caller: Caller, kind: Kind, state: State) -> list[Job]:
        found = self._jobs.find({"kind": kind.value, "state": state.value}).sort(list(ORDER))
        return [from_document(document) for document in await found.to_list(None)]

    async def newest(self, caller: Caller, kind: Kind) -> Job | None:
        # While there are few, the one by state would seem as good, and sort.
        found = await self._jobs.find_one({"kind": kind.value}, sort=list(ORDER), hint="kind")
        return from_document(found) if found is not None else None

    async def save(self, caller: Caller, jobs: Sequence[Job]) -> None:
        if jobs:
            await self._jobs.bulk_write([ReplaceOne({"_id": one.id}, to_document(one)) for one in jobs])

    async def page(self, caller: Caller, page: Page) -> Slice[Job]:
        found = await (
            self._jobs.find({"$and": [{}, keyset_filter(ORDER, page)]})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of([from_document(one) for one in found], [(one["_id"],) for one in found], page)


def to_document(job: Job) -> Document:
    return {
        "_id": job.id,
        "kind": job.kind.value,
        "subject": job.subject,
        "subject_id": job.subject_id,
        "state": job.state.value,
        "done": job.done,
        "total": job.total,
        "after": job.after,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "source": "rundblick",
        "team": None,
        "owner": None,
    }


def from_document(document: Document) -> Job:
    return Job(
        id=document["_id"],
        kind=Kind(document["kind"]),
        subject=document["subject"],
        subject_id=document["subject_id"],
        state=State(document["state"]),
        done=document["done"],
        total=document["total"],
        after=document["after"],
        started_at=document["started_at"],
        finished_at=document["finished_at"],
    )
