"""Changes in the graph: recorded, listed by pages, found by their id, and kept from partners."""

from typing import Any

import pytest

from tests import tokens
from tests.callers import partner
from tests.gateway.conftest import World

NOWHERE = f"tou_{'0' * 26}"
FIELDS = "id name kind introducedAt description touchpoints { id }"
RECORD = f"""mutation($input: RecordChangeInput!) {{
  recordChange(input: $input) {{ change {{ {FIELDS} }} userErrors {{ code message path }} }} }}"""
LIST = """query($first: Int, $after: String, $last: Int, $before: String, $filter: ChangeFilter) {
  changes(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def told(**fields: Any) -> dict[str, Any]:
    return {"name": "Chatbot", "kind": "TOOL", "introducedAt": "2026-03-02T10:00:00+01:00", **fields}


async def record(world: World, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await world.data(RECORD, input=told(**fields)))["recordChange"]
    return payload


async def touchpoint(world: World, key: str) -> str:
    query = """mutation($input: CreateTouchpointInput!) {
      createTouchpoint(input: $input) { touchpoint { id } userErrors { message } } }"""
    input = {"key": key, "name": key, "channel": "WEB_FORM", "nature": "DIGITAL", "control": "OWNED"}
    id: str = (await world.data(query, input=input))["createTouchpoint"]["touchpoint"]["id"]
    return id


def names(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["name"] for edge in page["edges"]]


async def test_a_recorded_change_is_found_by_its_id_everywhere(world: World) -> None:
    form = await touchpoint(world, "form")
    made = await record(world, touchpoints=[form, form], description="Answers at night")
    assert made["userErrors"] == []
    change = made["change"]
    assert change == {
        "id": change["id"],
        "name": "Chatbot",
        "kind": "TOOL",
        "introducedAt": "2026-03-02T09:00:00+00:00",
        "description": "Answers at night",
        "touchpoints": [{"id": form}],
    }
    query = f"""query($id: ID!, $ids: [ID!]!) {{
      change(id: $id) {{ {FIELDS} touchpoints {{ key }} }}
      node(id: $id) {{ __typename id ... on Change {{ name kind }} }}
      nodes(ids: $ids) {{ __typename }}
      changes {{ edges {{ node {{ {FIELDS} }} }} }} }}"""
    unknown = f"chg_{'0' * 26}"
    found = await world.data(query, id=change["id"], ids=[unknown, change["id"]])
    assert found["change"] == {**change, "touchpoints": [{"id": form, "key": "form"}]}
    assert found["node"] == {"__typename": "Change", "id": change["id"], "name": "Chatbot", "kind": "TOOL"}
    assert found["nodes"] == [None, {"__typename": "Change"}]
    assert found["changes"]["edges"] == [{"node": change}]
    for id in (unknown, "nonsense", form):
        assert await world.data("query($id: ID!) { change(id: $id) { id } }", id=id) == {"change": None}


async def test_a_touchpoint_that_cannot_be_had_is_null_and_the_others_stand(world: World) -> None:
    form = await touchpoint(world, "form")
    id = (await record(world, touchpoints=[NOWHERE, form]))["change"]["id"]
    body = await world.answer("query($id: ID!) { change(id: $id) { name touchpoints { key } } }", id=id)
    assert body["data"]["change"] == {"name": "Chatbot", "touchpoints": [None, {"key": "form"}]}
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["change", "touchpoints", 0, "key"])


async def test_many_changes_by_their_ids_are_one_call(world: World) -> None:
    ids = [(await record(world, name=f"{number}"))["change"]["id"] for number in range(5)]
    calls = await world.calls("query($ids: [ID!]!) { nodes(ids: $ids) { ... on Change { name } } }", ids=ids)
    assert calls == ["metrics.BatchGetChanges"]


async def test_pages_follow_each_other_forward_and_backward(world: World) -> None:
    for day in (3, 1, 5, 2, 4):
        await record(world, name=f"{day}", introducedAt=f"2026-03-0{day}T09:00:00Z")
    seen: list[str] = []
    after = None
    for more in (True, True, False):
        page = (await world.data(LIST, first=2, after=after))["changes"]
        seen += names(page)
        assert page["pageInfo"]["hasNextPage"] is more
        after = page["pageInfo"]["endCursor"]
    assert seen == ["5", "4", "3", "2", "1"]
    back = (await world.data(LIST, last=2, before=after))["changes"]
    assert names(back) == ["3", "2"]
    assert back["pageInfo"]["hasPreviousPage"] is True


async def test_a_list_holds_what_its_filter_names(world: World) -> None:
    form, phone = await touchpoint(world, "form"), await touchpoint(world, "phone")
    await record(world, name="form", touchpoints=[form])
    await record(world, name="phone", touchpoints=[phone], kind="PRICE", introducedAt="2026-04-01T00:00:00Z")
    await record(world, name="everywhere", kind="STAFFING", introducedAt="2026-05-01T00:00:00Z")
    march = {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"}
    for filter, expected in (
        ({}, ["everywhere", "phone", "form"]),
        ({"kinds": ["PRICE", "STAFFING"]}, ["everywhere", "phone"]),
        ({"touchpoints": [form]}, ["everywhere", "form"]),
        ({"period": march}, ["form"]),
    ):
        assert names((await world.data(LIST, filter=filter))["changes"]) == expected, filter


@pytest.mark.parametrize(
    "arguments",
    [
        "first: -1",
        "first: 101",
        'first: 1, after: "nonsense"',
        "first: 1, last: 1",
        'filter: {touchpoints: ["website"]}',
        'filter: {period: {start: "2026-03-01T00:00:00Z", end: "2026-03-01T00:00:00Z"}}',
    ],
)
async def test_a_bad_list_is_the_callers_mistake(world: World, arguments: str) -> None:
    body = await world.answer(f"{{ changes({arguments}) {{ edges {{ cursor }} }} viewer {{ subject }} }}")
    assert body["data"] == {"changes": None, "viewer": {"subject": "development"}}
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["changes"])


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": ""}, ["input", "name"]),
        ({"description": "x" * 2_001}, ["input", "description"]),
        ({"touchpoints": [NOWHERE, "website"]}, ["input", "touchpoints", "1"]),
    ],
)
async def test_what_the_caller_can_mend_comes_with_its_place(
    world: World, fields: dict[str, Any], path: list[str]
) -> None:
    payload = await record(world, **fields)
    assert payload["change"] is None
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", path)]
    assert names((await world.data(LIST))["changes"]) == []


async def test_the_same_key_records_once_and_other_input_is_said(world: World) -> None:
    first = await record(world, idempotencyKey="k")
    assert await record(world, idempotencyKey="k") == first
    other = await record(world, idempotencyKey="k", name="Another")
    assert other["change"] is None
    (error,) = other["userErrors"]
    assert (error["code"], error["path"]) == ("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])
    assert names((await world.data(LIST))["changes"]) == ["Chatbot"]


async def test_partners_neither_see_nor_record_changes(world: World) -> None:
    id = (await record(world))["change"]["id"]
    outside = partner("rundblick")
    token = tokens.token_for(outside)
    for field, query in (
        ("recordChange", RECORD),
        ("changes", "{ changes { edges { node { name } } } }"),
        ("change", "query($id: ID!) { change(id: $id) { name } }"),
        ("node", "query($id: ID!) { node(id: $id) { id } }"),
    ):
        variables = {"id": id, "input": told(name="Theirs")}
        response = await world.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
        )
        body = response.json()
        assert body["data"] == {field: None}
        assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"], field
    assert names((await world.data(LIST))["changes"]) == ["Chatbot"]
