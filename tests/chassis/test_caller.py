"""Tokens say who calls; whatever is wrong with one, it is refused."""

import time

import jwt
import pytest

from chassis.caller import DEVELOPMENT_CALLER, Authenticator, Caller, bearer, scopes_of, service_caller
from chassis.errors import Forbidden, Unauthenticated

SECRET = "a secret of at least thirty-two bytes"
OTHER_SECRET = "another secret of at least 32 bytes!"
PARTNER = Caller(
    subject="partner:acme",
    scopes=frozenset({"customers:read"}),
    employee="emp_1",
    team="tea_1",
    sources=frozenset({"acme", "acme-shop"}),
)


@pytest.fixture
def production() -> Authenticator:
    return Authenticator(SECRET, production=True)


def claims(**changes: object) -> dict[str, object]:
    return {"sub": "someone", "aud": "rundblick", "exp": int(time.time()) + 60, **changes}


def test_an_issued_token_brings_the_same_caller_back(production: Authenticator) -> None:
    assert production.caller_of(production.issue(PARTNER)) == PARTNER


def test_a_caller_without_a_limit_of_sources_keeps_none(production: Authenticator) -> None:
    assert production.caller_of(production.issue(Caller(subject="someone"))).sources is None


def test_a_partner_without_any_source_does_not_become_one_without_a_limit(production: Authenticator) -> None:
    token = production.issue(Caller(subject="partner:none", sources=frozenset()))
    assert production.caller_of(token).sources == frozenset()


def test_an_expired_token_is_refused(production: Authenticator) -> None:
    with pytest.raises(Unauthenticated):
        production.caller_of(production.issue(PARTNER, seconds=-60))


def test_a_token_of_another_secret_is_refused(production: Authenticator) -> None:
    token = Authenticator(OTHER_SECRET, production=True).issue(PARTNER)
    with pytest.raises(Unauthenticated):
        production.caller_of(token)


def test_an_unsigned_token_is_refused(production: Authenticator) -> None:
    with pytest.raises(Unauthenticated):
        production.caller_of(jwt.encode(claims(scope="*"), None, algorithm="none"))


@pytest.mark.parametrize("missing", ["exp", "sub", "aud"])
def test_a_token_without_its_claims_is_refused(production: Authenticator, missing: str) -> None:
    said = claims()
    del said[missing]
    with pytest.raises(Unauthenticated):
        production.caller_of(jwt.encode(said, SECRET, algorithm="HS256"))


def test_a_token_for_another_audience_is_refused(production: Authenticator) -> None:
    with pytest.raises(Unauthenticated):
        production.caller_of(jwt.encode(claims(aud="another system"), SECRET, algorithm="HS256"))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü" * 40])
def test_what_is_no_token_is_refused(production: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated):
        production.caller_of(token)


def test_without_a_token_production_refuses_and_development_lets_all_be_seen(production: Authenticator) -> None:
    with pytest.raises(Unauthenticated):
        production.caller_of(None)
    assert Authenticator(SECRET, production=False).caller_of(None) == DEVELOPMENT_CALLER


def test_a_wrong_token_is_refused_in_development_too() -> None:
    with pytest.raises(Unauthenticated):
        Authenticator(SECRET, production=False).caller_of("a.b.c")
    with pytest.raises(Unauthenticated):
        Authenticator(None, production=False).caller_of("a.b.c")


def test_production_does_not_start_without_a_secret() -> None:
    with pytest.raises(ValueError, match="RUNDBLICK_TOKEN_SECRET"):
        Authenticator(None, production=True)
    with pytest.raises(ValueError, match="RUNDBLICK_TOKEN_SECRET"):
        Authenticator("", production=True)


def test_a_development_system_without_a_secret_issues_no_token() -> None:
    assert Authenticator(None, production=False).issue(PARTNER) is None


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


def test_scopes_are_written_with_blanks_or_commas() -> None:
    assert scopes_of("a b,c , d") == scopes_of(["a", "b", "c", "d"]) == frozenset("abcd")
