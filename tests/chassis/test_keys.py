"""The keys of an issuer come over HTTP, change, and may be away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.caller import Caller
from chassis.errors import Unauthenticated, Unavailable
from chassis.keys import DISCOVERY, KeySet
from chassis.tokens import Authenticator, Trust
from gateway.listener import listening
from tests import tokens
from tests.callers import EVERYWHERE

CLAIMS = tokens.claims_of(Caller("somebody"), seconds=3600)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, id: str | None, algorithm: str = "ES256", **more: str) -> dict[str, Any]:
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**public, **({"kid": id} if id else {}), **more}


@dataclass
class Provider:
    """An issuer over real HTTP; it counts how often its keys are fetched."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    says: str | None = None  # another issuer than it is
    port: int = 0
    fetched: int = 0
    now: float = 0.0
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        async def discovery(_: Request) -> Response:
            return JSONResponse({"issuer": self.says or self.url, "jwks_uri": f"{self.url}/keys"})

        async def keys(_: Request) -> Response:
            self.fetched += 1
            return JSONResponse({"keys": self.keys})

        app = Starlette(routes=[Route(DISCOVERY, discovery), Route("/keys", keys)])
        self.port = await self.running.enter_async_context(
            listening(app, "127.0.0.1", self.port, tls=None, everybody_certified=False, grace_seconds=1)
        )
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        await self.running.aclose()

    def key_set(self, **options: Any) -> KeySet:
        return KeySet(self.url, clock=lambda: self.now, **options)

    def authenticator(self) -> Authenticator:
        return Authenticator(EVERYWHERE, trust=Trust(self.url, self.key_set()), most_known=0)

    def token(self, key: Any, id: str | None) -> str:
        return tokens.signed({**CLAIMS, "iss": self.url}, key=key, id=id)


async def accepted(authenticator: Authenticator, token: str) -> bool:
    try:
        await authenticator.caller_of(token)
    except Unauthenticated:
        return False
    return True


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    await provider.start()
    yield provider
    await provider.stop()


async def test_keys_are_found_by_discovery_and_fetched_once(provider: Provider) -> None:
    key = new_key()
    provider.keys = [jwk(key, "a")]
    authenticator = provider.authenticator()
    for _ in range(3):
        assert (await authenticator.caller_of(provider.token(key, "a"))).subject == "somebody"
    assert provider.fetched == 1


async def test_a_key_that_the_issuer_does_not_have_is_refused(provider: Provider) -> None:
    key = new_key()
    provider.keys = [jwk(key, "a")]
    with pytest.raises(Unauthenticated, match="a key that its issuer does not have"):
        await provider.authenticator().caller_of(provider.token(key, "b"))


async def test_a_new_key_is_taken_up_and_a_withdrawn_one_forgotten(provider: Provider) -> None:
    old, new = new_key(), new_key()
    provider.keys = [jwk(old, "old")]
    authenticator = provider.authenticator()
    await authenticator.caller_of(provider.token(old, "old"))
    provider.keys = [jwk(old, "old"), jwk(new, "new")]
    provider.now += 10
    await authenticator.caller_of(provider.token(new, "new"))
    await authenticator.caller_of(provider.token(old, "old"))
    provider.keys = [jwk(new, "new")]
    provider.now += 600
    # Nobody waits for keys that are known: they are fetched beside.
    end = time.monotonic() + 20
    while await accepted(authenticator, provider.token(old, "old")):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    await authenticator.caller_of(provider.token(new, "new"))
    assert provider.fetched == 3


async def test_many_unknown_keys_ask_the_issuer_once(provider: Provider) -> None:
    key = new_key()
    provider.keys = [jwk(key, "a")]
    authenticator = provider.authenticator()
    await authenticator.caller_of(provider.token(key, "a"))
    provider.now += 10
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await authenticator.caller_of(provider.token(key, f"unknown {number}"))
    assert provider.fetched == 2
    provider.now += 9.9
    with pytest.raises(Unauthenticated):
        await authenticator.caller_of(provider.token(key, "unknown"))
    assert provider.fetched == 2


