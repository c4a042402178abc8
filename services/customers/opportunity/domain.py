"""What an opportunity is: something a customer may buy, how far that is, and how it may move."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound
from chassis.money import Money

PREFIX = "opp"
OWN_SOURCE = "rundblick"
_LONGEST_TITLE = 200
_LONGEST_REASON = 500
_LONGEST_LABEL = 100
# Whoever moves one back and forth that often is a program gone wrong.
_MOST_MOVES = 200


class Stage(Enum):
    PROSPECTING = "PROSPECTING"
    QUALIFICATION = "QUALIFICATION"
    PROPOSAL = "PROPOSAL"
    NEGOTIATION = "NEGOTIATION"
    CLOSED_WON = "CLOSED_WON"
    CLOSED_LOST = "CLOSED_LOST"


CLOSED = (Stage.CLOSED_WON, Stage.CLOSED_LOST)

# How likely it is to be won, where nobody says it better.
PROBABILITIES: Mapping[Stage, float] = {
    Stage.PROSPECTING: 0.1,
    Stage.QUALIFICATION: 0.2,
    Stage.PROPOSAL: 0.5,
    Stage.NEGOTIATION: 0.8,
    Stage.CLOSED_WON: 1.0,
    Stage.CLOSED_LOST: 0.0,
}


class OpportunityNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no opportunity {id[:80]}", ("id",))


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the change was made from version {made_from}", ("version",))


class StillClosed(InvalidInput):
    def __init__(self, id: str, stage: Stage) -> None:
        super().__init__(f"{id} is {stage.value}: say that it is opened again", ("reopen",))


@dataclass(frozen=True, slots=True)
class Move:
    """Since when it is, or was, at a stage."""

    stage: Stage
    at: datetime


@dataclass(frozen=True, slots=True)
class Opportunity:
    """InvalidInput: what cannot be, with the field.

    customer: the golden id of today of whom the source record belongs to. own_probability: None, that of the stage.
    closes_on: by which day it is expected to be closed. team: of the owner. external_id: of the source's own record.
    moves: the oldest first. repeat: the customer had bought before. told: how often metrics was told of it.
    """

    id: str
    customer: str
    source_record: str
    title: str
    opened_at: datetime
    moves: tuple[Move, ...]
    source: str = OWN_SOURCE
    external_id: str | None = None
    amount: Money | None = None
    own_probability: float | None = None
    closes_on: date | None = None
    loss_reason: str | None = None
    offer: str | None = None
    campaign: str | None = None
    owner: str | None = None
    team: str | None = None
    version: int = 1
    repeat: bool = False
    told: int = 0

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title) > _LONGEST_TITLE:
            raise InvalidInput(f"a title has 1 to {_LONGEST_TITLE} characters", ("title",))
        if self.amount is not None and self.amount.amount < 0:
            raise InvalidInput("an amount is not below zero", ("amount", "amount"))
        if self.own_probability is not None:
            if not 0 <= self.own_probability <= 1:
                raise InvalidInput("a probability lies between 0 and 1", ("probability",))
            if self.closed:
                raise InvalidInput("what is closed is certain", ("probability",))
        if self.loss_reason is not None:
            if self.stage is not Stage.CLOSED_LOST:
                raise InvalidInput("only what is lost has a reason for it", ("loss_reason",))
            if not 1 <= len(self.loss_reason) <= _LONGEST_REASON:
                raise InvalidInput(f"a reason has 1 to {_LONGEST_REASON} characters", ("loss_reason",))
        for field, text in (("source", self.source), ("external_id", self.external_id)):
            if text is not None and not 1 <= len(text) <= _LONGEST_LABEL:
                raise InvalidInput(f"{field} has 1 to {_LONGEST_LABEL} characters", (field,))

    @property
    def stage(self) -> Stage:
        return self.moves[-1].stage

    @property
    def closed(self) -> bool:
        return self.stage in CLOSED

    @property
    def won(self) -> bool:
        return self.stage is Stage.CLOSED_WON

    @property
    def closed_at(self) -> datetime | None:
        return self.moves[-1].at if self.closed else None

    @property
    def probability(self) -> float:
        return PROBABILITIES[self.stage] if self.own_probability is None else self.own_probability


def opened(stage: Stage, opened_at: datetime, since: datetime | None, now: datetime) -> tuple[Move, ...]:
    """The moves of one that is known from now on: where it began is known only if it is there still.

    InvalidInput: it is opened later than now, or was at its stage before it was opened.
    """
    if opened_at > now:
        raise InvalidInput("it cannot be opened in the future", ("opened_at",))
    if since is None:
        return (Move(stage, opened_at),)
    if not opened_at <= since <= now:
        raise InvalidInput(
            "it is at its stage since it was opened at the earliest, and now at the latest", ("stage_since",)
        )
    return (Move(stage, since),)


def changed(opportunity: Opportunity, made_from: int, news: Opportunity) -> Opportunity:
    """The next version. StaleVersion: somebody else changed it in between."""
    _require_version(opportunity, made_from)
    return replace(news, version=opportunity.version + 1)


def moved(
    opportunity: Opportunity,
    made_from: int,
    move: Move,
    now: datetime,
    *,
    loss_reason: str | None = None,
    reopen: bool = False,
) -> Opportunity:
    """At the next stage, in any direction; an own probability was of the stage it leaves.

    StaleVersion: as for changes. StillClosed: it is closed, and nobody said that it is opened again.
    InvalidInput: it is there already, or the time is not between its last move and now.
    """
    _require_version(opportunity, made_from)
    if opportunity.closed and not reopen:
        raise StillClosed(opportunity.id, opportunity.stage)
    if reopen and not (opportunity.closed and move.stage not in CLOSED):
        raise InvalidInput("what is opened again was closed, and is at an open stage then", ("reopen",))
    if move.stage is opportunity.stage:
        raise InvalidInput(f"{opportunity.id} is at {move.stage.value} already", ("stage",))
    return _moved(opportunity, move, now, loss_reason)


def as_told(known: Opportunity, move: Move | None, now: datetime, loss_reason: str | None) -> Opportunity:
    """At the stage that its source tells anew: its own system knows best whether it is closed.

    move: None, it says nothing of the stage; a time before the last move it cannot be there since.
    """
    if move is None or move.stage is known.stage:
        return known
    return _moved(known, replace(move, at=max(move.at, known.moves[-1].at)), now, loss_reason)


def corrected(known: Opportunity, news: Opportunity) -> Opportunity:
    """The same one said again: as it was, or the next version with what is said now."""
    version = known.version
    return known if replace(news, version=version) == known else replace(news, version=version + 1)


def _moved(opportunity: Opportunity, move: Move, now: datetime, loss_reason: str | None) -> Opportunity:
    if not opportunity.moves[-1].at <= move.at <= now:
        raise InvalidInput("a move lies between the one before it and now", ("at",))
    if len(opportunity.moves) >= _MOST_MOVES:
        raise InvalidInput(f"at most {_MOST_MOVES} moves", ("stage",))
    return replace(
        opportunity,
        moves=(*opportunity.moves, move),
        own_probability=None,
        loss_reason=loss_reason,
        version=opportunity.version + 1,
    )


def _require_version(opportunity: Opportunity, made_from: int) -> None:
    if opportunity.version != made_from:
        raise StaleVersion(opportunity.id, opportunity.version, made_from)


def repeats(of_customer: Iterable[Opportunity]) -> dict[str, bool]:
    """Of each that a customer has, whether it was won after another one: whoever bought before buys again."""
    opportunities = list(of_customer)
    won = sorted((one for one in opportunities if one.won), key=lambda one: (one.moves[-1].at, one.id))
    again = {one.id for one in won[1:]}
    return {one.id: one.id in again for one in opportunities}
