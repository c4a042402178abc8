"""What callers may do, and the header that says who they are."""

import pytest

from chassis.caller import Caller, bearer, limit_of, scopes_of, service_caller
from chassis.errors import Forbidden, Unauthenticated

PARTNER = Caller(
    subject="partner:acme",
    scopes=frozenset({"customers:read"}),
    employee="emp_1",
    team="tea_1",
    sources=frozenset({"acme", "acme-shop"}),
)


def test_a_scope_is_needed_by_name_or_by_all() -> None:
    PARTNER.require("customers:read")
    service_caller("feedback").require("customers:write")
    with pytest.raises(Forbidden, match="customers:write"):
        PARTNER.require("customers:write")


@pytest.mark.parametrize(("header", "token"), [(None, None), ("", None), ("Bearer a.b.c", "a.b.c"), ("bearer x", "x")])
def test_the_header_holds_the_token(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer  ", "abc"])
def test_a_header_of_another_kind_is_refused_and_not_taken_for_none(header: str) -> None:
    with pytest.raises(Unauthenticated):
        bearer(header)


def test_a_limit_of_sources_narrows_and_never_widens() -> None:
    assert service_caller("gateway").within(["acme"]).sources == frozenset({"acme"})
    assert PARTNER.within(["acme", "other"]).sources == frozenset({"acme"})
    assert PARTNER.within([]).sources == frozenset()
    assert limit_of('["acme", "b\\u00e4r"]') == ["acme", "bär"]


@pytest.mark.parametrize("header", ["", "acme", '"acme"', "[1]", "null"])
def test_a_limit_that_cannot_be_read_is_not_taken_for_none(header: str) -> None:
    with pytest.raises(Unauthenticated):
        limit_of(header)


def test_scopes_are_written_with_blanks_or_commas() -> None:
    assert scopes_of("a b,c , d") == scopes_of(["a", "b", "c", "d"]) == frozenset("abcd")
