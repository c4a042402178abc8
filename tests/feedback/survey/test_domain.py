"""What a survey may be, and what becomes of an invitation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import AlreadyExists, Conflict, DomainError, InvalidInput, NotFound
from services.feedback.survey.domain import (
    USUAL,
    AnsweredAlready,
    Invitation,
    Kind,
    Occasion,
    Reminders,
    Scale,
    Sent,
    State,
    Survey,
    Text,
    TooLate,
    Trigger,
    Wording,
    archived,
    defined,
    drawn,
    invited,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def survey(**fields: Any) -> Survey:
    texts = fields.pop("texts", (Text("en", "How was it?"),))
    kind = fields.pop("kind", Kind.CSAT)
    said = {"id": "srv_1", "key": "after-service", "kind": kind, "scale": USUAL[kind], **fields}
    return Survey(wordings=(Wording(1, NOW, texts),), **said)


def invitation(of: Survey) -> Invitation:
    return invited(of, Invitation("inv_1", of.id, "cus_1", "rec_1", NOW, NOW, (Sent(NOW, b"1"),), None), NOW)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: survey(key="After Service"), ("key",)),
        (lambda: survey(texts=()), ("texts",)),
        (lambda: survey(texts=(Text("en", "A?"), Text("en", "B?"))), ("texts",)),
        (lambda: Text("fr", "Ça va?"), ("language",)),
        (lambda: Text("en", " "), ("question",)),
        (lambda: survey(kind=Kind.NPS, scale=Scale(1, 5)), ("scale",)),
        (lambda: Scale(0, 11), ("scale",)),
        (lambda: Scale(5, 1), ("scale",)),
        (lambda: survey(days_open=0), ("days_open",)),
        (lambda: survey(quiet_days=-1), ("quiet_days",)),
        (lambda: Reminders(4, 1), ("reminders", "most")),
        (lambda: survey(days_open=10, reminders=Reminders(2, 5)), ("reminders",)),
        (lambda: Trigger(Occasion.RESOLVED, 0.0), ("trigger", "share")),
    ],
)
def test_what_cannot_be_asked_says_where(make: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.path == path


def test_a_survey_keeps_its_kind_its_scale_and_every_wording() -> None:
    first = survey()
    said_anew = survey(id="srv_2", texts=(Text("en", "How did we do?"),))
    second = defined(said_anew, first, 1)
    assert (second.id, second.version, [one.version for one in second.wordings]) == ("srv_1", 2, [1, 2])
    third = defined(replace(said_anew, quiet_days=5), second, 2)
    assert third.wordings == second.wordings, "the same words are the same wording"
    assert third.wording(1).texts == first.texts
    assert third.wording(3) is third.wordings[-1]
    with pytest.raises(InvalidInput):
        third.wording(4)
    assert archived(third, 3) == replace(third, active=False, version=4)

    refusals: list[tuple[Survey, Survey | None, int | None, type[DomainError]]] = [
        (survey(kind=Kind.CES), first, 1, InvalidInput),
        (survey(scale=Scale(1, 7)), first, 1, InvalidInput),
        (survey(), first, 2, Conflict),
        (survey(), first, None, AlreadyExists),
        (survey(), None, 1, NotFound),
    ]
    for said, known, made_from, refusal in refusals:
        with pytest.raises(refusal):
            defined(said, known, made_from)


@pytest.mark.parametrize("value", [-1.0, 0.0, 5.5, 6.0, float("nan"), float("inf")])
def test_an_answer_is_a_step_of_the_scale(value: float) -> None:
    with pytest.raises(InvalidInput):
        Scale(1, 5).check(value)


def test_an_invitation_is_answered_once_and_not_for_ever() -> None:
    asks = survey()
    open = invitation(asks)
    answered = open.answered(asks, "fbk_1", 1, NOW + timedelta(days=29))
    assert (answered.state, answered.feedback, answered.next_at) == (State.ANSWERED, "fbk_1", None)
    with pytest.raises(AnsweredAlready):
        answered.answered(asks, "fbk_2", 1, NOW)
    late = [
        (open, asks, 30),
        (open.not_sent("REFUSED"), asks, 0),
        (open, archived(asks, 1), 0),
        (open.expired(), asks, 0),
    ]
    for one, of, days in late:
        with pytest.raises(TooLate):
            one.answered(of, "fbk_1", 1, NOW + timedelta(days=days))


@settings(max_examples=50)
@given(st.integers(1, 3), st.integers(1, 10), st.lists(st.integers(0, 400), min_size=40, max_size=60))
def test_reminders_are_capped_apart_and_before_the_end(most: int, after: int, pauses: list[int]) -> None:
    asks = survey(reminders=Reminders(most, after), days_open=most * after + 1)
    one, at = invitation(asks), NOW
    for hours in pauses:
        at += timedelta(hours=hours)
        if one.state_at(asks, at) is State.EXPIRED:
            break
        due = one.reminder_at(asks)
        one = one.waiting(asks, at, reached=True) if due is None or due > at else one.reminded(asks, b"2", at)
        assert one.next_at is not None
        assert one.next_at <= one.expires_at
    gaps = [b.at - a.at for a, b in zip(one.sent, one.sent[1:], strict=False)]
    assert len(gaps) <= most
    assert all(gap >= timedelta(days=after) for gap in gaps)
    assert all(sent.at < one.expires_at for sent in one.sent)


def test_the_lot_falls_on_the_share_and_always_the_same() -> None:
    asks = survey(trigger=Trigger(Occasion.RESOLVED, 0.25))
    occasions = [f"enq_{number}" for number in range(2000)]
    fell = [one for one in occasions if drawn(asks, one)]
    assert 400 < len(fell) < 600
    assert fell == [one for one in occasions if drawn(asks, one)]
    assert all(drawn(replace(asks, trigger=Trigger(Occasion.RESOLVED, 1.0)), one) for one in occasions)
    assert not any(drawn(survey(), one) for one in occasions)
