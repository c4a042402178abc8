"""Offers, and who was assigned to which group: over values alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.customers.offer.domain import (
    Assignment,
    Cap,
    Group,
    Kind,
    Offer,
    StaleVersion,
    Step,
    archived,
    check_moment,
    redefined,
    settled,
)
from services.customers.touchpoint.domain import Channel

AT = datetime(2026, 1, 1, tzinfo=UTC)
CARE = Offer("off_1", "care-plan", "Care plan")


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("key", "Care Plan", ("key",)),
        ("title", " ", ("title",)),
        ("description", "x" * 2_001, ("description",)),
        ("step", Step.CALL, ("step",)),
        ("kind", Kind.NEXT_STEP, ("step",)),
        ("valid_to", date(2025, 12, 31), ("valid_to",)),
        ("excludes", ("care-plan",), ("excludes",)),
        ("topics", ("a", "a"), ("topics",)),
        ("topics", ("a", ""), ("topics", "1")),
        ("stages", ("LEAD", "FAN"), ("stages", "1")),
        ("channels", (Channel.EMAIL, Channel.EMAIL), ("channels",)),
    ],
)
def test_what_cannot_be_offered_is_refused_with_the_field(field: str, value: object, path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as error:
        replace(CARE, **{"valid_from": date(2026, 1, 1), field: value})  # type: ignore[arg-type]
    assert error.value.path == path


def test_a_cap_and_a_moment_lie_within_reason() -> None:
    with pytest.raises(InvalidInput):
        Cap(0, 7)
    with pytest.raises(InvalidInput):
        Cap(1, 0)
    check_moment(AT + timedelta(minutes=4), AT)
    with pytest.raises(InvalidInput):
        check_moment(AT + timedelta(minutes=6), AT)


def test_a_change_is_made_from_the_present_version() -> None:
    gone = archived(CARE, 1)
    assert (gone.active, gone.version) == (False, 2)
    again = redefined(gone, 2, replace(CARE, id="off_2", title="Care"))
    assert (again.id, again.active, again.version, again.title) == ("off_1", True, 3, "Care")
    with pytest.raises(StaleVersion):
        archived(gone, 1)
    with pytest.raises(StaleVersion):
        redefined(gone, 1, CARE)


def assignment(record: str, days: int, group: Group = Group.TREATED) -> Assignment:
    return Assignment("off_1", record, "shop", f"cus_of_{record}", group, AT + timedelta(days=days))


_DAYS = st.integers(0, 20)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from("abcd"), _DAYS, min_size=1), st.lists(_DAYS), st.randoms())
def test_of_several_assignments_the_first_counts_whatever_the_order(
    days: dict[str, int], converted: list[int], chance: object
) -> None:
    known = [assignment(record, day) for record, day in days.items()]
    moments = [AT + timedelta(days=day) for day in converted]
    expected = {one.id: one for one in settled(known, "cus_1", moments)}
    chance.shuffle(known)  # type: ignore[attr-defined]
    found = settled(known, "cus_1", reversed(moments))
    assert {one.id: one for one in found} == expected
    [first] = [one for one in found if one.counts]
    assert (first.at, first.source_record) == min((one.at, one.source_record) for one in known)
    after = [at for at in moments if at >= first.at]
    assert first.converted_at == min(after, default=None)
    assert all(one.converted_at is None for one in found if not one.counts)
    assert {one.customer for one in found} == {"cus_1"}
    # Settling what is settled changes nothing, and each side of a split is as it was before the merge.
    assert {one.id: one for one in settled(found, "cus_1", moments)} == expected
    alone = settled([replace(one, counts=False) for one in found if one.id == known[0].id], known[0].customer, [])
    assert alone == [known[0]]
