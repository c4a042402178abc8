"""Derives waits and status from the facts of an enquiry: the same facts in any order of arrival give the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.feedback.enquiry.domain.facts import (
    Assignment,
    Derived,
    Enquiry,
    Message,
    Pause,
    Reason,
    Status,
    StatusChange,
    Step,
    Transition,
    Visibility,
    Wait,
    WaitEnd,
    WaitFlag,
    WaitKind,
)

_DONE = (Status.RESOLVED, Status.CLOSED)

# At equal times the request comes before the answer, and both before what was decided on them.
_RANK_CUSTOMER, _RANK_OTHER = 0, 1
_RANK_OF_STEP = {
    Step.OPENED: 2,
    Step.PENDING: 3,
    Step.RESOLVED: 4,
    Step.CLOSED: 5,
    Step.REOPENED: 6,
    Step.EXCLUDED: 7,
    Step.INCLUDED: 8,
}

_ORDER = {WaitKind.FIRST: 0, WaitKind.NEXT: 1, WaitKind.RESOLUTION: 2}

_Place = tuple[datetime, int, str]


def derive(enquiry: Enquiry, messages: Sequence[Message]) -> Derived:
    run = _Run(enquiry)
    for _, fact in sorted(_timeline(enquiry, messages), key=lambda placed: placed[0]):
        if isinstance(fact, Transition):
            run.step(fact)
            run.note(fact.at, fact.by)
            continue
        if fact.from_customer:
            run.asked(fact)
        elif fact.answers:
            run.answered(fact)
        if fact.visibility is Visibility.PUBLIC:
            run.touched(fact)
            run.note(fact.occurred_at, fact.author)
    return run.result()


def _timeline(enquiry: Enquiry, messages: Sequence[Message]) -> Iterable[tuple[_Place, Message | Transition]]:
    moments = {message.id: message.occurred_at for message in messages if message.from_customer}
    for message in messages:
        # An answer that names what it answers comes after that, whatever its date says.
        at = max(message.occurred_at, moments.get(message.in_reply_to or "", message.occurred_at))
        yield (at, _RANK_CUSTOMER if message.from_customer else _RANK_OTHER, message.id), message
    for transition in enquiry.transitions:
        # Nothing can be decided before it was opened; the end keeps its own date and is flagged.
        order = f"{transition.at.isoformat()} {transition.reason}"
        yield (max(transition.at, enquiry.opened_at), _RANK_OF_STEP[transition.step], order), transition


@dataclass
class _Run:
    enquiry: Enquiry
    status: Status = Status.NEW
    waits: list[Wait] = field(default_factory=list)
    asking: int | None = None  # the open FIRST or NEXT wait, as a place in waits
    cycle: int | None = None  # the open RESOLUTION wait
    asked_once: bool = False
    first_responded_at: datetime | None = None
    reopen_count: int = 0
    paused_since: datetime | None = None
    excluded: Transition | None = None
    history: list[StatusChange] = field(default_factory=list)
    touchpoints: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin_cycle(self.enquiry.opened_at)
        self.history.append(StatusChange(self.enquiry.opened_at, self.status))

    def note(self, at: datetime, by: str | None) -> None:
        """What a fact made of the enquiry, where it made anything of it."""
        last, reason = self.history[-1], self._reason()
        if (last.status, last.excluded) != (self.status, reason):
            self.history.append(StatusChange(at, self.status, reason, by))

    def touched(self, message: Message) -> None:
        touchpoint = message.touchpoint or self.enquiry.touchpoint
        if touchpoint is not None:
            self.touchpoints[touchpoint] = None

    def asked(self, message: Message) -> None:
        at = message.occurred_at
        if self.status in _DONE:
            self._reopen(at)
        elif self.status is Status.PENDING:
            self._resume(at)
        if self.asking is None:
            kind = WaitKind.NEXT if self.asked_once else WaitKind.FIRST
            self.asking = self._begin(kind, at, message.id, message)
            self.asked_once = True

    def answered(self, message: Message) -> None:
        if self.first_responded_at is None:
            self.first_responded_at = message.occurred_at
        if self.status is Status.NEW:
            self.status = Status.OPEN
        if self.asking is not None:
            self._end(self.asking, message.occurred_at, WaitEnd.ANSWERED, message.author)
            self.asking = None

    def step(self, transition: Transition) -> None:
        at, step = transition.at, transition.step
        if step is Step.EXCLUDED:
            self.excluded = self.excluded or transition
        elif step is Step.INCLUDED:
            self.excluded = None
        elif step is Step.REOPENED:
            if self.status in _DONE:
                self._reopen(at)
        elif step is Step.CLOSED and self.status is Status.RESOLVED:
            self.status = Status.CLOSED
        elif self.status in _DONE:
            return
        elif step is Step.PENDING:
            self.status, self.paused_since = Status.PENDING, self.paused_since or at
        elif step is Step.OPENED:
            self._resume(at)
        else:
            self._finish(at, Status.RESOLVED if step is Step.RESOLVED else Status.CLOSED)

    def result(self) -> Derived:
        if self.paused_since is not None and self.cycle is not None:
            wait = self.waits[self.cycle]
            self.waits[self.cycle] = replace(wait, pauses=(*wait.pauses, Pause(self.paused_since)))
        waits = self.waits
        if self.excluded is not None:
            at = self.excluded.at
            waits = [
                replace(w, ended=WaitEnd.EXCLUDED, ended_at=w.ended_at or max(at, w.started_at)) for w in self.waits
            ]
        last = [wait for wait in self.waits if wait.kind is WaitKind.RESOLUTION][-1]
        return Derived(
            status=self.status,
            waits=tuple(sorted(waits, key=lambda wait: (wait.started_at, _ORDER[wait.kind], wait.key))),
            first_responded_at=self.first_responded_at,
            resolved_at=last.ended_at if last.ended is WaitEnd.ANSWERED else None,
            reopen_count=self.reopen_count,
            excluded=self._reason(),
            history=tuple(self.history),
            touchpoints=tuple(self.touchpoints),
        )

    def _reason(self) -> Reason | None:
        return (self.excluded.reason or Reason.SPAM) if self.excluded is not None else None

    def _begin(self, kind: WaitKind, at: datetime, opener: str, message: Message | None = None) -> int:
        enquiry = self.enquiry
        touched = message is not None and message.touchpoint is not None
        self.waits.append(
            Wait(
                key=f"{enquiry.id}:{kind.value}:{opener}",
                kind=kind,
                started_at=at,
                touchpoint=message.touchpoint if message is not None and touched else enquiry.touchpoint,
                channel=message.channel if message is not None and touched else enquiry.channel,
                paused_seconds=0.0 if kind is WaitKind.RESOLUTION else None,
                assignee_at_start=assignee_at(enquiry.assignments, at),
            )
        )
        return len(self.waits) - 1

    def _begin_cycle(self, at: datetime) -> None:
        self.cycle = self._begin(WaitKind.RESOLUTION, at, str(self.reopen_count + 1))

    def _end(self, place: int, at: datetime, ended: WaitEnd, answered_by: str | None = None) -> None:
        wait = self.waits[place]
        self.waits[place] = replace(
            wait,
            ended_at=at,
            ended=ended,
            flagged=WaitFlag.NEGATIVE if at < wait.started_at else None,
            answered_by=answered_by,
            assignee_at_end=assignee_at(self.enquiry.assignments, at),
        )

    def _finish(self, at: datetime, status: Status) -> None:
        self._resume(at)
        if self.asking is not None:
            self._end(self.asking, at, WaitEnd.CLOSED_UNANSWERED)
            self.asking = None
        if self.cycle is not None:
            # Closing without ever having answered is no resolution.
            solved = status is Status.RESOLVED or self.first_responded_at is not None
            self._end(self.cycle, at, WaitEnd.ANSWERED if solved else WaitEnd.CLOSED_UNANSWERED)
            self.cycle = None
        self.status = status

    def _reopen(self, at: datetime) -> None:
        self.status = Status.OPEN
        self.reopen_count += 1
        self._begin_cycle(at)

    def _resume(self, at: datetime) -> None:
        if self.paused_since is not None and self.cycle is not None:
            wait = self.waits[self.cycle]
            pause = Pause(self.paused_since, max(at, self.paused_since))
            paused = (wait.paused_seconds or 0.0) + max((at - self.paused_since).total_seconds(), 0.0)
            self.waits[self.cycle] = replace(wait, paused_seconds=paused, pauses=(*wait.pauses, pause))
        self.paused_since = None
        self.status = Status.OPEN


def assignee_at(assignments: Iterable[Assignment], at: datetime) -> str | None:
    """Who was responsible at that moment."""
    held = [assignment for assignment in assignments if assignment.at <= at]
    return max(held, key=lambda assignment: (assignment.at, assignment.assignee or "")).assignee if held else None
