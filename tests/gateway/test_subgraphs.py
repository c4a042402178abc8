"""The subgraphs as a federation router sees them: what an entity's key may be, and what its viewer sees."""

from typing import Any

import pytest

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.ids import new_id
from gateway import schema
from gateway.context import Context
from gateway.entities import MOST_REPRESENTATIONS
from gateway.execution import Executor
from tests.callers import partner
from tests.gateway.router import ROUTER_SECRET, Router

SDL = "{ _service { sdl } }"
NAMED = """
query($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on Customer { id displayName } }
}"""
KEYS = "query($representations: [_Any!]!) { _entities(representations: $representations) { ... on Customer { id } } }"
CUSTOMER = new_id("cus")


def customer(id: Any = CUSTOMER) -> dict[str, Any]:
    return {"__typename": "Customer", "id": id}


@pytest.mark.parametrize(
    ("subgraph", "said"),
    [
        ("customers", 5),
        ("customers", "Customer"),
        ("customers", [customer()]),
        ("customers", {}),
        ("customers", {"id": CUSTOMER}),
        ("customers", {"__typename": "Customer"}),
        ("customers", customer() | {"displayName": "x"}),
        ("customers", customer() | {"$where": "1"}),
        ("customers", customer({"$gt": ""})),
        ("customers", customer({"$in": [CUSTOMER]})),
        ("customers", customer([CUSTOMER])),
        ("customers", customer(7)),
        ("customers", customer(None)),
        ("customers", customer("")),
        ("customers", customer(f"{CUSTOMER}\n")),
        ("customers", customer(CUSTOMER.lower())),
        ("customers", customer(CUSTOMER[:-1])),
        ("customers", customer(new_id("emp"))),
        ("customers", {"__typename": "Employee", "id": CUSTOMER}),
        ("customers", {"__typename": ["Customer"], "id": CUSTOMER}),
        ("customers", {"__typename": {"$ne": ""}, "id": CUSTOMER}),
        ("customers", {"__typename": None, "id": CUSTOMER}),
        ("customers", {"__typename": "Kpi", "id": new_id("kpi")}),
        # No entity, though a type of the schema; and one that is known here by its id alone.
        ("customers", {"__typename": "Query", "id": CUSTOMER}),
        ("customers", {"__typename": "Enquiry", "id": new_id("enq")}),
        ("feedback", {"__typename": "Employee", "id": new_id("emp")}),
        # The key of a KPI is the graph's, not the federation's.
        ("metrics", {"__typename": "Kpi", "id": "first_response_time"}),
        ("node", customer()),
    ],
)
async def test_what_is_no_key_is_the_error_of_its_one_item(subgraph: str, said: Any) -> None:
    # Without loaders whatever was loaded would be an internal error.
    context = Context(DEVELOPMENT_CALLER, None, "req_test", float("inf"))
    executor = Executor(schema.subgraph(subgraph)._schema)
    good = customer() if subgraph != "node" else said
    query = "query($representations: [_Any!]!) { _entities(representations: $representations) { __typename } }"
    answer = await executor.run(query, {"representations": [good, said, good]}, None, context)
    stands = None if subgraph == "node" else {"__typename": "Customer"}
    assert answer["data"] == {"_entities": [stands, None, stands]}
    errors = [error for error in answer["errors"] if error["path"] == ["_entities", 1]]
    assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"]
    assert subgraph == "node" or len(answer["errors"]) == 1
    assert context.calls == []


async def test_more_representations_than_a_page_are_left_out_one_by_one() -> None:
    context = Context(DEVELOPMENT_CALLER, None, "req_test", float("inf"))
    executor = Executor(schema.subgraph("customers")._schema)
    many = [customer()] * (MOST_REPRESENTATIONS + 2)
    answer = await executor.run(KEYS, {"representations": many}, None, context)
    assert [item is None for item in answer["data"]["_entities"]] == [False] * MOST_REPRESENTATIONS + [True, True]
    assert [error["path"] for error in answer["errors"]] == [["_entities", 1000], ["_entities", 1001]]


async def test_the_cost_of_entities_is_that_of_all_of_them() -> None:
    query = """query($representations: [_Any!]!) { _entities(representations: $representations) { ...parts } }
        fragment parts on Customer { enquiries(first: 100) { edges { node { id subject source version } } } }"""
    executor = Executor(schema.subgraph("feedback")._schema)
    context = Context(DEVELOPMENT_CALLER, None, "req_test", float("inf"))
    answer = await executor.run(query, {"representations": [customer()] * 900}, None, context)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "COST_ESTIMATED_TOO_EXPENSIVE"
    assert context.calls == []


async def test_a_batch_is_one_call_in_the_order_asked_for_and_a_bad_item_spoils_nothing(router: Router) -> None:
    ids = await router.customers(10)
    names = {
        edge["node"]["id"]: edge["node"]["displayName"]
        for edge in (await router.world.data("{ customers(first: 50) { edges { node { id displayName } } } }"))[
            "customers"
        ]["edges"]
    }
    asked: list[Any] = [customer(id) for id in reversed(ids)]
    asked.insert(3, customer({"$gt": ""}))
    unknown = new_id("cus")
    asked.insert(7, customer(unknown))
    answer = await router.ask("customers", NAMED, representations=asked)
    expected = [{"__typename": "Customer", "id": id, "displayName": names[id]} for id in reversed(ids)]
    assert answer["data"]["_entities"] == [*expected[:3], None, *expected[3:6], None, *expected[6:]]
    assert router.calls == ["customers.BatchGetCustomers"]
    codes = {error["path"][1]: error["extensions"]["code"] for error in answer["errors"]}
    assert codes == {3: "BAD_USER_INPUT", 7: "NOT_FOUND"}
    # Of several types: a call for each. By the key alone: none.
    several = [customer(ids[0]), {"__typename": "Employee", "id": new_id("emp")}, customer(ids[1])]
    await router.ask("customers", NAMED.replace("... on", "... on Employee { active } ... on"), representations=several)
    assert sorted(router.calls) == ["customers.BatchGetCustomers", "customers.BatchGetEmployees"]
    assert (await router.ask("customers", KEYS, representations=[customer(id) for id in ids]))["data"]["_entities"] == [
        {"id": id} for id in ids
    ]
    assert router.calls == []


