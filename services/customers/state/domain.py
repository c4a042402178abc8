"""What a state is: what rules say of a customer, what an employee says instead until it ends, and what changed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from chassis.errors import InvalidInput

CHANGE_PREFIX = "stc"
# In place of the key of a rule.
OVERRIDE = "override"
_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LONGEST_TEXT = 500
_MOST_RULES = 50


class Dimension(Enum):
    LIFECYCLE_STAGE = "LIFECYCLE_STAGE"
    ENGAGEMENT = "ENGAGEMENT"


class Origin(Enum):
    RULE = "RULE"
    EMPLOYEE = "EMPLOYEE"


VALUES: Mapping[Dimension, tuple[str, ...]] = {
    Dimension.LIFECYCLE_STAGE: (
        "SUBSCRIBER",
        "LEAD",
        "MARKETING_QUALIFIED",
        "SALES_QUALIFIED",
        "OPPORTUNITY",
        "CUSTOMER",
        "EVANGELIST",
        "OTHER",
    ),
    Dimension.ENGAGEMENT: ("NEW", "ACTIVE", "AT_RISK", "DORMANT", "LOST"),
}


def require_value(dimension: Dimension, value: str, path: tuple[str, ...]) -> None:
    """InvalidInput: the dimension has no such value."""
    if value not in VALUES[dimension]:
        raise InvalidInput(f"{dimension.value} is one of {', '.join(VALUES[dimension])}", path)


@dataclass(frozen=True, slots=True)
class Rule:
    """when: CEL over the facts. en, de: why, in a sentence."""

    key: str
    value: str
    when: str
    en: str = ""
    de: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The first rule that holds decides. version: 0, those that come with Rundblick. InvalidInput: with the field."""

    dimension: Dimension
    rules: tuple[Rule, ...]
    version: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.rules) <= _MOST_RULES:
            raise InvalidInput(f"a dimension has 1 to {_MOST_RULES} rules", ("rules",))
        keys: set[str] = set()
        for place, rule in enumerate(self.rules):
            path = ("rules", str(place))
            if not _KEY.fullmatch(rule.key):
                raise InvalidInput("a key is of small letters, digits and _, and begins with a letter", (*path, "key"))
            if rule.key in keys:
                raise InvalidInput(f"two rules have the key {rule.key}", (*path, "key"))
            keys.add(rule.key)
            require_value(self.dimension, rule.value, (*path, "value"))
            for name, text in (("en", rule.en), ("de", rule.de)):
                if len(text) > _LONGEST_TEXT:
                    raise InvalidInput(f"a reason has at most {_LONGEST_TEXT} characters", (*path, name))
        if self.rules[-1].when.strip() != "true":
            last = str(len(self.rules) - 1)
            raise InvalidInput("the last rule holds for all who are left: it reads true", ("rules", last, "when"))


@dataclass(frozen=True, slots=True)
class Reason:
    """rule: its key; OVERRIDE: an employee said so, in words of their own. facts: those that the rule names."""

    rule: str
    en: str
    de: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """since: when it came to this value, whoever said so."""

    value: str
    since: datetime
    reason: Reason
    set_by: Origin = Origin.RULE
    employee: str | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """What an employee says instead. by: their subject. InvalidInput: with the field."""

    values: Mapping[Dimension, str]
    reason: str
    by: str
    employee: str | None
    at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidInput("an override names a stage or an engagement", ("lifecycle_stage",))
        for dimension, value in self.values.items():
            require_value(dimension, value, (dimension.value.lower(),))
        if not 1 <= len(self.reason) <= _LONGEST_TEXT:
            raise InvalidInput(f"a reason has 1 to {_LONGEST_TEXT} characters", ("reason",))
        if self.expires_at <= self.at:
            raise InvalidInput("an override ends later than now", ("expires_at",))


@dataclass(frozen=True, slots=True)
class State:
    """judged: empty until it was. judged_at: None likewise."""

    customer: str
    judged: Mapping[Dimension, Judgement]
    override: Override | None = None
    judged_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """When the last of both changed."""
        return max(one.since for one in self.judged.values())


@dataclass(frozen=True, slots=True)
class StateChange:
    """customer: the golden id at that time. before: None, the first judgement."""

    id: str
    customer: str
    dimension: Dimension
    before: str | None
    after: Judgement


@dataclass(frozen=True, slots=True)
class Restated:
    """Nothing changed for the customer, but others with stages of their own were merged into it: it is said again."""

    id: str
    customer: str
    stage: str
    at: datetime


def settled(
    known: State, said: Mapping[Dimension, tuple[str, Reason]], now: datetime, new_id: Callable[[], str]
) -> tuple[State, list[StateChange]]:
    """The state from now on, and what changed. said: by the rules; an override wins until it is over."""
    override = known.override if known.override is not None and known.override.expires_at > now else None
    judged: dict[Dimension, Judgement] = {}
    changes: list[StateChange] = []
    for dimension, (value, reason) in said.items():
        after = _judgement(value, reason, override, dimension, now)
        before = known.judged.get(dimension)
        if before is None or before.value != after.value:
            old = before.value if before is not None else None
            changes.append(StateChange(new_id(), known.customer, dimension, old, after))
        else:
            after = replace(after, since=before.since)
        judged[dimension] = after
    return State(known.customer, judged, override, now), changes


def _judgement(value: str, reason: Reason, override: Override | None, dimension: Dimension, now: datetime) -> Judgement:
    if override is None or dimension not in override.values:
        return Judgement(value, now, reason)
    said = Reason(OVERRIDE, override.reason, override.reason)
    return Judgement(override.values[dimension], now, said, Origin.EMPLOYEE, override.employee)
