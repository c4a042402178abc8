"""Tokens say who calls; whatever is wrong with one, it is refused."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chassis import roles
from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.directory import Identity
from chassis.errors import Unauthenticated
from chassis.settings import TokenSettings
from chassis.tokens import KNOWN_SECONDS, Authenticator
from tests import tokens
from tests.callers import EVERYWHERE

PARTNER = Caller(
    subject="partner:acme",
    scopes=frozenset({"customers:read"}),
    employee="emp_1",
    team="tea_1",
    sources=frozenset({"acme", "acme-shop"}),
    roles=frozenset({"analyst"}),
)
SOMEBODY = Caller("somebody")


@pytest.fixture
def production() -> Authenticator:
    return tokens.authenticator(production=True)


def said(**changes: Any) -> dict[str, Any]:
    """What a good token says, but for these; None: it does not say it."""
    claims = {**tokens.claims_of(SOMEBODY, seconds=3600), **changes}
    return {name: value for name, value in claims.items() if value is not None}


async def refused(authenticator: Authenticator, token: str, why: str) -> None:
    with pytest.raises(Unauthenticated, match=why) as error:
        await authenticator.caller_of(token)
    assert token not in error.value.message or not token


# ------------------------------------------------------------------------------------------------- who signed it


async def test_an_unsigned_token_is_refused(production: Authenticator) -> None:
    unsigned = jwt.encode(said(), "", algorithm="none", headers={"kid": tokens.KEY_ID})
    await refused(production, unsigned, "algorithm is not admitted")


async def test_a_public_key_is_no_secret_to_sign_with(production: Authenticator) -> None:
    public = tokens.KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # By hand: the library itself refuses to do it.
    parts = ({"alg": "HS256", "typ": "JWT", "kid": tokens.KEY_ID}, said())
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    mac = jwt.get_algorithm_by_name("HS256")
    signature = mac.sign(signed.encode(), base64.b64encode(public))
    forged = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    await refused(production, forged, "algorithm is not admitted")


async def test_a_token_that_somebody_else_signed_is_refused(production: Authenticator) -> None:
    forged = tokens.signed(said(), key=ec.generate_private_key(ec.SECP256R1()))
    await refused(production, forged, "its signature is wrong")


async def test_a_changed_token_is_refused(production: Authenticator) -> None:
    head, _, signature = tokens.token_for(SOMEBODY).split(".")
    changed = base64.urlsafe_b64encode(json.dumps(said(sub="the director")).encode()).decode().rstrip("=")
    await refused(production, f"{head}.{changed}.{signature}", "its signature is wrong")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü" * 40, "e30.e30.e30"])
async def test_what_is_no_token_is_refused(production: Authenticator, token: str) -> None:
    await refused(production, token, "the token is not valid")
    await refused(Authenticator(), token, "no issuer")


# ------------------------------------------------------------------------------------------------- for whom and when


async def test_a_token_for_another_audience_is_refused(production: Authenticator) -> None:
    await refused(production, tokens.signed(said(aud="another system")), "another audience")


async def test_a_token_from_another_issuer_is_refused(production: Authenticator) -> None:
    await refused(production, tokens.signed(said(iss="https://another.example")), "another issuer")


async def test_an_expired_token_is_refused(production: Authenticator) -> None:
    await refused(production, tokens.token_for(SOMEBODY, seconds=-70), "it has expired")


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_a_token_that_is_not_yet_valid_is_refused(production: Authenticator, claim: str) -> None:
    await refused(production, tokens.signed(said(**{claim: int(time.time()) + 90})), "not valid yet")


async def test_clocks_may_differ_by_a_minute(production: Authenticator) -> None:
    assert (await production.caller_of(tokens.token_for(SOMEBODY, seconds=-30))).subject == "somebody"
    early = int(time.time()) + 30
    assert (await production.caller_of(tokens.signed(said(nbf=early, iat=early)))).subject == "somebody"


@pytest.mark.parametrize("missing", ["exp", "sub", "iss", "aud"])
async def test_a_token_without_its_claims_is_refused(production: Authenticator, missing: str) -> None:
    await refused(production, tokens.signed(said(**{missing: None})), "the token is not valid")


# ------------------------------------------------------------------------------------------------- what it gives


async def test_a_token_says_all_there_is_of_its_caller(production: Authenticator) -> None:
    caller = await production.caller_of(tokens.token_for(PARTNER))
    assert caller == Caller(**{**fields(PARTNER), "scopes": PARTNER.scopes | roles.load()["analyst"].scopes})


def fields(caller: Caller) -> dict[str, Any]:
    return {name: getattr(caller, name) for name in caller.__slots__}


async def test_a_caller_without_a_limit_of_sources_keeps_none(production: Authenticator) -> None:
    assert (await production.caller_of(tokens.token_for(SOMEBODY))).sources is None


@pytest.mark.parametrize("sources", [[], {}, 1, ""])
async def test_a_partner_without_any_source_does_not_become_one_without_a_limit(
    production: Authenticator, sources: object
) -> None:
    assert (await production.caller_of(tokens.signed(said(sources=sources)))).sources == frozenset()


async def test_roles_give_scopes_beside_those_of_the_token(production: Authenticator) -> None:
    token = tokens.signed(said(scope="import", roles=["sales_agent", "offline_access"]))
    caller = await production.caller_of(token)
    assert caller.roles == {"sales_agent"}
    assert caller.scopes == roles.load()["sales_agent"].scopes | {"import"}
    assert caller.reach("customers:read").name == "OWN"


@pytest.mark.parametrize("claim", ["realm_access.roles", "https://rundblick.example/roles"])
async def test_roles_are_found_where_the_issuer_puts_them(claim: str) -> None:
    trust = tokens.trust(roles_claim=claim)
    authenticator = Authenticator(EVERYWHERE, trust=trust, roles=roles.load())
    put = {"realm_access": {"roles": ["analyst"]}} if claim.startswith("realm") else {claim: ["analyst"]}
    assert (await authenticator.caller_of(tokens.signed(said(**put)))).roles == {"analyst"}
    for wrong in ({"realm_access": "analyst"}, {"realm_access": {"roles": {"analyst": 1}}}):
        assert (await authenticator.caller_of(tokens.signed(said(**wrong)))).roles == set()


@pytest.mark.parametrize("scopes", [["customers:read", "import"], "customers:read import"])
async def test_scopes_may_also_come_as_scp(production: Authenticator, scopes: object) -> None:
    caller = await production.caller_of(tokens.signed(said(scope=None, scp=scopes)))
    assert caller.scopes == {"customers:read", "import"}


async def test_in_production_no_token_gives_everything(production: Authenticator) -> None:
    token = tokens.signed(said(scope="* customers:read"))
    assert (await production.caller_of(token)).scopes == {"customers:read"}
    assert (await tokens.authenticator().caller_of(token)).scopes == {"*", "customers:read"}


async def test_no_token_gives_what_is_for_processes_alone(production: Authenticator) -> None:
    internal = {scope.name for scope in EVERYWHERE.scopes.values() if scope.internal}
    assert {"references:resolve", "aliases:move", "deliveries:report", "callers:identify"} <= internal
    assert (await production.caller_of(tokens.signed(said(scope=" ".join(internal))))).scopes == set()


async def test_scopes_that_nobody_knows_are_left_out(production: Authenticator) -> None:
    token = tokens.signed(said(scope="openid profile customers:read customers:read:all import:own"))
    assert (await production.caller_of(token)).scopes == {"customers:read"}


async def test_every_role_that_is_shipped_gives_what_there_is_and_says_what_for() -> None:
    shipped = roles.load()
    assert set(shipped) == {
        *("service_agent", "service_lead", "sales_agent", "sales_lead", "marketing", "analyst"),
        *("data_protection_officer", "data_steward", "operator", "administrator", "integration"),
    }
    for name, role in shipped.items():
        assert role.scopes, name
        assert role.scopes <= EVERYWHERE.grantable - {"*"}, name
        assert role.meaning, name


# ------------------------------------------------------------------------------------------------- without a token


async def test_without_a_token_production_refuses_and_development_lets_all_be_seen(production: Authenticator) -> None:
    with pytest.raises(Unauthenticated, match="a token is needed"):
        await production.caller_of(None)
    assert await tokens.authenticator().caller_of(None) == DEVELOPMENT_CALLER


async def test_a_process_may_what_the_tables_say_and_is_nobody_else(production: Authenticator) -> None:
    caller = await production.caller_of(None, "feedback")
    assert caller == Caller("service:feedback", EVERYWHERE.processes["feedback"])
    assert "references:resolve" in caller.scopes
    assert "*" not in caller.scopes
    with pytest.raises(Unauthenticated, match="no process is called billing"):
        await production.caller_of(None, "billing")


async def test_with_a_token_it_does_not_matter_which_process_carries_it(production: Authenticator) -> None:
    caller = await production.caller_of(tokens.token_for(SOMEBODY), "feedback")
    assert caller == SOMEBODY
    with pytest.raises(Unauthenticated):
        await production.caller_of("no token", "feedback")


# ------------------------------------------------------------------------------------------------- who is behind it


@dataclass
class People:
    """A directory that counts how often it is asked."""

    identity: Identity | None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    async def identity_of(self, issuer: str, subject: str, client: str | None) -> Identity | None:
        self.asked.append((issuer, subject, client))
        return self.identity


async def known_by(identity: Identity | None, **claims: Any) -> tuple[Caller, People]:
    people = People(identity)
    return await tokens.authenticator(directory=people).caller_of(tokens.signed(said(**claims))), people


async def test_an_employee_is_found_by_issuer_and_subject() -> None:
    caller, people = await known_by(Identity(employee="emp_7", team="tea_7"), scope="customers:read:own")
    assert (caller.employee, caller.team, caller.sources) == ("emp_7", "tea_7", None)
    assert people.asked == [(tokens.ISSUER, "somebody", None)]


async def test_who_is_not_in_the_directory_is_what_the_token_says() -> None:
    caller, _ = await known_by(None, scope="customers:read")
    assert caller == Caller("somebody", frozenset({"customers:read"}))


async def test_what_the_issuer_says_of_a_person_needs_no_directory() -> None:
    caller, people = await known_by(Identity(employee="emp_7", team="tea_7"), employee="emp_1", team="tea_1")
    assert (caller.employee, caller.team, people.asked) == ("emp_1", "tea_1", [])


@pytest.mark.parametrize("claims", [{"client_id": "cli_1"}, {"azp": "cli_1"}, {"sub": "cli_1"}])
async def test_a_client_has_what_it_was_given_and_no_more(claims: dict[str, str]) -> None:
    limits = Identity(sources=frozenset({"shop", "fair"}), scopes=frozenset({"customers:read", "import"}))
    caller, people = await known_by(limits, scope="customers:read:own metrics:read import", **claims)
    assert people.asked[0][2] == "cli_1"
    assert caller.sources == frozenset({"shop", "fair"})
    assert caller.scopes == {"customers:read:own", "import"}
    caller, _ = await known_by(limits, scope="*", sources=["shop", "bank"], employee="emp_1", **claims)
    assert caller.sources == frozenset({"shop"})
    assert caller.scopes == {"customers:read", "import"}


@pytest.mark.parametrize("claims", [{"client_id": "cli_1"}, {"azp": "cli_1"}, {"sub": "cli_1"}])
async def test_a_client_whose_limits_are_not_known_is_not_let_in_without_limits(claims: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="not registered"):
        await known_by(None, scope="customers:read", **claims)


async def test_whoever_was_revoked_stays_outside() -> None:
    with pytest.raises(Unauthenticated, match="may not come in any more"):
        await known_by(Identity(revoked=True), client_id="cli_1", employee="emp_1", sources=["shop"])


# ------------------------------------------------------------------------------------------------- for a moment


@dataclass
class Clock:
    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


def remembering(most: int = 10) -> tuple[Callable[[str], Any], People, Clock]:
    people, clock = People(None), Clock()
    authenticator = Authenticator(EVERYWHERE, trust=tokens.trust(), directory=people, most_known=most, clock=clock)
    return authenticator.caller_of, people, clock


async def test_a_token_is_checked_once_in_a_while() -> None:
    caller_of, people, clock = remembering()
    token = tokens.token_for(SOMEBODY)
    for _ in range(3):
        await caller_of(token)
    assert len(people.asked) == 1
    clock.now += KNOWN_SECONDS + 1
    await caller_of(token)
    assert len(people.asked) == 2


async def test_a_token_is_not_known_beyond_its_end() -> None:
    caller_of, people, clock = remembering()
    token = tokens.token_for(SOMEBODY, seconds=5)
    await caller_of(token)
    clock.now += 6
    await caller_of(token)
    assert len(people.asked) == 2, "it was checked again"


async def test_so_many_tokens_are_known_and_no_more() -> None:
    caller_of, people, _ = remembering(most=2)
    first, second, third = (tokens.token_for(Caller(name)) for name in ("first", "second", "third"))
    for token in (first, second, first, third, first, second):
        await caller_of(token)
    # The second was used longest ago when the third came.
    assert [subject for _, subject, _ in people.asked] == ["first", "second", "third", "second"]


# ------------------------------------------------------------------------------------------------- from the environment


async def test_settings_say_whom_to_believe(tmp_path: Path) -> None:
    (tmp_path / "roles.toml").write_text('[clerk]\nmeaning = "reads"\nscopes = ["customers:read"]\n')
    settings = TokenSettings(
        **tokens.SETTINGS, audience="crm", roles_claim="groups", roles=tmp_path / "roles.toml", clock_skew_seconds=0
    )
    authenticator = Authenticator.of(settings, EVERYWHERE)
    caller = await authenticator.caller_of(tokens.signed(said(aud="crm", groups=["clerk", "analyst"])))
    assert caller.roles == {"clerk"}
    assert caller.scopes == {"customers:read"}
    await refused(authenticator, tokens.token_for(SOMEBODY), "another audience")
    await refused(authenticator, tokens.signed(said(aud="crm", exp=int(time.time()) - 1)), "it has expired")
    strict = Authenticator.of(TokenSettings(**tokens.SETTINGS, token_algorithms="RS256"), EVERYWHERE)
    await refused(strict, tokens.token_for(SOMEBODY), "algorithm is not admitted")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", rsa.generate_private_key(65537, 2048)),
        ("PS256", rsa.generate_private_key(65537, 2048)),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
async def test_issuers_sign_in_several_ways(tmp_path: Path, algorithm: str, key: Any) -> None:
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "k"}]}))
    settings = TokenSettings(issuer=tokens.ISSUER, jwks=str(tmp_path / "jwks.json"))
    token = tokens.signed(said(), key=key, id="k", algorithm=algorithm)
    assert (await Authenticator.of(settings, EVERYWHERE).caller_of(token)).subject == "somebody"
