"""How a measure moves, and which text somebody gets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Conflict, InvalidInput
from chassis.ids import new_id
from chassis.money import Money
from services.feedback.measure.domain import (
    Asking,
    Kind,
    Measure,
    Status,
    Step,
    Text,
    begun,
    changed,
    checked,
    linked,
    text_for,
    unlinked,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
THERE = (Status.INTRODUCED, Status.COMPLETED)


def measure(**said: Any) -> Measure:
    history = (Step(Status.PROPOSED, NOW),)
    return Measure(**{"id": "mea_1", "title": "T", "kind": Kind.PROCESS, "created_at": NOW, "history": history, **said})


@settings(max_examples=40)
@given(st.lists(st.sampled_from(Status), max_size=8))
def test_what_was_introduced_has_its_moment_for_good_and_each_step_is_kept(steps: list[Status]) -> None:
    now, one = NOW, measure()
    first: datetime | None = None
    for status in steps:
        now += timedelta(hours=1)
        before = one
        try:
            one = changed(before, before.version, before, now, status=status, by="emp_1")
        except InvalidInput:
            assert before.status in THERE
            assert status not in THERE
            continue
        if status in THERE and first is None:
            first = now
        assert one.introduced_at == first
        assert one.version == before.version + 1
        kept = (before.status, len(before.history)) if status is before.status else (status, len(before.history) + 1)
        assert (one.status, len(one.history)) == kept


def test_a_moment_goes_with_what_is_introduced_and_lies_not_ahead() -> None:
    earlier = NOW - timedelta(days=90)
    known = changed(measure(), 1, measure(), NOW, status=Status.INTRODUCED, introduced_at=earlier)
    assert known.introduced_at == earlier
    assert changed(known, 2, known, NOW, introduced_at=NOW).introduced_at == NOW, "it can be mended"
    assert begun(Status.COMPLETED, NOW, earlier, None)["introduced_at"] == earlier
    for status, said in ((Status.PLANNED, earlier), (Status.INTRODUCED, NOW + timedelta(seconds=1))):
        with pytest.raises(InvalidInput) as refused:
            changed(measure(), 1, measure(), NOW, status=status, introduced_at=said)
        assert refused.value.path == ("introduced_at",)
    with pytest.raises(Conflict):
        changed(known, 1, known, NOW)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"title": " "}, ("title",)),
        ({"title": "x" * 201}, ("title",)),
        ({"description": "x" * 10_001}, ("description",)),
        ({"budget": Money(Decimal(-1), "EUR")}, ("budget", "amount")),
        ({"aims_at": "x" * 101}, ("aims_at",)),
        ({"offer": new_id("cmp")}, ("offer_id",)),
        ({"campaign": "cmp_1"}, ("campaign_id",)),
        ({"topics": tuple(map(str, range(51)))}, ("topic_keys",)),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(said: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        measure(**said)
    assert refused.value.path == path


def test_topics_are_linked_once_and_unlinked() -> None:
    one = linked(measure(topics=("a", "b")), ["b", "c"])
    assert (one.topics, one.version) == (("a", "b", "c"), 2)
    assert unlinked(one, ["a", "z"]).topics == ("b", "c")


def test_each_gets_the_text_in_the_language_they_asked_in() -> None:
    texts = [Text("de", "Neu", "Da"), Text("en-GB", "New", "There")]
    one = Asking("cus_1", "rec_1", ("fbk_1",))
    for language, subject in (("en", "New"), ("de-AT", "Neu"), ("fr", "Neu"), (None, "Neu")):
        assert text_for(replace(one, language=language), texts).subject == subject
    for wrong in ([], [Text("de", "A", "B"), Text("de-CH", "A", "B")]):
        with pytest.raises(InvalidInput):
            checked(wrong)
    for language, subject, text in (("d e", "A", "B"), ("de", "A\nBcc: x", "B"), ("de", "A", " ")):
        with pytest.raises(InvalidInput):
            Text(language, subject, text)
