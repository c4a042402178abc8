"""Looks for duplicates among all customers: reads them, links them, keeps the pairs, and merges what is certain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chassis.caller import Caller
from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction
from services.customers.candidate.domain import (
    LINKAGE,
    PREFIX,
    Candidate,
    Decision,
    Reason,
    Side,
    Status,
    decided,
    found_pair,
)
from services.customers.candidate.rows import row_of
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.identifying import Identifying
from services.customers.matching.domain import Blocked

# Customers that are read at once, and pairs that are kept in one transaction.
_PAGE = 1_000
_AT_ONCE = 200


class Pair(Protocol):
    """Two customers, how likely they are one, and why."""

    @property
    def one(self) -> str: ...

    @property
    def other(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def reasons(self) -> tuple[Reason, ...]: ...


Link = Callable[[Sequence[dict[str, Any]]], Sequence[Pair]]


@dataclass
class Found:
    """What a run came to. pairs: at least as likely as was asked for; new: of these, never seen before."""

    customers: int = 0
    pairs: int = 0
    new: int = 0
    merged: int = 0
    forgotten: int = 0


class Looking:
    """merge_above: pairs at least so likely are merged, at most `most` in a run; None: people decide on all."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        identifying: Identifying,
        link: Link,
        now: Callable[[], datetime],
        *,
        merge_above: float | None,
        most: int,
    ) -> None:
        self._database = database
        self._customers = customers
        self._identifying = identifying
        self._link = link
        self._now = now
        self._merge_above = merge_above
        self._most = most

    async def run(self, caller: Caller) -> Found:
        began, found = self._now(), Found()
        rows, records = await self._rows(caller)
        found.customers = len(rows)
        pairs = self._link(rows)
        found.pairs = len(pairs)
        for start in range(0, len(pairs), _AT_ONCE):
            found.new += await self._keep(caller, pairs[start : start + _AT_ONCE], records)
        if self._merge_above is not None:
            certain = [pair for pair in pairs if pair.score >= self._merge_above]
            for pair in certain:
                if found.merged < self._most:
                    found.merged += await self._merge(caller, pair)
        found.forgotten = await self._identifying.candidates.forget(caller, began)
        return found

    async def _rows(self, caller: Caller) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """All customers; and of each its oldest source record."""
        blocked = Blocked.of(await self._identifying.rules.blocked_values(caller))
        rows: list[dict[str, Any]] = []
        records: dict[str, str] = {}
        after = ""
        while ids := await self._customers.some(caller, after, _PAGE):
            after = ids[-1]
            for id, customer in (await self._customers.of_ids(caller, ids, whole=True)).items():
                # Who was merged since the ids were read comes as who they are now.
                if id == customer.id and customer.records:
                    rows.append(row_of(customer, blocked))
                    records[id] = min(record.id for record in customer.records)
        return rows, records

    async def _keep(self, caller: Caller, pairs: Sequence[Pair], records: dict[str, str]) -> int:
        now = self._now()

        def side(customer: str) -> Side:
            return Side(customer, records[customer])

        found = [
            found_pair(new_id(PREFIX), side(pair.one), side(pair.other), pair.score, pair.reasons, LINKAGE, now)
            for pair in pairs
        ]

        async def keep(session: Session) -> int:
            return await self._identifying.finding.record(caller, found, session)

        return await in_transaction(self._database, keep)

    async def _merge(self, caller: Caller, pair: Pair) -> int:
        """1 when the two are one now: nobody decided on them, and nobody merged or split one of them meanwhile."""

        async def merge(session: Session) -> int:
            known = await self._identifying.candidates.of_pair(caller, (pair.one, pair.other), session)
            if known is None or known.status is not Status.OPEN:
                return 0
            await self._identifying.merges.join(caller, known.pair[0], [known.pair[1]], session)
            merged: Candidate = decided(known, Decision.MERGE, None, caller.subject, None, self._now())
            await self._identifying.candidates.save(caller, [merged], session)
            return 1

        try:
            return await in_transaction(self._database, merge)
        except NotFound:
            return 0
