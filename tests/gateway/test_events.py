"""Operations as streams of events over HTTP."""

import json
from typing import Any

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import World

EVENTS = {"accept": "text/event-stream, application/json;q=0.5"}
WATCH = 'subscription { kpiChanged(key: "enquiries") { n } }'


async def test_a_figure_comes_whenever_it_changes_framed_by_lf(world: World) -> None:
    async with world.client.stream("POST", "/graphql", json={"query": WATCH}, headers=EVENTS) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer)
        kind, first = await anext(events)
        assert kind == "next"
        before = first["data"]["kpiChanged"]["n"]
        await world.record_enquiry("now")
        while (await anext(events))[1]["data"]["kpiChanged"]["n"] == before:
            pass


async def test_an_operation_that_is_no_subscription_is_one_event_and_the_end(world: World) -> None:
    answer = await world.client.post("/graphql", json={"query": "{ viewer { subject } }"}, headers=EVENTS)
    data = '{"data":{"viewer":{"subject":"development"}}}'
    assert answer.content.decode() == f"event: next\ndata: {data}\n\nevent: complete\ndata:\n\n"


async def test_a_stream_ends_with_its_token(world: World) -> None:
    token = tokens.token_for(Caller("agent", frozenset({"metrics:read"})), seconds=2)
    headers = {**EVENTS, "authorization": f"Bearer {token}"}
    answer = await world.client.post("/graphql", json={"query": WATCH}, headers=headers)
    assert answer.status_code == 401 or answer.content.endswith(b"event: complete\ndata:\n\n")


async def test_what_does_not_run_is_told_as_json(world: World) -> None:
    refused = await world.client.post("/graphql", json={"query": "subscription { nothing }"}, headers=EVENTS)
    assert refused.headers["content-type"].startswith("application/json")
    assert refused.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def _events(answer: Any) -> Any:
    kind = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))
