"""Waits by their definition: one test for each case that tools in the field get wrong, and the order of arrival."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.enquiry.domain.facts import (
    Assignment,
    AuthorKind,
    Derived,
    Enquiry,
    Message,
    Reason,
    Status,
    Step,
    Transition,
    Visibility,
    Wait,
    WaitEnd,
    WaitFlag,
    WaitKind,
)
from services.feedback.enquiry.domain.waits import derive

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
_NUMBERS = count()


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def said(kind: AuthorKind, minutes: float, **fields: object) -> Message:
    id = fields.pop("id", None) or f"msg_{next(_NUMBERS):06}"
    visibility = Visibility.INTERNAL if fields.pop("internal", False) else Visibility.PUBLIC
    return Message(str(id), "enq_1", kind, visibility, at(minutes), "shop", **fields)  # type: ignore[arg-type]  # as named


def customer(minutes: float, **fields: object) -> Message:
    return said(AuthorKind.CUSTOMER, minutes, **fields)


def employee(minutes: float, **fields: object) -> Message:
    return said(AuthorKind.EMPLOYEE, minutes, **fields)


def derived(*facts: Message | Transition | Assignment, opened: float = 0) -> Derived:
    enquiry = Enquiry(
        "enq_1",
        "shop",
        "Question",
        at(opened),
        touchpoint="tou_1",
        channel="WEB_FORM",
        transitions=tuple(fact for fact in facts if isinstance(fact, Transition)),
        assignments=tuple(fact for fact in facts if isinstance(fact, Assignment)),
    )
    return derive(enquiry, [fact for fact in facts if isinstance(fact, Message)])


def of_kind(result: Derived, kind: WaitKind) -> list[Wait]:
    return [wait for wait in result.waits if wait.kind is kind]


def minutes_of(wait: Wait) -> float:
    assert wait.ended_at is not None
    return (wait.ended_at - wait.started_at).total_seconds() / 60


def the_first(result: Derived) -> Wait:
    (wait,) = of_kind(result, WaitKind.FIRST)
    return wait


def step(step: Step, minutes: float, reason: Reason | None = None) -> Transition:
    return Transition(step, at(minutes), reason)


def test_the_first_wait_runs_from_the_customers_message_and_not_from_the_record() -> None:
    result = derived(customer(5), employee(35))
    wait = the_first(result)
    assert (minutes_of(wait), wait.ended) == (30, WaitEnd.ANSWERED)
    assert result.first_responded_at == at(35)
    assert result.status is Status.OPEN


def test_when_the_company_writes_first_nobody_waits_until_the_customer_does() -> None:
    outbound = derived(employee(0))
    assert of_kind(outbound, WaitKind.FIRST) == []
    assert minutes_of(the_first(derived(employee(0), customer(60), employee(70)))) == 10


def test_a_bot_is_no_answer() -> None:
    result = derived(customer(0), said(AuthorKind.BOT, 1))
    assert the_first(result).ended_at is None
    assert result.first_responded_at is None
    assert result.waiting_since == at(0)


def test_after_a_bot_the_human_answers() -> None:
    assert minutes_of(the_first(derived(customer(0), said(AuthorKind.BOT, 1), employee(20)))) == 20


def test_a_note_before_the_answer_is_no_answer() -> None:
    assert minutes_of(the_first(derived(customer(0), employee(3, internal=True), employee(15)))) == 15


def test_an_automatic_reply_is_no_answer() -> None:
    assert minutes_of(the_first(derived(customer(0), said(AuthorKind.SYSTEM, 0), employee(12)))) == 12


def test_two_messages_and_one_answer_are_one_wait() -> None:
    result = derived(customer(0), customer(10), employee(30))
    assert minutes_of(the_first(result)) == 30
    assert of_kind(result, WaitKind.NEXT) == []


def test_one_message_and_two_answers_are_one_wait() -> None:
    result = derived(customer(0), employee(10), employee(20))
    assert minutes_of(the_first(result)) == 10
    assert result.waiting_since is None


def test_the_next_wait_runs_from_the_earliest_unanswered_message() -> None:
    result = derived(customer(0), employee(10), customer(60), customer(65), employee(90))
    (wait,) = of_kind(result, WaitKind.NEXT)
    assert minutes_of(wait) == 30


def test_an_answer_from_another_touchpoint_ends_the_wait_which_keeps_its_own() -> None:
    wait = the_first(derived(customer(0, touchpoint="tou_2", channel="PHONE"), employee(10, touchpoint="tou_3")))
    assert (wait.touchpoint, wait.channel, minutes_of(wait)) == ("tou_2", "PHONE", 10)


def test_the_answer_is_credited_to_its_author_and_the_assignees_are_kept() -> None:
    assignments = [Assignment(at(0), "emp_1", None), Assignment(at(5), "emp_2", None)]
    wait = the_first(derived(customer(1), employee(10, author="emp_3"), *assignments))
    assert (wait.assignee_at_start, wait.assignee_at_end, wait.answered_by) == ("emp_1", "emp_2", "emp_3")


def test_reopening_alone_starts_no_wait() -> None:
    result = derived(customer(0), employee(10), step(Step.RESOLVED, 20), step(Step.REOPENED, 30))
    assert of_kind(result, WaitKind.NEXT) == []
    assert [minutes_of(wait) for wait in of_kind(result, WaitKind.RESOLUTION)[:1]] == [20]
    assert of_kind(result, WaitKind.RESOLUTION)[1].ended_at is None
    assert (result.status, result.reopen_count, result.resolved_at) == (Status.OPEN, 1, None)


@pytest.mark.parametrize("end", [Step.RESOLVED, Step.CLOSED])
def test_a_thank_you_reopens_and_is_waited_for(end: Step) -> None:
    result = derived(customer(0), employee(10), step(end, 20), customer(30))
    assert (result.status, result.reopen_count) == (Status.OPEN, 1)
    (wait,) = of_kind(result, WaitKind.NEXT)
    assert wait.started_at == at(30)
    assert minutes_of(the_first(result)) == 10


def test_closed_without_an_answer_is_an_end_of_its_own() -> None:
    result = derived(customer(0), step(Step.CLOSED, 45))
    wait = the_first(result)
    assert (wait.ended, minutes_of(wait)) == (WaitEnd.CLOSED_UNANSWERED, 45)
    (resolution,) = of_kind(result, WaitKind.RESOLUTION)
    assert resolution.ended is WaitEnd.CLOSED_UNANSWERED
    assert (result.status, result.resolved_at) == (Status.CLOSED, None)


def test_closing_after_an_answer_is_a_resolution_and_closing_a_resolved_one_changes_nothing() -> None:
    closed = derived(customer(0), employee(5), step(Step.CLOSED, 45))
    assert closed.resolved_at == at(45)
    both = derived(customer(0), employee(5), step(Step.RESOLVED, 40), step(Step.CLOSED, 45))
    assert (both.status, both.resolved_at) == (Status.CLOSED, at(40))


def test_a_call_answers_only_when_somebody_talked() -> None:
    result = derived(customer(0), employee(5, connected=False), employee(50, connected=True))
    assert minutes_of(the_first(result)) == 50


def test_a_customers_call_that_nobody_took_is_waited_for() -> None:
    assert the_first(derived(customer(3, connected=False))).started_at == at(3)


def test_an_answer_dated_before_its_question_ends_it_and_is_flagged() -> None:
    question = customer(10)
    result = derived(question, employee(4, in_reply_to=question.id))
    wait = the_first(result)
    assert (wait.ended, wait.flagged, minutes_of(wait)) == (WaitEnd.ANSWERED, WaitFlag.NEGATIVE, -6)
    assert result.waiting_since is None


def test_an_answer_to_a_later_message_of_the_same_wait_is_not_negative() -> None:
    later = customer(10)
    wait = the_first(derived(customer(0), later, employee(4, in_reply_to=later.id)))
    assert (wait.flagged, minutes_of(wait)) == (None, 4)


def test_at_equal_times_the_question_comes_before_the_answer() -> None:
    result = derived(employee(0), customer(0), step(Step.RESOLVED, 0))
    assert (minutes_of(the_first(result)), the_first(result).flagged) == (0, None)
    assert result.status is Status.RESOLVED


def test_imported_history_that_ends_before_it_began_is_flagged_throughout() -> None:
    question = customer(0)
    result = derived(question, employee(-90, in_reply_to=question.id), step(Step.RESOLVED, -90))
    assert [wait.flagged for wait in result.waits] == [WaitFlag.NEGATIVE, WaitFlag.NEGATIVE]
    assert result.status is Status.RESOLVED


def test_exclusion_ends_every_wait() -> None:
    result = derived(customer(0), employee(5), customer(9), step(Step.EXCLUDED, 20, Reason.DUPLICATE))
    assert {wait.ended for wait in result.waits} == {WaitEnd.EXCLUDED}
    assert all(wait.ended_at is not None for wait in result.waits)
    assert (result.excluded, result.waiting_since) == (Reason.DUPLICATE, None)


def test_a_pause_shortens_the_net_resolution_and_no_response() -> None:
    result = derived(customer(0), employee(10), step(Step.PENDING, 10), step(Step.OPENED, 40), step(Step.RESOLVED, 60))
    (resolution,) = of_kind(result, WaitKind.RESOLUTION)
    assert (minutes_of(resolution), resolution.paused_seconds) == (60, 1800)
    assert minutes_of(the_first(derived(customer(0), step(Step.PENDING, 1), employee(30)))) == 30


def test_a_customer_who_writes_ends_the_pause() -> None:
    result = derived(customer(0), employee(1), step(Step.PENDING, 2), customer(12), step(Step.RESOLVED, 20))
    assert of_kind(result, WaitKind.RESOLUTION)[0].paused_seconds == 600


def test_a_change_of_status_never_begins_the_first_wait_anew() -> None:
    result = derived(customer(0), step(Step.RESOLVED, 5), step(Step.REOPENED, 6), employee(9))
    assert the_first(result).ended is WaitEnd.CLOSED_UNANSWERED
    assert len(of_kind(result, WaitKind.FIRST)) == 1


kinds = st.sampled_from([AuthorKind.CUSTOMER, AuthorKind.EMPLOYEE, AuthorKind.BOT, AuthorKind.SYSTEM])


def _moment(fact: Message | Transition | Assignment) -> datetime:
    return fact.occurred_at if isinstance(fact, Message) else fact.at


@st.composite
def histories(draw: st.DrawFn) -> list[Message | Transition | Assignment]:
    moments = st.integers(-5, 20)
    facts: list[Message | Transition | Assignment] = []
    for number in range(draw(st.integers(0, 8))):
        earlier = [fact.id for fact in facts if isinstance(fact, Message)]
        facts.append(
            said(
                draw(kinds),
                draw(moments),
                id=f"msg_{number}",
                internal=draw(st.booleans()),
                in_reply_to=draw(st.sampled_from([None, *earlier])),
                connected=draw(st.sampled_from([None, True, False])),
            )
        )
    steps = st.builds(step, st.sampled_from(list(Step)), moments)
    assignments = st.builds(Assignment, moments.map(at), st.sampled_from(["emp_1", "emp_2", None]), st.none())
    facts += draw(st.lists(steps, max_size=4))
    facts += draw(st.lists(assignments, max_size=3, unique_by=_moment))
    return facts


@given(histories(), st.randoms())
def test_the_same_facts_in_any_order_give_the_same_waits(
    facts: list[Message | Transition | Assignment], random: object
) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert derived(*shuffled) == derived(*facts)


@given(histories())
def test_whatever_happened_the_waits_make_sense(facts: list[Message | Transition | Assignment]) -> None:
    result = derived(*facts)
    assert len(of_kind(result, WaitKind.FIRST)) <= 1
    assert len(of_kind(result, WaitKind.RESOLUTION)) == result.reopen_count + 1
    assert len({wait.key for wait in result.waits}) == len(result.waits)
    for wait in result.waits:
        assert (wait.ended is None) == (wait.ended_at is None)
        assert wait.flagged is None or (wait.ended_at is not None and wait.ended_at < wait.started_at)
    asking = [wait for wait in result.waits if wait.kind is not WaitKind.RESOLUTION and wait.ended_at is None]
    assert len(asking) <= 1
    assert (result.waiting_since is None) == (not asking)
