"""The golden record: of each field what was said last, and by whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.customers.customer.domain import (
    Address,
    CustomerKind,
    Form,
    SourceRecord,
    StaleVersion,
    checked,
    display_name,
    golden,
    project,
    require_version,
    said,
    with_records,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def record(id: str, minutes: int = 0, **values: Any) -> SourceRecord:
    at = NOW + timedelta(minutes=minutes)
    return SourceRecord(id, id.removeprefix("src_"), f"x-{id}", values, dict.fromkeys(values, at), at, at, "cus_1")


def test_each_field_is_what_was_said_last_and_names_who_said_it() -> None:
    values, provenance = project([record("src_a", 0, given_name="Ada", locale="en"), record("src_b", 5, locale="de")])
    assert values == {"given_name": "Ada", "locale": "de"}
    assert {(p.field, p.source_record) for p in provenance} == {("given_name", "src_a"), ("locale", "src_b")}


def test_an_empty_text_says_that_there_is_none() -> None:
    values, provenance = project([record("src_a", 0, given_name="Ada"), record("src_b", 5, given_name="")])
    assert values == {}
    assert provenance == ()


@given(
    st.permutations([record("src_a", 0, locale="en"), record("src_b", 5, locale="de"), record("src_c", 5, locale="fr")])
)
def test_the_order_of_records_does_not_matter(records: list[SourceRecord]) -> None:
    assert project(records) == project(sorted(records, key=lambda one: one.id))


def test_saying_the_same_again_changes_nothing() -> None:
    before = record("src_a", locale="en")
    assert said(before, {"locale": "en"}, NOW) is before
    after = said(before, {"locale": "de"}, NOW + timedelta(hours=1))
    assert (after.values["locale"], after.since["locale"]) == ("de", NOW + timedelta(hours=1))


def test_a_name_is_found_or_asked_for() -> None:
    assert display_name(CustomerKind.PERSON, {"given_name": "Ada", "family_name": "L."}, []) == "Ada L."
    assert display_name(CustomerKind.ORGANISATION, {"organisation_name": "Works", "given_name": "Ada"}, []) == "Works"
    assert display_name(CustomerKind.PERSON, {}, [record("src_a")]) == "x-src_a"
    with pytest.raises(InvalidInput, match="needs a name"):
        display_name(CustomerKind.PERSON, {}, [])


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"emails": ["a@b.org", "nonsense"]}, ("fields", "emails", "1")),
        ({"phones": ["030 123"]}, ("fields", "phones", "0")),
        ({"locale": "not a locale"}, ("fields", "locale")),
        ({"display_name": "x" * 501}, ("fields", "display_name")),
        ({"emails": ["a@b.org"] * 51}, ("fields", "emails")),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_place(values: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(values)
    assert refused.value.path == path


def test_the_same_address_and_number_are_kept_once_in_one_form() -> None:
    said = {
        "emails": [" Ada@Example.ORG ", "ada@example.org", "ida@bücher.example"],
        "phones": ["030 / 123 456", "+49 (0)30 123456", "0043 1 23456"],
    }
    kept = checked(said, Form("DE"))
    assert kept["emails"] == ["Ada@example.org", "ida@xn--bcher-kva.example"]
    assert kept["phones"] == ["+4930123456", "+43123456"]
    assert checked(kept) == kept
    at_home = {"phones": ["01 23456"], "addresses": [Address(country="AT")]}
    assert checked(at_home, Form("DE"))["phones"] == ["+43123456"]
    with pytest.raises(InvalidInput, match="as it is dialled in DE"):
        checked({"phones": ["call me"]}, Form("DE"))


def test_a_change_moves_the_version_and_an_old_one_is_refused() -> None:
    customer = golden("cus_1", CustomerKind.PERSON, [record("src_a", display_name="Ada")], owner=None, now=NOW)
    later = with_records(customer, [record("src_a", 1, display_name="Ada L.")], NOW)
    assert (later.version, later.display_name) == (2, "Ada L.")
    require_version(later, None)
    with pytest.raises(StaleVersion, match="is at version 2, the update was made from version 1"):
        require_version(later, 1)
