"""What a campaign is: for which goal touchpoints are used, when, and with how much money."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound
from chassis.ids import prefix_of
from chassis.money import Money

PREFIX = "cmp"
_LONGEST_NAME = 200
_LONGEST_OBJECTIVE = 2_000
_LONGEST_KPI = 100
_MOST_TOUCHPOINTS = 200
_MOST_PEOPLE = 10**10


class Status(Enum):
    PLANNING = "PLANNING"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    COMPLETE = "COMPLETE"


# It was begun, and is not paused.
RUNNING = (Status.ACTIVE, Status.COMPLETE)


class CampaignNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no campaign {id[:80]}", path)


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Goal:
    """That a KPI, by its key, reaches a target, in the KPI's unit, by a day."""

    kpi: str
    target: float
    due_on: date

    def __post_init__(self) -> None:
        if not self.kpi.strip() or len(self.kpi) > _LONGEST_KPI:
            raise InvalidInput("a goal names a KPI by its key", ("goal", "kpi"))
        if not math.isfinite(self.target):
            raise InvalidInput("a target is a number", ("goal", "target"))


@dataclass(frozen=True, slots=True)
class Campaign:
    """InvalidInput: what cannot be planned, with the field. ends_on: the last day. expected_reach: people.

    team: of the accountable owner.
    """

    id: str
    name: str
    objective: str
    starts_on: date
    ends_on: date
    budget: Money
    status: Status = Status.PLANNING
    goal: Goal | None = None
    expected_cost: Money | None = None
    expected_revenue: Money | None = None
    expected_reach: int | None = None
    touchpoints: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    owner: str | None = None
    team: str | None = None
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if not self.objective.strip() or len(self.objective) > _LONGEST_OBJECTIVE:
            raise InvalidInput(f"an objective has 1 to {_LONGEST_OBJECTIVE} characters", ("objective",))
        if self.ends_on < self.starts_on:
            raise InvalidInput(f"it ends on {self.ends_on}, before it begins on {self.starts_on}", ("ends_on",))
        if self.goal is not None and self.goal.due_on < self.starts_on:
            raise InvalidInput("a goal is due on or after the first day", ("goal", "due_on"))
        for field, money in self.moneys.items():
            if money.amount < 0:
                raise InvalidInput("a planned amount is not below zero", (field, "amount"))
            if money.currency != self.budget.currency:
                raise InvalidInput(f"its budget is in {self.budget.currency}", (field, "currency"))
        if self.expected_reach is not None and not 0 <= self.expected_reach <= _MOST_PEOPLE:
            raise InvalidInput("so many people there are not", ("expected_reach",))
        for field, ids, prefix in (("touchpoint_ids", self.touchpoints, "tou"), ("segment_ids", self.segments, "seg")):
            _check_ids(field, ids, prefix)

    @property
    def moneys(self) -> Mapping[str, Money]:
        said = (
            ("budget", self.budget),
            ("expected_cost", self.expected_cost),
            ("expected_revenue", self.expected_revenue),
        )
        return {field: money for field, money in said if money is not None}

    def runs(self, day: date) -> bool:
        return self.status in RUNNING and self.starts_on <= day <= self.ends_on


def _check_ids(field: str, ids: tuple[str, ...], prefix: str) -> None:
    for place, id in enumerate(ids):
        if prefix_of(id) != prefix:
            raise InvalidInput(f"{id[:40]!r} does not read {prefix}_ and a ULID", (field, str(place)))
    if len(set(ids)) != len(ids):
        raise InvalidInput("each comes once", (field,))
    if len(ids) > _MOST_TOUCHPOINTS:
        raise InvalidInput(f"at most {_MOST_TOUCHPOINTS}", (field,))


def updated(campaign: Campaign, made_from: int, news: Campaign) -> Campaign:
    """The next version. StaleVersion: somebody else changed it in between."""
    if campaign.version != made_from:
        raise StaleVersion(campaign.id, campaign.version, made_from)
    return replace(news, version=campaign.version + 1)


def campaign_at(campaigns: Iterable[Campaign], touchpoint: str, day: date) -> Campaign | None:
    """Which one a contact at a touchpoint on a day belongs to; of several that run there, the one that began last."""
    running = [one for one in campaigns if touchpoint in one.touchpoints and one.runs(day)]
    return max(running, key=lambda one: (one.starts_on, one.id), default=None)