async def test_while_an_issuer_is_away_its_keys_stay(provider: Provider) -> None:
    key = new_key()
    provider.keys = [jwk(key, "a")]
    authenticator = provider.authenticator()
    await authenticator.caller_of(provider.token(key, "a"))
    await provider.stop()
    provider.now += 10_000
    assert (await authenticator.caller_of(provider.token(key, "a"))).subject == "somebody"
    with pytest.raises(Unauthenticated):
        await authenticator.caller_of(provider.token(key, "b"))
    assert (await authenticator.caller_of(provider.token(key, "a"))).subject == "somebody"


async def test_an_issuer_that_never_answered_is_no_fault_of_the_token(provider: Provider) -> None:
    key = new_key()
    provider.keys = [jwk(key, "a")]
    await provider.stop()
    authenticator = provider.authenticator()
    for _ in range(2):
        with pytest.raises(Unavailable, match="the issuer of the token does not answer"):
            await authenticator.caller_of(provider.token(key, "a"))
    await provider.start()
    provider.now += 10
    assert (await authenticator.caller_of(provider.token(key, "a"))).subject == "somebody"


async def test_a_document_of_another_issuer_is_not_believed(provider: Provider) -> None:
    provider.keys, provider.says = [jwk(new_key(), "a")], "https://another.example"
    with pytest.raises(Unavailable):
        await provider.key_set().key_of("a", "ES256")
    assert provider.fetched == 0


@pytest.mark.parametrize("where", ["discovered", "named"])
async def test_in_production_keys_come_over_https_alone(provider: Provider, where: str) -> None:
    provider.keys = [jwk(new_key(), "a")]
    place = f"{provider.url}/keys" if where == "named" else None
    with pytest.raises(Unavailable):
        await provider.key_set(place=place, secure=True).key_of("a", "ES256")
    assert provider.fetched == 0
    assert await provider.key_set(place=place).key_of("a", "ES256")


async def test_a_token_without_a_key_id_fits_where_one_key_does(provider: Provider) -> None:
    key, rsa_key = new_key(), rsa.generate_private_key(65537, 2048)
    provider.keys = [jwk(key, "a"), jwk(rsa_key, "b", "RS256")]
    assert (await provider.authenticator().caller_of(provider.token(key, None))).subject == "somebody"
    provider.keys.append(jwk(new_key(), "c"))
    with pytest.raises(Unauthenticated):
        await provider.authenticator().caller_of(provider.token(key, None))


WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that it is weak is the point


@pytest.mark.parametrize(
    ("published", "algorithm"),
    [
        (jwk(new_key(), "k"), "RS256"),
        (jwk(new_key(), "k"), "ES384"),
        (jwk(new_key(), "k", alg="ES384"), "ES256"),
        (jwk(new_key(), "k", use="enc"), "ES256"),
        ({**jwk(new_key(), "k"), "key_ops": ["encrypt"]}, "ES256"),
        (jwk(WEAK, "k", "RS256"), "RS256"),
        (jwk(rsa.generate_private_key(65537, 2048), "k", "RS256"), "ES256"),
        (jwk(rsa.generate_private_key(65537, 2048), "k", "RS256"), "EdDSA"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "k"}, "HS256"),
        ({"kty": "of tomorrow", "kid": "k"}, "ES256"),
    ],
)
async def test_a_key_of_another_kind_does_not_fit(
    provider: Provider, published: dict[str, Any], algorithm: str
) -> None:
    good = new_key()
    provider.keys = [published, jwk(good, "good")]
    keys = provider.key_set()
    with pytest.raises(Unauthenticated):
        await keys.key_of("k", algorithm)
    assert await keys.key_of("good", "ES256"), "the others of its set are not lost"
