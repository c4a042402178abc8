"""What an operation passes before it runs: known documents, rates, load; and that silent services are spared."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.caller import Caller
from chassis.errors import NotFound, Unavailable
from gateway.app import Gateway
from gateway.breaker import Breaker, State
from gateway.documents import Documents, Said, load
from gateway.errors import RequestError
from gateway.load import Load
from gateway.rates import Rates
from gateway.sharing import InFlight
from tests import tokens
from tests.gateway.conftest import World, _listening

VIEWER = "{ viewer { subject } }"
HASH = hashlib.sha256(VIEWER.encode()).hexdigest()
NAMED = {"data": {"viewer": {"subject": "development"}}}


@asynccontextmanager
async def another(world: World, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway before the same services, with other settings."""
    gateway = Gateway(world.gateway._settings.model_copy(update=settings))
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(_listening(gateway))
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))


def persisted(hash: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}}


async def code(response: httpx.Response) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


async def test_a_text_is_sent_once_and_then_known_by_its_hash(world: World) -> None:
    unknown = await world.client.post("/graphql", json=persisted(HASH))
    assert (unknown.status_code, await code(unknown)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound", "what clients look for"
    assert (await world.client.post("/graphql", json=persisted(HASH, query=VIEWER))).json() == NAMED
    assert (await world.client.post("/graphql", json=persisted(HASH))).json() == NAMED


async def test_a_hash_of_another_text_is_refused_and_poisons_nothing(world: World) -> None:
    other = "{ viewer { scopes } }"
    wrong = await world.client.post("/graphql", json=persisted(HASH, query=other))
    assert (wrong.status_code, await code(wrong)) == (400, "BAD_REQUEST")
    assert await code(await world.client.post("/graphql", json=persisted(HASH))) == "PERSISTED_QUERY_NOT_FOUND"
    broken = "{ viewer { nothing } }"
    hash = hashlib.sha256(broken.encode()).hexdigest()
    assert await code(await world.client.post("/graphql", json=persisted(hash, query=broken)))
    assert await code(await world.client.post("/graphql", json=persisted(hash))) == "PERSISTED_QUERY_NOT_FOUND"


def test_what_is_known_by_hash_is_bounded() -> None:
    documents = Documents()
    for number in range(1_100):
        text = f"{{ a{number} }}"
        documents.keep(Said(text, hash=hashlib.sha256(text.encode()).hexdigest()))
    assert len(documents._sent) == 1_000
    documents.keep(Said("x" * 60_000, hash="long"))
    with pytest.raises(RequestError):
        documents.find(Said(hash="long"))


async def test_where_only_published_documents_run_no_text_does(world: World, tmp_path: Path) -> None:
    deep = "{ viewer { subject } " + " ".join(f"a{n}: viewer {{ subject }}" for n in range(150)) + " }"
    operations = [{"id": "sha256:1", "body": VIEWER}, {"id": "2", "body": deep}]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(
        json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})
    )
    async with another(world, documents=manifest, documents_only=True) as client:
        assert (await client.post("/graphql", json={"documentId": "sha256:1"})).json() == NAMED
        assert (await client.post("/graphql", json=persisted("1"))).json() == NAMED
        assert "data" in (await client.post("/graphql", json={"documentId": "2"})).json(), (
            "its size was looked at before"
        )
        for refused in ({"query": VIEWER}, persisted(HASH, query=VIEWER), {"documentId": "3"}):
            assert await code(await client.post("/graphql", json=refused)) == "DOCUMENT_NOT_TRUSTED"
    assert await code(await world.client.post("/graphql", json={"query": deep})) == "MAX_ALIASES_LIMIT"


def test_relays_manifest_is_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "persisted.json"
    path.write_text(json.dumps({"abc": VIEWER}))
    assert load(path) == {"abc": VIEWER}
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"persisted\.json is no manifest"):
        load(path)


