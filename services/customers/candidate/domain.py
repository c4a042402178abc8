"""What a pair of possible duplicates is, how it is decided, and how it follows merges and splits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

PREFIX = "dup"
# A rule knows no probability: people see what it found before what is merely likely.
SCORE_OF_RULES = 0.99
LINKAGE = "linkage"


class Status(Enum):
    OPEN = "OPEN"
    MERGED = "MERGED"
    DISMISSED = "DISMISSED"


class Decision(Enum):
    MERGE = "MERGE"
    DISMISS = "DISMISS"


class Agreement(Enum):
    SAME = "SAME"
    SIMILAR = "SIMILAR"
    DIFFERENT = "DIFFERENT"


class CandidateNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no pair {id[:100]}", ("id",))


class MergedAlready(Conflict):
    def __init__(self, id: str, customer: str) -> None:
        super().__init__(f"the two of {id} are one customer, {customer}: split it", ("decision",))


@dataclass(frozen=True, slots=True)
class Reason:
    """How the two compare in one field. weight: log2 of how much likelier that makes them the same; None: a rule's."""

    field: str
    agreement: Agreement
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """record: a source record of the customer, which it follows."""

    customer: str
    record: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """score: probability that the two are the same. found_by: LINKAGE, or the key of a rule. seen_at: found last.

    decided_by: whoever decided; employee: if it was one. The sides are in the order of their customers' ids as they
    were found: the first is the older customer.
    """

    id: str
    sides: tuple[Side, Side]
    score: float
    reasons: tuple[Reason, ...]
    found_by: str
    found_at: datetime
    seen_at: datetime
    status: Status = Status.OPEN
    decided_at: datetime | None = None
    decided_by: str | None = None
    employee: str | None = None
    source: str = field(default="rundblick")

    @property
    def customers(self) -> tuple[str, str]:
        return self.sides[0].customer, self.sides[1].customer

    @property
    def pair(self) -> tuple[str, str]:
        """Whoever is first in it."""
        one, other = sorted(self.customers)
        return one, other


def found_pair(
    id: str, one: Side, other: Side, score: float, reasons: Sequence[Reason], found_by: str, now: datetime
) -> Candidate:
    first, second = sorted((one, other), key=lambda side: side.customer)
    return Candidate(id, (first, second), score, tuple(reasons), found_by, found_at=now, seen_at=now)


def found_again(known: Candidate, news: Candidate) -> Candidate:
    """What was decided stays decided; what a rule said is not unsaid by what is merely likely."""
    if known.status is not Status.OPEN:
        return known
    said = known if known.found_by != LINKAGE and news.found_by == LINKAGE else news
    return replace(
        known, score=said.score, reasons=said.reasons, found_by=said.found_by, seen_at=max(known.seen_at, news.seen_at)
    )


def decided(
    candidate: Candidate, decision: Decision, keep: str | None, by: str, employee: str | None, now: datetime
) -> Candidate:
    """After somebody decided; the same one when it is nothing new. keep: whose id stays; None: the older one's.

    MergedAlready: those who are one are not kept apart by a word. InvalidInput: nobody of the two is to be kept.
    """
    if candidate.status is Status.MERGED:
        if decision is Decision.DISMISS:
            raise MergedAlready(candidate.id, candidate.customers[0])
        return candidate
    if decision is Decision.DISMISS:
        if candidate.status is Status.DISMISSED:
            return candidate
        return replace(candidate, status=Status.DISMISSED, decided_at=now, decided_by=by, employee=employee)
    survivor = kept(candidate, keep)
    first, second = (replace(side, customer=survivor) for side in candidate.sides)
    return replace(
        candidate, sides=(first, second), status=Status.MERGED, decided_at=now, decided_by=by, employee=employee
    )


def kept(candidate: Candidate, keep: str | None) -> str:
    if keep is not None and keep not in candidate.customers:
        raise InvalidInput(f"{keep[:100]} is none of the two", ("keep",))
    return keep or candidate.pair[0]


def followed(candidate: Candidate, record: str, customer: str, now: datetime) -> Candidate:
    """After a source record became another customer's.

    Whoever became one in another way is merged. Whoever was one and is parted again is two to people, and stays so.
    """
    first, second = (replace(side, customer=customer) if side.record == record else side for side in candidate.sides)
    moved = replace(candidate, sides=(first, second))
    one = first.customer == second.customer
    if one and candidate.status is not Status.MERGED:
        return replace(moved, status=Status.MERGED, decided_at=now, decided_by=None, employee=None)
    if not one and candidate.status is Status.MERGED:
        return replace(moved, status=Status.DISMISSED, decided_at=now, decided_by=None, employee=None)
    return moved


def superseded(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of several about the same two customers, as merges leave them, the open ones that say nothing more."""
    gone: list[Candidate] = []
    by_pair: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        by_pair.setdefault(candidate.pair, []).append(candidate)
    for same in by_pair.values():
        still_open = sorted((c for c in same if c.status is Status.OPEN), key=lambda c: (-c.score, c.id))
        # Where people decided on the two there is nothing to decide.
        gone += still_open[0 if len(still_open) < len(same) else 1 :]
    return gone
