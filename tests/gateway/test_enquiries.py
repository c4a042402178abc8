"""Enquiries as those who work with them use the graph: opened, found, worked on, merged, and what is refused."""

from typing import Any

from chassis.caller import Caller
from tests.gateway.conftest import World
from tests.gateway.test_graph import made
from tests.tokens import token_for

WHOLE = """id status category service priority excluded customer { id } campaign { id } mergedInto { id subject }
  touchpoint { id key } touchpoints { key } history { at status excluded by { displayName } }
  assignments { assignee { displayName } team { key } by { id } }"""
NODE = (
    f"query($id: ID!) {{ node(id: $id) {{ ... on Enquiry {{ {WHOLE} messages {{ edges {{ node {{ body }} }} }} }} }} }}"
)
FIGURES = """query($period: PeriodInput!) {
  enquiries: kpi(key: "enquiries") { result(period: $period) { n } }
  answered: kpi(key: "first_response_time") { result(period: $period) { n open { open } } } }"""
PERIOD = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


async def mutation(world: World, name: str, selected: str, caller: Caller | None = None, /, **input: Any) -> Any:
    type = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation($input: {type}!) {{ {name}(input: $input) {{ {selected} userErrors {{ code path }} }} }}"
    headers = {"authorization": f"Bearer {token_for(caller)}"} if caller else None
    body = {"query": query, "variables": {"input": input}}
    return (await world.client.post("/graphql", json=body, headers=headers)).json()


async def done(world: World, name: str, caller: Caller | None = None, /, **input: Any) -> Any:
    selected = f"enquiry {{ {WHOLE} }}"
    payload = (await mutation(world, name, selected, caller, **input))["data"][name]
    assert payload["userErrors"] == [], payload
    return payload["enquiry"]


async def wrong(world: World, name: str, /, **input: Any) -> tuple[str, list[str]]:
    payload = (await mutation(world, name, "enquiry { id }", **input))["data"][name]
    assert payload["enquiry"] is None
    [error] = payload["userErrors"]
    return error["code"], error["path"]


async def asked(world: World, day: int, /, **fields: Any) -> Any:
    message = {"body": "Where is it?", "occurredAt": f"2026-01-{day:02}T09:00:00Z"}
    given = {"subject": f"Question {day}", "openedAt": message["occurredAt"], "message": message, **fields}
    return await done(world, "openEnquiry", **given)


async def the_world(world: World) -> tuple[str, Caller]:
    """A customer, and an employee who works with enquiries."""
    given = {"kind": "PERSON", "displayName": "Ada", "externalId": {"source": "shop", "id": "c1"}}
    customer = await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", **given)
    ann = {"displayName": "Ann", "team": "support"}
    employee = (await made(world, "createEmployee", "CreateEmployeeInput", "employee { id }", **ann))["employee"]["id"]
    place = {"key": "form", "name": "Form", "channel": "WEB_FORM", "nature": "DIGITAL", "control": "OWNED"}
    await made(world, "createTouchpoint", "CreateTouchpointInput", "touchpoint { id }", **place)
    scopes = {"enquiries:read", "enquiries:write", "employees:read", "customers:read", "touchpoints:read"}
    return customer["customer"]["id"], Caller("ann", frozenset(scopes), employee=employee)