async def test_each_subgraph_answers_its_part_of_a_customer(router: Router) -> None:
    ids = await router.customers(3)
    representations = [customer(id) for id in ids]
    fields = "... on Customer { enquiries(first: 2) { edges { node { subject } } } }"
    query = "query($representations: [_Any!]!) { _entities(representations: $representations) { %s } }"
    answer = await router.ask("feedback", query % fields, representations=representations)
    assert [len(one["enquiries"]["edges"]) for one in answer["data"]["_entities"]] == [2, 2, 2]
    assert router.calls == ["feedback.BatchListEnquiries"]
    answer = await router.ask(
        "metrics",
        query % '... on Customer { kpis(keys: ["enquiries"]) { kpi { key } } }',
        representations=representations,
    )
    assert [one["kpis"][0]["kpi"]["key"] for one in answer["data"]["_entities"]] == ["enquiries"] * 3
    answer = await router.ask("node", "query($id: ID!) { node(id: $id) { __typename id } }", id=ids[0])
    assert answer == {"data": {"node": {"__typename": "Customer", "id": ids[0]}}}


async def test_what_a_viewer_may_not_see_is_null_as_if_it_did_not_exist(router: Router) -> None:
    ids = await router.customers(2)
    unknown = new_id("cus")
    asked = [customer(ids[0]), customer(unknown), customer(ids[1])]

    async def answer(viewer: Caller) -> tuple[Any, list[tuple[Any, str, str]]]:
        said = await router.ask("customers", NAMED, viewer, representations=asked)
        errors = [
            (error["path"], error["extensions"]["code"], error["message"].replace(asked[error["path"][1]]["id"], "it"))
            for error in said.get("errors", ())
        ]
        return said["data"]["_entities"], errors

    shown, errors = await answer(partner("shop"))
    assert [item is None for item in shown] == [False, True, False]
    [(_, code, message)] = errors
    hidden, errors = await answer(partner("another shop"))
    assert hidden == [None, None, None]
    assert {(code, message) for _, code, message in errors} == {(code, message)}
    assert sorted(path for path, *_ in errors) == [["_entities", number, "displayName"] for number in range(3)]
    query = "query($representations: [_Any!]!) { _entities(representations: $representations) { %s } }"
    part = query % "... on Customer { enquiries(first: 9) { edges { node { id } } } }"
    answered = await router.ask("feedback", part, partner("another shop"), representations=asked)
    assert [one["enquiries"]["edges"] for one in answered["data"]["_entities"]] == [[], [], []]


async def test_a_viewer_without_the_scope_is_refused_by_the_service(router: Router) -> None:
    ids = await router.customers(1)
    answer = await router.ask("customers", NAMED, Caller("nobody"), representations=[customer(ids[0])])
    assert answer["data"]["_entities"] == [None]
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_viewers_token_is_checked_as_at_the_front_door(router: Router) -> None:
    headers = {"router-secret": ROUTER_SECRET, "authorization": "Bearer nonsense"}
    response = await router.client.post("/subgraphs/node", json={"query": "{ viewer { subject } }"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    answer = await router.ask("node", "{ viewer { subject } }", Caller("somebody", frozenset({"customers:read"})))
    assert answer == {"data": {"viewer": {"subject": "somebody"}}}


async def test_limits_and_errors_are_those_of_the_front_door(router: Router) -> None:
    aliases = " ".join(f"a{number}: viewer {{ subject }}" for number in range(101))
    for query, code in (
        (f"{{ {aliases} }}", "MAX_ALIASES_LIMIT"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer", "GRAPHQL_PARSE_FAILED"),
        ("{ _entities(representations: [null]) { __typename } }", "GRAPHQL_VALIDATION_FAILED"),
    ):
        answer = await router.ask("node", query)
        assert "data" not in answer
        assert answer["errors"][0]["extensions"]["code"] == code, answer
    headers = {"router-secret": ROUTER_SECRET, "content-type": "application/json"}
    large = await router.client.post("/subgraphs/node", content=b" " * 1_000_001, headers=headers)
    assert large.status_code == 413
    assert (await router.client.get("/subgraphs/node", headers=headers)).status_code == 405


async def test_the_sdl_is_told_to_the_router_and_is_not_part_of_the_front_door(router: Router) -> None:
    for name in schema.SUBGRAPHS:
        answer = await router.ask(name, SDL)
        assert answer["data"]["_service"]["sdl"] + "\n" == schema.subgraph_sdl(name)
        assert (await router.client.post(f"/subgraphs/{name}", json={"query": SDL})).status_code == 401
        assert (await router.world.client.post(f"/subgraphs/{name}", json={"query": SDL})).status_code == 404
    front = await router.world.answer(SDL)
    assert front["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
