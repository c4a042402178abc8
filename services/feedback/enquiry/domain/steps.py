"""What may be done with an enquiry: each step takes it as it is and gives it as it is then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.errors import InvalidInput
from services.feedback.enquiry.domain.facts import (
    Assignment,
    Enquiry,
    Merged,
    Message,
    Reason,
    StaleVersion,
    Status,
    Step,
    Transition,
    WrongStep,
)
from services.feedback.enquiry.domain.waits import derive

_DONE = (Status.RESOLVED, Status.CLOSED)


def opened(enquiry: Enquiry, messages: Sequence[Message]) -> Enquiry:
    """A new enquiry with what follows from its facts."""
    if (enquiry.assignee or enquiry.team) and not enquiry.assignments:
        enquiry = replace(enquiry, assignments=(Assignment(enquiry.opened_at, enquiry.assignee, enquiry.team),))
    return replace(enquiry, derived=derive(enquiry, messages))


def again(enquiry: Enquiry, messages: Sequence[Message]) -> Enquiry:
    """The enquiry derived anew from changed facts, one version on."""
    return replace(enquiry, derived=derive(enquiry, messages), version=enquiry.version + 1)


def require_version(enquiry: Enquiry, made_from: int | None) -> None:
    if made_from is not None and made_from != enquiry.version:
        raise StaleVersion(enquiry.id, enquiry.version, made_from)


def _with(enquiry: Enquiry, messages: Sequence[Message], transition: Transition) -> Enquiry:
    return again(replace(enquiry, transitions=(*enquiry.transitions, transition)), messages)


def require_unmerged(enquiry: Enquiry, path: tuple[str, ...] = ("id",)) -> None:
    if enquiry.merged_into is not None:
        raise Merged(enquiry.id, enquiry.merged_into, path)


def _not_excluded(enquiry: Enquiry, step: str) -> None:
    require_unmerged(enquiry)
    if enquiry.derived.excluded is not None:
        raise WrongStep(enquiry.id, f"excluded as {enquiry.derived.excluded.value}", step)


def set_status(
    enquiry: Enquiry, messages: Sequence[Message], status: Status, at: datetime, by: str | None = None
) -> Enquiry:
    if status not in (Status.OPEN, Status.PENDING):
        raise InvalidInput("status is OPEN or PENDING here; the other steps have their own calls", ("status",))
    _not_excluded(enquiry, status.value)
    if enquiry.derived.status in _DONE:
        raise WrongStep(enquiry.id, enquiry.derived.status.value, f"{status.value} without being reopened")
    step = Step.PENDING if status is Status.PENDING else Step.OPENED
    return _with(enquiry, messages, Transition(step, at, by=by))


def resolved(enquiry: Enquiry, messages: Sequence[Message], at: datetime, by: str | None = None) -> Enquiry:
    _not_excluded(enquiry, "resolved")
    if enquiry.derived.status in _DONE:
        raise WrongStep(enquiry.id, enquiry.derived.status.value, "resolved")
    return _with(enquiry, messages, Transition(Step.RESOLVED, at, by=by))


def closed(enquiry: Enquiry, messages: Sequence[Message], at: datetime, by: str | None = None) -> Enquiry:
    _not_excluded(enquiry, "closed")
    if enquiry.derived.status is Status.CLOSED:
        raise WrongStep(enquiry.id, "CLOSED", "closed")
    return _with(enquiry, messages, Transition(Step.CLOSED, at, by=by))


def reopened(enquiry: Enquiry, messages: Sequence[Message], at: datetime, by: str | None = None) -> Enquiry:
    _not_excluded(enquiry, "reopened")
    if enquiry.derived.status not in _DONE:
        raise WrongStep(enquiry.id, enquiry.derived.status.value, "reopened")
    return _with(enquiry, messages, Transition(Step.REOPENED, at, by=by))


def excluded(
    enquiry: Enquiry, messages: Sequence[Message], reason: Reason, at: datetime, by: str | None = None
) -> Enquiry:
    _not_excluded(enquiry, "excluded")
    after = _with(enquiry, messages, Transition(Step.EXCLUDED, at, reason, by))
    if after.derived.excluded is None:
        raise InvalidInput("an exclusion was taken back at that time or later", ("occurred_at",))
    return after


def included(enquiry: Enquiry, messages: Sequence[Message], at: datetime, by: str | None = None) -> Enquiry:
    """As if it had never been excluded."""
    require_unmerged(enquiry)
    if enquiry.derived.excluded is None:
        raise WrongStep(enquiry.id, "not excluded", "included")
    after = _with(enquiry, messages, Transition(Step.INCLUDED, at, by=by))
    if after.derived.excluded is not None:
        raise InvalidInput("it was excluded after that time", ("occurred_at",))
    return after


def assigned(
    enquiry: Enquiry,
    messages: Sequence[Message],
    assignee: str | None,
    team: str | None,
    at: datetime,
    by: str | None = None,
) -> Enquiry:
    require_unmerged(enquiry)
    assignments = (*enquiry.assignments, Assignment(at, assignee, team, by))
    last = max(assignments, key=lambda assignment: assignment.at)
    return again(replace(enquiry, assignee=last.assignee, team=last.team, assignments=assignments), messages)