async def test_an_enquiry_is_worked_on_until_it_is_settled(world: World) -> None:
    customer, ann = await the_world(world)
    poster = {"key": "poster", "name": "Poster", "channel": "OUT_OF_HOME", "nature": "PHYSICAL", "control": "PAID"}
    selected = "touchpoint { id }"
    place = (await made(world, "createTouchpoint", "CreateTouchpointInput", selected, **poster))["touchpoint"]["id"]
    code = await made(
        world, "createTouchpointCode", "CreateTouchpointCodeInput", "touchpointCode { code }", touchpoint=place
    )
    found = await asked(world, 5, code=code["touchpointCode"]["code"], category="parts", service="repair")
    id = found["id"]
    assert found["touchpoint"]["key"] == "poster"
    assert found["customer"] is None
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("updateEnquiry", {"category": None, "service": None, "priority": "HIGH", "status": "PENDING"}),
        ("updateEnquiry", {"customer": {"externalId": {"source": "shop", "id": "c1"}}}),
        ("assignEnquiry", {"team": "support"}),
        ("assignEnquiry", {"assignee": ann.employee}),
        ("resolveEnquiry", {}),
        ("closeEnquiry", {}),
        ("reopenEnquiry", {}),
        ("excludeEnquiry", {"reason": "SPAM"}),
        ("includeEnquiry", {}),
    )
    for name, input in steps:
        last = await done(world, name, ann, id=id, **input)
    assert (last["category"], last["service"], last["priority"]) == (None, None, "HIGH")
    assert last["customer"]["id"] == customer
    by = {"displayName": "Ann"}
    assert [(one["status"], one["excluded"], one["by"]) for one in last["history"]] == [
        ("NEW", None, None),
        ("PENDING", None, by),
        ("RESOLVED", None, by),
        ("CLOSED", None, by),
        ("OPEN", None, by),
        ("OPEN", "SPAM", by),
        ("OPEN", None, by),
    ]
    assert [(one["assignee"], one["team"], one["by"]["id"]) for one in last["assignments"]] == [
        (None, {"key": "support"}, ann.employee),
        (by, {"key": "support"}, ann.employee),
    ]
    nobody = {"externalId": {"source": "shop", "id": "nobody"}}
    second = await made(
        world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON", displayName="B"
    )
    for name, input, code_and_path in (
        ("openEnquiry", {"subject": "?", "code": "NOWHERE2"}, ("INVALID", ["input", "code"])),
        ("openEnquiry", {"subject": "?", "code": "X", "touchpoint": "form"}, ("INVALID", ["input", "code"])),
        ("updateEnquiry", {"id": id, "customer": nobody}, ("INVALID", ["input", "customer"])),
        ("updateEnquiry", {"id": id, "customer": second["customer"]}, ("CONFLICT", ["input", "customer"])),
        ("updateEnquiry", {"id": id, "status": "CLOSED"}, ("INVALID", ["input", "status"])),
        ("includeEnquiry", {"id": id}, ("CONFLICT", ["input", "id"])),
        ("reopenEnquiry", {"id": id}, ("CONFLICT", ["input", "id"])),
        ("mergeEnquiries", {"into": id, "duplicates": [id]}, ("INVALID", ["input", "duplicates"])),
        ("mergeEnquiries", {"into": f"{id[:-1]}!", "duplicates": [id]}, ("NOT_FOUND", ["input", "into"])),
    ):
        assert await wrong(world, name, **input) == code_and_path, (name, input)
    note = {"enquiry": id, "authorKind": "EMPLOYEE", "body": "hush", "visibility": "INTERNAL"}
    answer = await mutation(world, "addMessage", "message { id }", ann, **note)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert (await world.data(NODE, id=id))["node"]["messages"]["edges"] == [{"node": {"body": "Where is it?"}}]
    wanted = 'filter: { search: "QUESTION", priorities: [HIGH], customers: [$id], openedFrom: "2026-01-05T09:00:00Z" }'
    listed = await world.data(f"query($id: ID!) {{ enquiries({wanted}) {{ edges {{ node {{ id }} }} }} }}", id=customer)
    assert listed["enquiries"]["edges"] == [{"node": {"id": id}}]


async def test_figures_follow_when_duplicates_are_merged_and_spam_is_none(world: World) -> None:
    customer, _ = await the_world(world)
    kept, *duplicates = [await asked(world, day, customer={"id": customer}) for day in (5, 6, 7)]
    spam = await asked(world, 8)
    answer = {"authorKind": "EMPLOYEE", "body": "There.", "occurredAt": "2026-01-06T10:00:00Z"}
    for one in duplicates:
        await done(world, "addMessage", enquiry=one["id"], **answer)

    def counts(data: Any) -> tuple[int, int, int]:
        answered = data["answered"]["result"]
        return data["enquiries"]["result"]["n"], answered["n"], answered["open"]["open"]

    await world.until(FIGURES, lambda data: counts(data) == (4, 1, 3), period=PERIOD)
    await done(world, "excludeEnquiry", id=spam["id"], reason="SPAM")
    input = {"into": kept["id"], "duplicates": [one["id"] for one in duplicates], "idempotencyKey": "k"}
    for _ in range(2):
        merged = await done(world, "mergeEnquiries", **input)
    assert len(merged["history"]) == 2, "it was answered"
    # One that is answered, by the first answer to any of the three; the others count no more.
    await world.until(FIGURES, lambda data: counts(data) == (1, 1, 0), period=PERIOD)
    node = (await world.data(NODE, id=duplicates[0]["id"]))["node"]
    assert node["mergedInto"] == {"id": kept["id"], "subject": "Question 5"}
    assert (node["excluded"], node["messages"]["edges"]) == ("DUPLICATE", [])
    await done(world, "includeEnquiry", id=spam["id"])
    await world.until(FIGURES, lambda data: counts(data) == (2, 1, 1), period=PERIOD)
