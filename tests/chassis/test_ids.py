"""Ids name their type, sort by time, and belong together across types."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.ids import derived_id, new_id, prefix_of, with_prefix

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_new_id_names_its_type() -> None:
    assert prefix_of(new_id("cus")) == "cus"


def test_ids_of_later_moments_sort_later() -> None:
    ids = [new_id("msg", AT + timedelta(milliseconds=step)) for step in range(50)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 50


def test_two_ids_of_one_moment_differ() -> None:
    assert new_id("msg", AT) != new_id("msg", AT)


def test_the_id_of_another_type_keeps_the_ulid() -> None:
    message = new_id("msg")
    interaction = with_prefix("int", message)
    assert prefix_of(interaction) == "int"
    assert interaction.removeprefix("int_") == message.removeprefix("msg_")


@pytest.mark.parametrize(
    "text",
    ["", "cus_", "cus_01J", "CUS_01J8Z3K7QWERTYUPASDFGHJKLZ", "cus-01JQ8Z3K7QWERTYPASDFGHJKZX", "cus_" + "I" * 26],
)
def test_what_is_no_id_has_no_prefix(text: str) -> None:
    assert prefix_of(text) is None


def test_an_id_followed_by_a_line_break_is_no_id() -> None:
    assert prefix_of(new_id("cus") + "\n") is None


def test_the_same_words_have_the_same_id_always_and_others_another() -> None:
    assert derived_id("int", "shop", "visit-1") == "int_1G42TE9ZN4V84ENY6KY3Y8GKTT"
    ids = {derived_id("int", *words) for words in (("shop", "12"), ("shop1", "2"), ("shop", "1", "2"), ("shop12",))}
    assert len(ids) == 4
    assert {prefix_of(id) for id in ids} == {"int"}
