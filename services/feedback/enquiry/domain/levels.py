"""How long waits were by business time, and whether what was promised for them is kept."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from services.feedback.calendar.domain.hours import Calendars, Clock, Elapsed, Hours
from services.feedback.enquiry.domain.facts import Enquiry, Level, Wait, WaitEnd, WaitKind, Word
from services.feedback.policy.domain import Policy, Target

# Of a wait of this enquiry that began at that moment.
PolicyOf = Callable[[Enquiry, datetime], Policy | None]

_ELAPSED = Elapsed()
# What begins or ends outside of these years is a slip of the pen, and nothing is promised for it.
_YEARS = range(1900, 2200)


class LevelState(Enum):
    NOT_YET_DUE = "NOT_YET_DUE"
    AT_RISK = "AT_RISK"
    HIT = "HIT"
    MISSED = "MISSED"


def judged(enquiry: Enquiry, calendars: Calendars, policy_of: PolicyOf, now: datetime) -> Enquiry:
    """The enquiry with its waits measured and judged anew; what was told of them stays told."""
    told = {level.wait: level.told for level in enquiry.levels}
    waits, levels = [], []
    for one in enquiry.derived.waits:
        hours = calendars.of(one.touchpoint, enquiry.team) if _is_measurable(one) else None
        wait = _measured(one, hours)
        waits.append(wait)
        if wait.flagged is None and wait.ended is not WaitEnd.EXCLUDED and _is_measurable(wait):
            policy = policy_of(enquiry, wait.started_at)
            targets = policy.targets if policy is not None else ()
            target = next((target for target in targets if target.kind is wait.kind), None)
            if policy is not None and target is not None and not (target.business and hours is None):
                clock: Clock = hours if target.business and hours is not None else _ELAPSED
                levels.append(_level(wait, policy, target, clock, now, told.get(wait.key)))
    return replace(enquiry, derived=replace(enquiry.derived, waits=tuple(waits)), levels=tuple(levels))


def state_of(level: Level, now: datetime) -> LevelState:
    if level.met is not None:
        return LevelState.HIT if level.met else LevelState.MISSED
    if level.late_after is not None and level.late_after < now:
        return LevelState.MISSED
    if level.risk_at is not None and level.risk_at <= now:
        return LevelState.AT_RISK
    return LevelState.NOT_YET_DUE


def next_due(enquiry: Enquiry) -> datetime | None:
    """When the first of its open promises is due."""
    return min((level.due_at for level in enquiry.levels if level.open and level.due_at is not None), default=None)


def next_look(enquiry: Enquiry) -> datetime | None:
    """After that moment there is something to tell."""
    return min((moment for level in enquiry.levels for moment in _looks(level)), default=None)


def _looks(level: Level) -> Iterator[datetime]:
    if level.open and level.told is not Word.MISSED:
        if level.late_after is not None:
            yield level.late_after
        if level.told is None and level.risk_at is not None:
            yield level.risk_at


def told(enquiry: Enquiry, now: datetime) -> tuple[Enquiry, int]:
    """The enquiry with all told that there is to tell now, and of how many of its waits."""
    levels = tuple(_told(level, now) for level in enquiry.levels)
    return replace(enquiry, levels=levels), sum(a != b for a, b in zip(levels, enquiry.levels, strict=True))


def _told(level: Level, now: datetime) -> Level:
    state = state_of(level, now)
    if level.open and state is LevelState.MISSED and level.told is not Word.MISSED:
        return replace(level, told=Word.MISSED)
    if level.open and state is LevelState.AT_RISK and level.told is None:
        return replace(level, told=Word.AT_RISK)
    return level


def _is_measurable(wait: Wait) -> bool:
    return wait.started_at.year in _YEARS and (wait.ended_at is None or wait.ended_at.year in _YEARS)


def _measured(wait: Wait, hours: Hours | None) -> Wait:
    if hours is None:
        return replace(wait, business_seconds=None, calendar=None, calendar_version=None)
    seconds = hours.passed(wait.started_at, wait.ended_at).total_seconds() if wait.ended_at is not None else None
    calendar = hours.calendar
    return replace(wait, business_seconds=seconds, calendar=calendar.id, calendar_version=calendar.version)


def _level(wait: Wait, policy: Policy, target: Target, clock: Clock, now: datetime, told: Word | None) -> Level:
    running = list(_running(wait, pauses=policy.pauses and wait.kind is WaitKind.RESOLUTION))
    late_after = _moment(clock, running, target.most, beyond=True)
    level = Level(
        wait=wait.key,
        kind=wait.kind,
        started_at=wait.started_at,
        policy=policy.id,
        policy_key=policy.key,
        policy_version=policy.version,
        target=target.most.total_seconds(),
        business=target.business,
        due_at=_moment(clock, running, target.most, beyond=False),
        risk_at=_moment(clock, running, target.most * policy.at_risk_share, beyond=False),
        late_after=late_after,
        open=wait.ended_at is None,
        met=None,
        told=told,
    )
    if wait.ended_at is None:
        return replace(level, met=False) if late_after is not None and late_after < now else level
    # An answer that was promised and never came is missed, however early it was closed.
    in_time = late_after is None or wait.ended_at <= late_after
    return replace(level, met=in_time and wait.ended is WaitEnd.ANSWERED)


def _running(wait: Wait, *, pauses: bool) -> Iterator[tuple[datetime, datetime | None]]:
    """From when to when the time of a wait runs; None: on and on, as if the wait had not ended."""
    begin = wait.started_at
    for pause in wait.pauses if pauses else ():
        yield begin, max(pause.begin, begin)
        if pause.end is None:
            return
        begin = max(pause.end, begin)
    yield begin, None


def _moment(
    clock: Clock, running: list[tuple[datetime, datetime | None]], left: timedelta, *, beyond: bool
) -> datetime | None:
    """When so much has passed, or the last moment at which no more than that has; None: never, or it stands still."""
    for begin, end in running:
        passed = clock.passed(begin, end) if end is not None else None
        if passed is None or passed > left or (passed == left and not beyond):
            found = clock.beyond(begin, left) if beyond else clock.after(begin, left)
            # As it will be kept: all moments are whole milliseconds.
            return found.replace(microsecond=found.microsecond // 1000 * 1000) if found is not None else None
        left -= passed
    return None