async def test_each_client_has_its_own_rate_and_is_told_when_to_come_back(world: World) -> None:
    async with another(world, operations_per_minute=3, mutations_per_minute=2) as client:
        anna, ben = [
            {"authorization": f"Bearer {tokens.token_for(Caller(name, frozenset({'customers:read'})))}"}
            for name in ("anna", "ben")
        ]
        looking = {"query": "{ viewer { limits { name limit remaining } } }"}
        first = await client.post("/graphql", json=looking, headers=anna)
        assert first.json()["data"]["viewer"]["limits"] == [
            {"name": "operations", "limit": 3, "remaining": 2},
            {"name": "mutations", "limit": 2, "remaining": 2},
        ]
        assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("3", "2")
        for _ in range(2):
            assert (await client.post("/graphql", json=looking, headers=anna)).status_code == 200
        refused = await client.post("/graphql", json=looking, headers=anna)
        assert (refused.status_code, await code(refused)) == (429, "RATE_LIMITED")
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.json()["errors"][0]["extensions"]["retryable"] is True
        assert (await client.post("/graphql", json=looking, headers=ben)).status_code == 200
        # Many under one name are many all the same.
        several = " ".join(f"a{n}: recordEvents(input: {{events: []}}) {{ accepted }}" for n in range(3))
        brute = await client.post("/graphql", json={"query": f"mutation {{ {several} }}"}, headers=ben)
        assert (brute.status_code, await code(brute)) == (429, "RATE_LIMITED")
        assert "mutations" in brute.json()["errors"][0]["message"]


async def test_a_store_of_rates_that_is_away_stops_nobody() -> None:
    rates = Rates(1, 1, "async+redis://127.0.0.1:1/0?socket_connect_timeout=1")
    await rates.take("anna", mutations=1)
    await rates.take("anna", mutations=1)
    assert await rates.left("anna") == {}


def test_what_is_too_much_at_once_is_refused_and_many_refusals_make_unready() -> None:
    now = 0.0
    load = Load(1, lambda: now)
    with load.carrying():
        for _ in range(9):
            with pytest.raises(RequestError) as refused, load.carrying():
                pass
        assert refused.value.status == 503
        assert refused.value.headers == {"retry-after": "1"}
        assert not load.overloaded
        with pytest.raises(RequestError), load.carrying():
            pass
        assert load.overloaded
    with load.carrying():
        assert load.running == 1
    now = 6.0
    assert not load.overloaded


def failing(breaker: Breaker, error: Exception) -> None:
    with pytest.raises(type(error)), breaker.guarding():
        raise error


def test_a_silent_service_is_spared_and_one_call_tries_again() -> None:
    now = 0.0
    breaker = Breaker(failures=2, rest_seconds=2.0, clock=lambda: now)
    failing(breaker, Unavailable("x"))
    failing(breaker, NotFound("x"))
    failing(breaker, Unavailable("x"))
    assert breaker.state is State.CLOSED, "whoever refuses answers"
    failing(breaker, Unavailable("x"))
    assert str(breaker.state) == "State.OPEN"
    with pytest.raises(Unavailable, match="lately"), breaker.guarding():
        pytest.fail("not asked")
    now = 2.0
    with breaker.guarding():
        assert str(breaker.state) == "State.HALF_OPEN"
        with pytest.raises(Unavailable), breaker.guarding():
            pytest.fail("one is enough")
    assert breaker.state is State.CLOSED
    for _ in range(2):
        failing(breaker, Unavailable("x"))
    now = 4.0
    with pytest.raises(asyncio.CancelledError), breaker.guarding():
        raise asyncio.CancelledError
    with breaker.guarding():
        pass
    assert breaker.state is State.CLOSED


async def test_the_same_question_at_the_same_moment_is_answered_once() -> None:
    asked = 0
    go = asyncio.Event()
    shared: InFlight[int] = InFlight()

    async def answer() -> int:
        nonlocal asked
        asked += 1
        await go.wait()
        return asked

    first, second, other = [asyncio.create_task(shared.share(key, answer)) for key in ("a", "a", "b")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    assert await second == await other == 2
    assert await shared.share("a", answer) == 3, "what is over is asked anew"


async def test_pages_of_other_sites_are_let_in_by_name_alone(world: World) -> None:
    async with another(world, allowed_origins="https://app.example.com") as client:
        asking = {"origin": "https://app.example.com", "access-control-request-method": "POST"}
        ours = await client.options("/graphql", headers={**asking, "access-control-request-headers": "content-type"})
        assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
        theirs = await client.options("/graphql", headers={**asking, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in theirs.headers
    answer = await world.client.post("/graphql", json={"query": VIEWER})
    assert answer.headers["cache-control"] == "private, no-cache"
    schema = {"query": "{ __schema { types { name fields { name } } } }"}
    large = await world.client.post("/graphql", json=schema, headers={"accept-encoding": "gzip"})
    assert large.headers["content-encoding"] == "gzip"
