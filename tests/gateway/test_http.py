"""GraphQL over HTTP: what is no request gets a clear answer, in the client's media type."""

from typing import Any

import httpx
import pytest

from chassis.caller import Caller
from gateway.http import language_of
from tests import tokens
from tests.gateway.conftest import World

GRAPHQL = "application/graphql-response+json"
SEVERAL = "query A { viewer { subject } } query B { nodes(ids: []) { id } }"
QUERY = {"query": "{ viewer { subject } }"}


async def posted(world: World, content: Any, **headers: str) -> httpx.Response:
    body = content if isinstance(content, bytes) else None
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        return await world.client.post("/graphql", content=body, headers=given)
    return await world.client.post("/graphql", json=content, headers=given)


def code(response: httpx.Response) -> str:
    body = response.json()
    assert "data" not in body
    assert body["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(body["errors"][0]["extensions"]["code"])


async def test_the_answer_comes_in_the_media_type_that_is_wanted(world: World) -> None:
    for accept, kind in (
        (GRAPHQL, GRAPHQL),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL}", GRAPHQL),
        # A client that can stream does not want every answer as a stream.
        (f"{GRAPHQL}, application/json, text/event-stream", GRAPHQL),
    ):
        response = await posted(world, QUERY, accept=accept)
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
        assert response.json() == {"data": {"viewer": {"subject": "development"}}}
    assert (await posted(world, QUERY, accept="text/html")).status_code == 406


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("de;q=0.8, en-GB;q=0.9", "en"),
        ("de, en", "de"),
        ("fr, de;q=0.1", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=0.5, *", "en"),
        ("en;q=0.5, *", "de"),
        ("en;q=0, *", "de"),
        ("de;q=0", "en"),
        ("de;q=0, *;q=0.1", "en"),
        ("de;q=nan, en;q=0.1", "en"),
        ("de;q=7, en;q=0.1", "en"),
        ("deutsch", "en"),
        (";;,q=1,", "en"),
    ],
)
def test_the_language_is_the_one_wanted_most_of_those_there_are(accept: str | None, language: str) -> None:
    assert language_of(accept) == language


@pytest.mark.parametrize(
    ("content", "status", "expected"),
    [
        (b"{", 400, "BAD_REQUEST"),
        (b"null", 400, "BAD_REQUEST"),
        (b"[]", 400, "BAD_REQUEST"),
        (b"\xff\xfe", 400, "BAD_REQUEST"),
        (b"[" * 100_000, 400, "BAD_REQUEST"),
        ({}, 400, "BAD_REQUEST"),
        ({"query": 5}, 400, "BAD_REQUEST"),
        ({**QUERY, "variables": []}, 400, "BAD_REQUEST"),
        ({**QUERY, "operationName": 5}, 400, "BAD_REQUEST"),
        ({**QUERY, "extensions": 5}, 400, "BAD_REQUEST"),
        ({"query": "{ viewer"}, 400, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, 400, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": SEVERAL}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({**QUERY, "operationName": "Other"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query($id: ID!) { node(id: $id) { id } }"}, 400, "BAD_USER_INPUT"),
        (b'"' + b"x" * 1_000_001 + b'"', 413, "REQUEST_TOO_LARGE"),
    ],
)
async def test_what_is_no_request_is_refused_with_a_code(
    world: World, content: Any, status: int, expected: str
) -> None:
    response = await posted(world, content, accept=GRAPHQL)
    assert response.status_code == status
    assert code(response) == expected


async def test_clients_of_plain_json_get_errors_of_the_document_with_status_200(world: World) -> None:
    response = await posted(world, {"query": "{ nothing }"}, accept="application/json")
    assert response.status_code == 200
    assert code(response) == "GRAPHQL_VALIDATION_FAILED"


async def test_other_content_types_are_refused_so_that_no_page_can_send_them(world: World) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = await posted(world, b"query={viewer{subject}}", content_type=kind)
        assert response.status_code == 415
    latin = await posted(world, b'{"query":"{viewer{subject}}"}', content_type="application/json; charset=latin-1")
    assert latin.status_code == 415


async def test_queries_come_by_post_alone(world: World) -> None:
    response = await world.client.get("/graphql", params=QUERY)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_the_operation_that_is_named_runs(world: World) -> None:
    response = await posted(world, {"query": SEVERAL, "operationName": "B"})
    assert response.json() == {"data": {"nodes": []}}


async def test_many_mistakes_give_a_bounded_list(world: World) -> None:
    fields = " ".join(f"nothing{number}" for number in range(60))
    response = await posted(world, {"query": f"{{ {fields} }}"})
    assert len(response.json()["errors"]) <= 21


async def test_a_bad_token_is_refused_and_a_good_one_names_the_caller(world: World) -> None:
    response = await posted(world, QUERY, authorization="Bearer nonsense")
    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"
    token = tokens.token_for(Caller("somebody", frozenset({"customers:read"})))
    good = await posted(world, QUERY, authorization=f"Bearer {token}")
    assert good.json()["data"]["viewer"]["subject"] == "somebody"


async def test_where_the_services_are_is_told_to_importers_alone(world: World) -> None:
    for scope, told in (("import", True), ("customers:read", False)):
        token = tokens.token_for(Caller("somebody", frozenset({scope})))
        answer = await world.client.get("/.well-known/rundblick", headers={"authorization": f"Bearer {token}"})
        assert ("services" in answer.json()) is told


async def test_health_says_which_services_answer(world: World) -> None:
    assert (await world.client.get("/health/live")).status_code == 200
    end = 100
    while (ready := (await world.client.get("/health/ready")).json()["services"]) and end:
        if set(ready.values()) == {"SERVING"}:
            break
        end -= 1
    assert ready == {"customers": "SERVING", "feedback": "SERVING", "metrics": "SERVING"}
