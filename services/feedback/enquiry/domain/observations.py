"""What an enquiry contributes to the business figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.feedback.enquiry.domain.facts import Enquiry, Level, Wait, WaitEnd, WaitFlag, WaitKind

FIRST = "wait.first"
NEXT = "wait.next"
FIRST_RESOLUTION = "resolution.first"
TOTAL_RESOLUTION = "resolution.total"
OPENED = "enquiry.opened"
JUDGED = "service_level.judged"


@dataclass(frozen=True, slots=True)
class Observation:
    """state: as in metrics. value: elapsed seconds. attributes: what figures may ask for beside it."""

    state: str
    started_at: datetime
    ended_at: datetime | None
    value: float | None
    dimensions: tuple[tuple[str, str], ...]
    customer: str | None
    source_record: str | None
    reason: str | None = None
    attributes: tuple[tuple[str, str | float | bool], ...] = ()


# (event name, subject) -> what it contributes
Contributions = Mapping[tuple[str, str], Observation]


def contributions(enquiry: Enquiry) -> Contributions:
    result: dict[tuple[str, str], Observation] = {}
    cycles = []
    for wait in enquiry.derived.waits:
        if wait.kind is WaitKind.RESOLUTION:
            cycles.append(wait)
        else:
            name = FIRST if wait.kind is WaitKind.FIRST else NEXT
            result[name, wait.key] = _of_wait(enquiry, wait, wait.answered_by)
    first = cycles[0]
    result[FIRST_RESOLUTION, first.key] = _of_wait(enquiry, first, first.assignee_at_end)
    result[TOTAL_RESOLUTION, f"{enquiry.id}:TOTAL"] = _total(enquiry, cycles)
    excluded = enquiry.derived.excluded
    result[OPENED, enquiry.id] = Observation(
        state="EXCLUDED" if excluded else "COMPLETE",
        started_at=enquiry.opened_at,
        ended_at=None,
        value=None,
        dimensions=_dimensions(enquiry, enquiry.touchpoint, enquiry.channel, None),
        customer=enquiry.customer,
        source_record=enquiry.source_record,
        reason=excluded.value if excluded else None,
        attributes=_attributes(enquiry),
    )
    waits = {wait.key: wait for wait in enquiry.derived.waits}
    judged = (level for level in enquiry.levels if level.met is not None)
    return result | {(JUDGED, level.wait): _of_level(enquiry, level, waits[level.wait]) for level in judged}


def _of_wait(enquiry: Enquiry, wait: Wait, employee: str | None) -> Observation:
    state, reason = _state(enquiry, [wait])
    return Observation(
        state=state,
        started_at=wait.started_at,
        ended_at=wait.ended_at,
        value=_seconds(wait) if state == "COMPLETE" else None,
        dimensions=_dimensions(enquiry, wait.touchpoint, wait.channel, employee),
        customer=enquiry.customer,
        source_record=enquiry.source_record,
        reason=reason,
        attributes=_attributes(enquiry, *([wait] if state == "COMPLETE" else ())),
    )


def _of_level(enquiry: Enquiry, level: Level, wait: Wait) -> Observation:
    """A promise that was kept, or that is missed, also while the customer still waits."""
    employee = wait.assignee_at_end if wait.kind is WaitKind.RESOLUTION else wait.answered_by
    return Observation(
        state="COMPLETE",
        started_at=level.started_at,
        ended_at=None,
        value=None,
        dimensions=_dimensions(enquiry, wait.touchpoint, wait.channel, employee),
        customer=enquiry.customer,
        source_record=enquiry.source_record,
        attributes=(("met", level.met is True), ("policy", level.policy_key), ("wait", level.kind.value)),
    )


def _total(enquiry: Enquiry, cycles: list[Wait]) -> Observation:
    """All cycles together: the time in which it was not resolved."""
    state, reason = _state(enquiry, cycles)
    last = cycles[-1]
    return Observation(
        state=state,
        started_at=cycles[0].started_at,
        ended_at=last.ended_at,
        value=sum(map(_seconds, cycles)) if state == "COMPLETE" else None,
        dimensions=_dimensions(enquiry, last.touchpoint, last.channel, last.assignee_at_end),
        customer=enquiry.customer,
        source_record=enquiry.source_record,
        reason=reason,
        attributes=_attributes(enquiry, *(cycles if state == "COMPLETE" else ())),
    )


def _attributes(enquiry: Enquiry, *ended: Wait) -> tuple[tuple[str, str | float | bool], ...]:
    """ended: the waits that are one; it has business seconds when each of them has."""
    seconds = [wait.business_seconds for wait in ended if wait.business_seconds is not None]
    known: tuple[tuple[str, str | float | bool], ...] = (("priority", enquiry.priority.value),)
    return (*known, ("business_seconds", sum(seconds))) if ended and len(seconds) == len(ended) else known


def _state(enquiry: Enquiry, waits: list[Wait]) -> tuple[str, str | None]:
    excluded = enquiry.derived.excluded
    if excluded is not None:
        return "EXCLUDED", excluded.value
    if any(wait.flagged is WaitFlag.NEGATIVE for wait in waits):
        return "NEGATIVE", None
    last = waits[-1]
    if last.ended_at is None:
        return "OPEN", None
    return ("COMPLETE" if last.ended is WaitEnd.ANSWERED else "CLOSED_UNANSWERED"), None


def _seconds(wait: Wait) -> float:
    return (wait.ended_at - wait.started_at).total_seconds() if wait.ended_at is not None else 0.0


def _dimensions(
    enquiry: Enquiry, touchpoint: str | None, channel: str | None, employee: str | None
) -> tuple[tuple[str, str], ...]:
    """What is known of it; what is not known is left out."""
    pairs = (
        ("source", enquiry.source),
        ("touchpoint", touchpoint),
        ("channel", channel),
        ("team", enquiry.team),
        ("employee", employee),
        ("category", enquiry.category),
        ("service", enquiry.service),
        ("campaign", enquiry.campaign),
    )
    return tuple((name, value) for name, value in pairs if value)
