"""Subscriptions as clients of graphql-transport-ws meet them, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import World

PROTOCOL = Subprotocol("graphql-transport-ws")
WATCH = 'subscription { kpiChanged(key: "enquiries") { n value kpi { key name } definitionVersion } }'


class Served(Protocol):
    """A gateway behind a real server."""

    client: httpx.AsyncClient


class Client:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, type: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def received(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            message: dict[str, Any] = json.loads(await self.connection.recv())
            return message

    async def subscribe(self, id: str, query: str, **variables: Any) -> None:
        await self.send("subscribe", id=id, payload={"query": query, "variables": variables})

    async def closed(self) -> int:
        try:
            while True:
                await self.received()
        except ConnectionClosed:
            code = self.connection.close_code
        assert code is not None
        return code


@asynccontextmanager
async def opened(
    world: Served, *, init: bool = True, payload: Any = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Client]:
    uri = f"ws{str(world.client.base_url).removeprefix('http').rstrip('/')}/graphql"
    async with connect(uri, subprotocols=[PROTOCOL], additional_headers=headers) as connection:
        client = Client(connection)
        if init:
            await client.send("connection_init", **({"payload": payload} if payload else {}))
            assert await client.received() == {"type": "connection_ack"}
        yield client


async def test_a_figure_comes_now_and_whenever_it_changes(world: World) -> None:
    async with opened(world) as client:
        await client.subscribe("1", WATCH)
        first = await client.received()
        assert (first["id"], first["type"]) == ("1", "next")
        figures = first["payload"]["data"]["kpiChanged"]
        assert figures["kpi"] == {"key": "enquiries", "name": "Enquiries"}
        before = figures["n"]
        await world.record_enquiry("now")
        while (figures := (await client.received())["payload"]["data"]["kpiChanged"])["n"] == before:
            pass
        assert figures["n"] == before + 1
        await client.send("complete", id="1")
        await client.send("ping")
        while (await client.received())["type"] != "pong":
            pass


async def test_queries_and_mutations_go_over_the_socket_too(world: World) -> None:
    async with opened(world) as client:
        await client.subscribe("q", "{ viewer { subject } }")
        assert (await client.received())["payload"] == {"data": {"viewer": {"subject": "development"}}}
        assert await client.received() == {"id": "q", "type": "complete"}


async def test_sentences_are_in_the_language_the_socket_was_opened_with(world: World) -> None:
    query = """{ kpi(key: "enquiries") { compare(
      baseline: {start: "2026-01-01T00:00:00Z", end: "2026-01-08T00:00:00Z"},
      current: {start: "2026-01-08T00:00:00Z", end: "2026-01-15T00:00:00Z"}) { because { text } } } }"""
    async with opened(world, headers={"accept-language": "de, en;q=0.5"}) as client:
        await client.subscribe("q", query)
        (because, *_) = (await client.received())["payload"]["data"]["kpi"]["compare"]["because"]
        assert because["text"].startswith("Zu wenig")


async def test_what_is_wrong_with_an_operation_is_said_and_the_socket_stays(world: World) -> None:
    async with opened(world) as client:
        for id, query, code in (
            ("1", "subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("2", "subscription {", "GRAPHQL_PARSE_FAILED"),
            ("3", 'subscription { kpiChanged(key: "nothing") { n } }', "NOT_FOUND"),
            ("4", "query($n: Int!) { customers(first: $n) { edges { cursor } } }", "BAD_USER_INPUT"),
        ):
            await client.subscribe(id, query)
            said = await client.received()
            assert (said["id"], said["type"]) == (id, "error"), said
            assert said["payload"][0]["extensions"]["code"] == code
        await client.subscribe("5", "{ viewer { subject } }")
        assert (await client.received())["type"] == "next"


async def test_the_post_route_says_where_subscriptions_are(world: World) -> None:
    body = await world.answer(WATCH)
    assert "WebSocket" in body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no json"], 4400),
        (['{"type": 3}'], 4400),
        (['{"type": "nonsense"}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { subject } }"}}'], 4401),
        (['{"type": "connection_init"}', '{"type": "connection_init"}'], 4429),
        (['{"type": "connection_init"}', '{"type": "subscribe", "payload": {"query": "{ a }"}}'], 4400),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1", "payload": {}}'], 4400),
        (['{"type": "connection_init", "payload": {"authorization": "Bearer nonsense"}}'], 4403),
    ],
)
async def test_who_breaks_the_protocol_is_told_by_the_code(world: World, messages: list[str], code: int) -> None:
    async with opened(world, init=False) as client:
        for message in messages:
            await client.connection.send(message)
        assert await client.closed() == code


async def test_the_same_id_twice_ends_the_socket(world: World) -> None:
    async with opened(world) as client:
        await client.subscribe("1", WATCH)
        await client.subscribe("1", WATCH)
        assert await client.closed() == 4409


async def test_another_protocol_is_refused(world: World) -> None:
    uri = f"ws{str(world.client.base_url).removeprefix('http').rstrip('/')}/graphql"
    async with connect(uri, subprotocols=[Subprotocol("graphql-ws")]) as connection:
        assert await Client(connection).closed() == 4406


async def test_a_socket_has_the_rights_of_its_token(world: World) -> None:
    caller = Caller("partner", frozenset({"metrics:read"}), sources=frozenset({"elsewhere"}))
    async with opened(world, payload={"authorization": f"Bearer {tokens.token_for(caller)}"}) as client:
        await client.subscribe("v", "{ viewer { subject sources } }")
        assert (await client.received())["payload"]["data"]["viewer"] == {
            "subject": "partner",
            "sources": ["elsewhere"],
        }
        await client.received()
        await world.record_enquiry("hidden")
        await client.subscribe("1", WATCH)
        assert (await client.received())["payload"]["data"]["kpiChanged"]["n"] == 0


async def test_a_socket_ends_with_its_token(world: World) -> None:
    token = tokens.token_for(Caller("agent", frozenset({"metrics:read"})), seconds=2)
    async with opened(world, init=False) as client:
        await client.send("connection_init", payload={"authorization": f"Bearer {token}"})
        await client.subscribe("1", WATCH)
        assert await client.closed() == 4403
