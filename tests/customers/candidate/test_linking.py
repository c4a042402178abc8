"""Linkage finds the same persons in spite of mistakes, and tells a family apart."""

from typing import Any

import pytest

from bench.identity import persons, quality
from services.customers.candidate.domain import Agreement
from services.customers.candidate.linking import linked
from services.customers.candidate.rows import row_of
from services.customers.customer.domain import Address
from services.customers.matching.domain import BLOCKED, Blocked
from tests.customers.matching.people import customer

# splink asks for what DuckDB is about to rename.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:splink", "ignore::DeprecationWarning:duckdb")

ANNA: dict[str, Any] = {
    "given_name": "anna",
    "family_name": "berg",
    "street": "am markt",
    "house_number": "1",
    "city": "bonn",
    "postal_code": "53111",
}


def test_known_duplicates_are_found_above_the_threshold_that_is_shipped() -> None:
    rows, true = persons(1)
    pairs = linked(rows, 0.9)
    found = quality(pairs, true, 0.9)
    assert found["f1"] >= 0.98
    assert found["precision"] >= 0.99
    assert all(0.9 <= pair.score <= 1 and pair.one < pair.other and pair.reasons for pair in pairs)


def test_few_rows_are_compared_by_what_is_usual_and_a_family_is_not_one_person() -> None:
    rows = [
        {"id": "a", **ANNA, "emails": ["a@x.de"]},
        {"id": "b", **ANNA, "family_name": "bergh", "emails": ["b@x.de", "a@x.de"]},
        {"id": "c", **ANNA, "given_name": "ulf", "emails": ["a@x.de"]},
        {"id": "d", **ANNA, "given_name": "berg", "family_name": "anna"},
        {"id": "e", "given_name": "eva", "city": "bonn"},
        {"id": "f"},
    ]
    pairs = {(pair.one, pair.other): pair for pair in linked(rows, 0.5)}
    assert pairs.keys() == {("a", "b"), ("a", "d"), ("b", "d")}
    reasons = {reason.field: reason for reason in pairs["a", "b"].reasons}
    assert reasons["emails"].agreement is Agreement.SAME
    assert reasons["family_name"].agreement is Agreement.SIMILAR
    assert pairs["a", "d"].reasons[0].weight is not None
    assert {r.field: r.agreement for r in pairs["a", "d"].reasons}["given_name"] is Agreement.DIFFERENT
    assert linked(rows[4:], 0.5) == linked([], 0.5) == []


def test_a_customer_becomes_a_row_without_what_identifies_nobody() -> None:
    one = customer(
        "cus_1",
        given_name="Jürgen",
        family_name="Unbekannt",
        emails=["J@x.de", "noreply@x.de"],
        phones=["+49000", "+49228123"],
        addresses=[Address(("Haus B", "Etage 2"), "53 111", "Köln", None, "DE")],
        **{"attributes.birth_date": "1970-01-02"},
    )
    row = row_of(one, Blocked.of(BLOCKED))
    assert {name: value for name, value in row.items() if value} == {
        "id": "cus_1",
        "given_name": "jurgen",
        "emails": ["j@x.de"],
        "phones": ["+49228123"],
        "street": "haus b",
        "locality": "etage 2",
        "city": "koln",
        "postal_code": "53111",
        "region": "de",
        "date_of_birth": "1970-01-02",
    }
    places = {"Am Markt 12 a": ("am markt", "12a"), "12 Main Street": ("main street", "12"), "Platz": ("platz", None)}
    for line, expected in places.items():
        row = row_of(customer("cus_1", addresses=[Address((line,))]), Blocked.of(()))
        assert (row["street"], row["house_number"]) == expected
