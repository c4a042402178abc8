"""Where pairs of possible duplicates are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from chassis.times import utc_now
from services.customers.candidate.domain import (
    LINKAGE,
    Agreement,
    Candidate,
    Reason,
    Side,
    Status,
    followed,
    found_again,
    superseded,
)

ORDER = (("score", DESCENDING), ("_id", DESCENDING))


class MongoCandidateRepository:
    """They are the company's own: a partner sees none, for each tells that somebody is known."""

    def __init__(self, database: Database) -> None:
        self._candidates = database["duplicate_candidates"]

    async def ensure_indexes(self) -> None:
        await self._candidates.create_index([("status", ASCENDING), *ORDER], name="status")
        await self._candidates.create_index([("customers", ASCENDING)], name="customers")
        await self._candidates.create_index([("records", ASCENDING)], name="records")
        await self._candidates.create_index(
            [("found_by", ASCENDING), ("status", ASCENDING), ("seen_at", ASCENDING)], name="found_by"
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Candidate]:
        condition = {"_id": {"$in": list(ids)}, **of_sources(caller)}
        found = self._candidates.find(condition, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def open(self, caller: Caller, page: Page, minimum_score: float) -> Slice[Candidate]:
        wanted: Document = {"status": Status.OPEN.value, "score": {"$gte": minimum_score}}
        found = await (
            self._candidates.find({"$and": [wanted, of_sources(caller), keyset_filter(ORDER, page)]})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["score"], document["_id"]) for document in found]
        return slice_of([_from_document(document) for document in found], boundaries, page)

    async def of_pair(self, caller: Caller, pair: tuple[str, str], session: Session) -> Candidate | None:
        """What is known of two customers, in any order."""
        one, other = sorted(pair)
        condition = {"customers": {"$all": [one, other]}, **of_sources(caller)}
        documents = self._candidates.find(condition, session=session, batch_size=ONE_REPLY)
        known = [_from_document(document) async for document in documents]
        # What was decided on two goes before what is open of them.
        return min(known, key=lambda candidate: candidate.status is Status.OPEN, default=None)

    async def put(self, caller: Caller, found: Sequence[Candidate], session: Session) -> int:
        """Keep what was found, or found again; answers how many pairs are new. At most a few hundred at once."""
        if not found:
            return 0
        known = {candidate.pair: candidate for candidate in await self._about(found, session)}
        news = {candidate.pair: candidate for candidate in found}
        changed = [
            found_again(known[pair], candidate) if pair in known else candidate for pair, candidate in news.items()
        ]
        await self.save(caller, [c for c in changed if c != known.get(c.pair)], session)
        return len(news.keys() - known.keys())

    async def _about(self, found: Sequence[Candidate], session: Session) -> list[Candidate]:
        """What is known of these pairs; of two, what was decided comes last."""
        ids = sorted({customer for candidate in found for customer in candidate.customers})
        pairs = {candidate.pair for candidate in found}
        documents = self._candidates.find({"customers": {"$in": ids}}, session=session, batch_size=ONE_REPLY)
        known = [_from_document(document) async for document in documents]
        about = [candidate for candidate in known if candidate.pair in pairs]
        return sorted(about, key=lambda candidate: candidate.status is not Status.OPEN)

    async def save(self, caller: Caller, candidates: Sequence[Candidate], session: Session) -> None:
        if candidates:
            await self._candidates.bulk_write(
                [ReplaceOne({"_id": c.id}, _to_document(c), upsert=True) for c in candidates],
                ordered=False,
                session=session,
            )

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """After a merge or a split: pairs follow their source records."""
        documents = self._candidates.find({"records": record}, session=session, batch_size=ONE_REPLY)
        before = [_from_document(document) async for document in documents]
        if not before:
            return
        now = utc_now()
        after = [followed(candidate, record, customer, now) for candidate in before]
        await self.save(caller, [new for old, new in zip(before, after, strict=True) if new != old], session)
        gone = superseded(await self._about(after, session))
        if gone:
            await self._candidates.delete_many({"_id": {"$in": [c.id for c in gone]}}, session=session)

    async def forget(self, caller: Caller, seen_before: datetime) -> int:
        """Pairs that nobody decided on and that are no longer likely; answers how many."""
        condition = {"status": Status.OPEN.value, "found_by": LINKAGE, "seen_at": {"$lt": seen_before}}
        return int((await self._candidates.delete_many(condition)).deleted_count)

    async def some(self, caller: Caller, after: str | None, size: int) -> list[str]:
        """Ids of the next ones in the order of ids; without a place to start, of any, by chance."""
        return await some_ids(self._candidates, after, size)


def _to_document(candidate: Candidate) -> Document:
    return {
        "_id": candidate.id,
        "customers": list(candidate.customers),
        "records": [side.record for side in candidate.sides],
        "score": candidate.score,
        "reasons": [{"field": r.field, "agreement": r.agreement.value, "weight": r.weight} for r in candidate.reasons],
        "status": candidate.status.value,
        "found_by": candidate.found_by,
        "found_at": candidate.found_at,
        "seen_at": candidate.seen_at,
        "decided_at": candidate.decided_at,
        "decided_by": candidate.decided_by,
        "employee": candidate.employee,
        "source": candidate.source,
        "team": None,
        "owner": None,
    }


def _from_document(document: Document) -> Candidate:
    first, second = (Side(*side) for side in zip(document["customers"], document["records"], strict=True))
    return Candidate(
        id=document["_id"],
        sides=(first, second),
        score=document["score"],
        reasons=tuple(Reason(r["field"], Agreement(r["agreement"]), r["weight"]) for r in document["reasons"]),
        found_by=document["found_by"],
        found_at=document["found_at"],
        seen_at=document["seen_at"],
        status=Status(document["status"]),
        decided_at=document["decided_at"],
        decided_by=document["decided_by"],
        employee=document["employee"],
        source=document["source"],
    )
