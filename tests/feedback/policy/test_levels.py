"""What is promised and whether it is kept, as a rule over the waits of an enquiry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.feedback.calendar.domain.calendar import Calendar, Interval
from services.feedback.calendar.domain.hours import Calendars
from services.feedback.calendar.holidays import holiday_of
from services.feedback.enquiry.domain import levels, steps
from services.feedback.enquiry.domain.facts import (
    AuthorKind,
    Enquiry,
    Level,
    Message,
    Reason,
    Status,
    Visibility,
    WaitKind,
    Word,
)
from services.feedback.enquiry.domain.levels import LevelState, state_of
from services.feedback.enquiry.domain.observations import JUDGED, contributions
from services.feedback.policy.domain import Policy, Target
from services.feedback.policy.ruling import Policies

FRIDAY = datetime(2026, 1, 9, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFFICE = Calendar("cal_1", "office", "Office", "UTC", ((Interval(9 * 60, 17 * 60),),) * 5 + ((), ()), default=True)
OPEN_HOURS, NONE = Calendars([OFFICE], holiday_of), Calendars([], holiday_of)


def policy(*targets: Target, **fields: Any) -> Policy:
    given: dict[str, Any] = {"id": "slp_1", "key": "gold", "name": "Gold", "since": FRIDAY - 24 * HOUR, **fields}
    return Policy(targets=targets, **given)


def message(id: str, at: datetime, kind: AuthorKind = AuthorKind.CUSTOMER) -> Message:
    return Message(id, "enq_1", kind, Visibility.PUBLIC, at, "shop", touchpoint="tou_1")


def asked(*answers: datetime, **fields: Any) -> tuple[Enquiry, list[Message]]:
    said = [message("m0", FRIDAY), *(message(f"a{n}", at, AuthorKind.EMPLOYEE) for n, at in enumerate(answers))]
    return steps.opened(Enquiry("enq_1", "shop", "Where?", FRIDAY, **fields), said), said


def judged(enquiry: Enquiry, *policies: Policy, now: datetime = FRIDAY, calendars: Calendars = OPEN_HOURS) -> Enquiry:
    return levels.judged(enquiry, calendars, Policies(policies).of, now)


def of_kind(enquiry: Enquiry, kind: WaitKind) -> Level:
    return next(level for level in enquiry.levels if level.kind is kind)


FOUR_HOURS = policy(Target(WaitKind.FIRST, 4 * HOUR, business=True))
THREE_HOURS = policy(Target(WaitKind.FIRST, 3 * HOUR, business=True))
FOUR_ELAPSED = policy(Target(WaitKind.FIRST, 4 * HOUR))
SATURDAY, MONDAY = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 1, 12, 9, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("promise", "answered", "met", "seconds"),
    [
        (FOUR_ELAPSED, FRIDAY + 4 * HOUR, True, 3 * 3600),
        (FOUR_ELAPSED, FRIDAY + 4 * HOUR + MS, False, 3 * 3600),
        (THREE_HOURS, SATURDAY, True, 3 * 3600),
        (THREE_HOURS, MONDAY, True, 3 * 3600),
        (THREE_HOURS, MONDAY + MS, False, 3 * 3600 + 0.001),
        (FOUR_HOURS, MONDAY + HOUR, True, 4 * 3600),
        (FOUR_HOURS, MONDAY + HOUR + MS, False, 4 * 3600 + 0.001),
    ],
)
def test_the_target_itself_is_in_time_by_either_clock(
    promise: Policy, answered: datetime, met: bool, seconds: float
) -> None:
    enquiry = judged(asked(answered)[0], promise)
    [level] = enquiry.levels
    assert (level.met, state_of(level, MONDAY)) == (met, LevelState.HIT if met else LevelState.MISSED)
    first = next(wait for wait in enquiry.derived.waits if wait.kind is WaitKind.FIRST)
    assert first.business_seconds == pytest.approx(seconds)
    assert (first.calendar, first.calendar_version) == ("cal_1", 1)
    told = contributions(enquiry)
    assert ("business_seconds", first.business_seconds) in told["wait.first", first.key].attributes
    assert told[JUDGED, first.key].attributes == (("met", met), ("policy", "gold"), ("wait", "FIRST"))


def test_a_wait_outside_of_hours_is_zero_and_one_without_a_calendar_is_not_known() -> None:
    early = Enquiry("enq_1", "shop", "Where?", SATURDAY)
    said = [message("m0", SATURDAY), message("a0", SATURDAY + HOUR, AuthorKind.EMPLOYEE)]
    enquiry = steps.opened(early, said)
    first = next(wait for wait in judged(enquiry, FOUR_HOURS).derived.waits if wait.kind is WaitKind.FIRST)
    assert first.business_seconds == 0.0
    told = contributions(judged(enquiry, FOUR_HOURS))
    assert ("business_seconds", 0.0) in told["wait.first", f"enq_1:FIRST:{said[0].id}"].attributes
    unknown = judged(enquiry, FOUR_HOURS, calendars=NONE)
    assert [wait.business_seconds for wait in unknown.derived.waits] == [None] * len(unknown.derived.waits)
    assert unknown.levels == (), "nobody can tell whether business time was kept"
    assert not any("business_seconds" in dict(one.attributes) for one in contributions(unknown).values())


def test_an_open_promise_comes_to_be_at_risk_then_missed_and_each_is_told_once() -> None:
    enquiry = judged(asked()[0], FOUR_HOURS)
    [level] = enquiry.levels
    due, risk = MONDAY + HOUR, MONDAY + 0.2 * HOUR
    assert (level.due_at, level.risk_at, level.late_after) == (due, risk, due)
    assert [state_of(level, at).value for at in (risk - MS, risk, due, due + MS)] == [
        "NOT_YET_DUE",
        "AT_RISK",
        "AT_RISK",
        "MISSED",
    ]
    assert (levels.next_due(enquiry), levels.next_look(enquiry)) == (due, risk)
    assert levels.told(enquiry, risk - MS) == (enquiry, 0)
    warned, count = levels.told(judged(enquiry, FOUR_HOURS, now=risk), risk)
    assert (count, warned.levels[0].told, levels.next_look(warned)) == (1, Word.AT_RISK, due)
    assert levels.told(warned, due) == (warned, 0)
    assert not any(name == JUDGED for name, _ in contributions(warned))
    late, count = levels.told(judged(warned, FOUR_HOURS, now=due + MS), due + MS)
    assert (count, late.levels[0].told, levels.next_look(late)) == (1, Word.MISSED, None)
    assert levels.told(late, due + 99 * HOUR) == (late, 0)
    assert dict(contributions(late)[JUDGED, late.levels[0].wait].attributes)["met"] is False
    # A late fact says that it was answered in time after all.
    answered = judged(steps.again(late, asked(MONDAY)[1]), FOUR_HOURS, now=due + HOUR)
    assert answered.levels[0].met
    assert levels.next_due(answered) is None
    # Never asked about in between: it is told that it is missed, and that alone.
    _, count = levels.told(judged(asked()[0], FOUR_HOURS, now=due + MS), due + MS)
    assert count == 1


def test_the_time_to_resolution_stands_still_while_it_is_pending_where_the_policy_says_so() -> None:
    promise = policy(Target(WaitKind.RESOLUTION, 4 * HOUR), pauses=True)
    enquiry, said = asked()
    pending = steps.set_status(enquiry, said, Status.PENDING, FRIDAY + HOUR, None)
    level = of_kind(judged(pending, promise, now=FRIDAY + 99 * HOUR), WaitKind.RESOLUTION)
    assert (level.due_at, level.met, state_of(level, FRIDAY + 99 * HOUR)) == (None, None, LevelState.NOT_YET_DUE)
    again = steps.set_status(pending, said, Status.OPEN, FRIDAY + 50 * HOUR, None)
    assert of_kind(judged(again, promise), WaitKind.RESOLUTION).due_at == FRIDAY + 53 * HOUR
    for hours, met in ((53, True), (54, False)):
        done = steps.resolved(again, said, FRIDAY + hours * HOUR, None)
        assert of_kind(judged(done, promise), WaitKind.RESOLUTION).met is met
    done = steps.resolved(again, said, FRIDAY + 53 * HOUR, None)
    assert of_kind(judged(done, replace(promise, pauses=False)), WaitKind.RESOLUTION).met is False
    late = steps.set_status(enquiry, said, Status.PENDING, FRIDAY + 5 * HOUR, None)
    assert of_kind(judged(late, promise, now=FRIDAY + 6 * HOUR), WaitKind.RESOLUTION).met is False, "before it paused"


def test_what_is_promised_follows_from_the_enquiry_and_from_what_held_when_the_wait_began() -> None:
    gold = policy(Target(WaitKind.FIRST, HOUR), condition='enquiry.category == "crane"', order=1)
    rest = policy(Target(WaitKind.FIRST, 9 * HOUR), id="slp_2", key="rest", order=2)
    later = replace(gold, targets=(Target(WaitKind.FIRST, 2 * HOUR),), version=2, since=FRIDAY + HOUR)
    before = replace(gold, until=later.since)
    crane, other = (asked(FRIDAY + 3 * HOUR, category=one)[0] for one in ("crane", None))
    assert [level.policy for level in judged(crane, rest, before, later).levels] == ["slp_1"]
    assert [level.policy_version for level in judged(crane, rest, before, later).levels] == [1]
    assert [level.policy for level in judged(other, rest, before, later).levels] == ["slp_2"]
    assert judged(other, before, later).levels == ()
    archived = replace(later, active=False, since=FRIDAY)
    assert judged(crane, replace(gold, until=FRIDAY), archived).levels == ()


def test_closed_without_an_answer_is_missed_and_what_does_not_count_is_not_judged() -> None:
    enquiry, said = asked()
    closed = judged(steps.closed(enquiry, said, FRIDAY + MS, None), FOUR_ELAPSED)
    assert [level.met for level in closed.levels] == [False]
    spam = judged(steps.excluded(enquiry, said, Reason.SPAM, FRIDAY + HOUR, None), FOUR_ELAPSED, now=MONDAY)
    assert spam.levels == ()
    ancient = Enquiry("enq_1", "shop", "Where?", datetime(3, 1, 1, tzinfo=UTC))
    old = judged(steps.opened(ancient, [message("m0", datetime(9998, 1, 1, tzinfo=UTC))]), FOUR_ELAPSED, FOUR_HOURS)
    assert old.levels == ()
