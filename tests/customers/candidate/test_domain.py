"""Pairs are decided once, and follow merges and splits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import InvalidInput
from services.customers.candidate.domain import (
    LINKAGE,
    Candidate,
    Decision,
    MergedAlready,
    Side,
    Status,
    decided,
    followed,
    found_again,
    found_pair,
    superseded,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def pair(id: str = "dup_1", one: str = "cus_1", other: str = "cus_2", score: float = 0.9) -> Candidate:
    sides = (Side(one, f"src_{one[-1]}"), Side(other, f"src_{other[-1]}"))
    return found_pair(id, *sides, score, [], LINKAGE, NOW)


def test_who_is_parted_after_a_merge_stays_parted() -> None:
    merged = decided(pair(), Decision.MERGE, "cus_2", "ann", "emp_1", NOW)
    assert (merged.customers, merged.status, merged.employee) == (("cus_2", "cus_2"), Status.MERGED, "emp_1")
    # The merge itself, as it arrives later, changes nothing.
    assert followed(merged, "src_1", "cus_2", LATER) == merged
    parted = followed(merged, "src_1", "cus_1", LATER)
    assert (parted.customers, parted.status) == (("cus_1", "cus_2"), Status.DISMISSED)
    assert found_again(parted, pair(score=0.99)) == parted
    with pytest.raises(MergedAlready):
        decided(merged, Decision.DISMISS, None, "ann", None, NOW)


def test_who_is_merged_in_another_way_is_merged_and_moves_on_together() -> None:
    dismissed = decided(pair(), Decision.DISMISS, None, "ann", None, NOW)
    for before in (pair(), dismissed):
        merged = followed(before, "src_2", "cus_1", LATER)
        assert (merged.status, merged.decided_by, merged.decided_at) == (Status.MERGED, None, LATER)
    # Both follow a third, one after the other: they are one in the end.
    merged = decided(pair(), Decision.MERGE, None, "ann", None, NOW)
    moved = followed(followed(merged, "src_1", "cus_0", LATER), "src_2", "cus_0", LATER)
    assert (moved.customers, moved.status) == (("cus_0", "cus_0"), Status.MERGED)


def test_decisions_are_taken_once_and_name_one_of_the_two() -> None:
    dismissed = decided(pair(), Decision.DISMISS, None, "ann", None, NOW)
    assert decided(dismissed, Decision.DISMISS, None, "ben", None, LATER) is dismissed
    assert decided(dismissed, Decision.MERGE, None, "ben", None, LATER).customers == ("cus_1", "cus_1")
    with pytest.raises(InvalidInput):
        decided(pair(), Decision.MERGE, "cus_3", "ann", None, NOW)


def test_what_a_rule_says_is_not_unsaid_by_likelihood() -> None:
    by_rule = replace(pair(score=0.99), found_by="email")
    likely = replace(pair("dup_2", score=0.91), seen_at=LATER)
    again = found_again(by_rule, likely)
    assert (again.found_by, again.score, again.seen_at, again.id) == ("email", 0.99, LATER, "dup_1")
    assert found_again(likely, by_rule).found_by == "email"


def test_of_several_about_the_same_two_one_is_left_and_none_where_people_decided() -> None:
    weak, strong = pair("dup_1", score=0.9), pair("dup_2", "cus_2", "cus_1", score=0.95)
    assert superseded([weak, strong]) == [weak]
    dismissed = decided(pair("dup_3"), Decision.DISMISS, None, "ann", None, NOW)
    assert superseded([weak, strong, dismissed]) == [strong, weak]
    assert superseded([weak, pair("dup_4", "cus_1", "cus_3")]) == []
