"""As whom employees sign in, said through the graph."""

from typing import Any

from chassis.caller import Caller
from tests.gateway.conftest import World
from tests.tokens import ISSUER, token_for

CREATE = """mutation($input: CreateEmployeeInput!) { createEmployee(input: $input) {
  userErrors { code path } employee { id displayName subjects { issuer subject } } } }"""
UPDATE = """mutation($input: UpdateEmployeeInput!) { updateEmployee(input: $input) {
  userErrors { code path } employee { displayName subjects { issuer subject } } } }"""
ADA = {"issuer": "https://login.example", "subject": "ada"}
BEN = {"issuer": "https://login.example", "subject": "ben"}


async def created(world: World, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await world.data(CREATE, input=fields))["createEmployee"]
    return payload


async def updated(world: World, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await world.data(UPDATE, input=fields))["updateEmployee"]
    return payload


async def test_subjects_are_set_shown_kept_and_taken_away(world: World) -> None:
    made = (await created(world, displayName="Ada", subjects=[ADA]))["employee"]
    assert made["subjects"] == [ADA]
    renamed = await updated(world, id=made["id"], displayName="Countess")
    assert renamed == {"userErrors": [], "employee": {"displayName": "Countess", "subjects": [ADA]}}
    assert (await updated(world, id=made["id"], subjects=[BEN, ADA]))["employee"]["subjects"] == [BEN, ADA]
    assert (await updated(world, id=made["id"], subjects=None))["employee"]["subjects"] == []
    shown = await world.data(
        "query($id: ID!) { node(id: $id) { ... on Employee { subjects { subject } } } }", id=made["id"]
    )
    assert shown == {"node": {"subjects": []}}


async def test_who_may_not_change_employees_sees_no_subject_and_the_rest(world: World) -> None:
    made = (await created(world, displayName="Ada", subjects=[ADA]))["employee"]
    query = "query($id: ID!) { node(id: $id) { ... on Employee { displayName subjects { subject } } } }"
    reader = token_for(Caller("reader", frozenset({"employees:read"})))
    response = await world.client.post(
        "/graphql",
        json={"query": query, "variables": {"id": made["id"]}},
        headers={"authorization": f"Bearer {reader}"},
    )
    body = response.json()
    assert body["data"] == {"node": {"displayName": "Ada", "subjects": None}}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]


async def test_who_signs_in_with_a_subject_is_the_employee_and_is_refused_when_gone(world: World) -> None:
    async def viewer(subject: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token_for(Caller(subject))}"}
        response = await world.client.post("/graphql", json={"query": "{ viewer { employee } }"}, headers=headers)
        body: dict[str, Any] = response.json()
        return body

    subjects = [{"issuer": ISSUER, "subject": subject} for subject in ("ada", "countess")]
    made = (await created(world, displayName="Ada", subjects=subjects))["employee"]
    assert await viewer("ada") == {"data": {"viewer": {"employee": made["id"]}}}
    assert await viewer("ben") == {"data": {"viewer": {"employee": None}}}
    await updated(world, id=made["id"], active=False)
    # By the other subject: nobody remembers an answer of before.
    assert (await viewer("countess"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_subject_that_is_another_employees_is_a_mistake_with_its_path(world: World) -> None:
    await created(world, displayName="Ada", subjects=[ADA])
    ben = (await created(world, displayName="Ben"))["employee"]
    refused = {"userErrors": [{"code": "ALREADY_EXISTS", "path": ["input", "subjects", "1"]}], "employee": None}
    assert await created(world, displayName="Cy", subjects=[BEN, ADA]) == refused
    assert await updated(world, id=ben["id"], subjects=[BEN, ADA]) == refused
    wrong = await created(world, displayName="Cy", subjects=[{"issuer": "", "subject": "cy"}])
    assert wrong["userErrors"] == [{"code": "INVALID", "path": ["input", "subjects", "0", "issuer"]}]
