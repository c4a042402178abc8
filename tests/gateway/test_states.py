"""States in the graph: judged on every change, by rules a company replaces, and by an employee's word until it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rundblick.customers.v1 import signal_pb2, signal_pb2_grpc

from chassis.channel import open_channel
from chassis.times import to_timestamp
from tests.gateway.conftest import World

STATE = """query($id: ID!) { customer(id: $id) { state {
  lifecycleStage engagement since lifecycleStageSince setBy overrideExpiresAt
  reasons { dimension rule facts message { code text } }
  history(first: 10) { edges { node { dimension before after setBy reason { rule } } } } } } }"""
OVERRIDE = """mutation($input: OverrideStateInput!) { overrideState(input: $input) {
  customer { id } userErrors { code path message } } }"""
DEFINE = """mutation($input: DefineStateRulesInput!) { defineStateRules(input: $input) {
  set { version rules { key } } transitions { before after customers } lookedAt userErrors { code path message } } }"""
CREATE = """mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } } }"""
RECORD = """mutation($input: RecordInteractionInput!) { recordInteraction(input: $input) {
  interaction { id } userErrors { message } } }"""
LAST = {"key": "other", "value": "OTHER", "when": "true"}


async def created(world: World) -> str:
    made = await world.data(CREATE, input={"kind": "PERSON", "displayName": "Ada", "emails": ["a@example.org"]})
    id: str = made["createCustomer"]["customer"]["id"]
    return id


async def met(world: World, customer: str, kind: str) -> None:
    said = {"customer": customer, "direction": "INBOUND", "kind": kind, "occurredAt": datetime.now(UTC).isoformat()}
    answer = await world.data(RECORD, input=said | {"source": "rundblick"})
    assert answer["recordInteraction"]["userErrors"] == []


async def stage(world: World, customer: str, expected: str) -> dict[str, Any]:
    def reached(data: dict[str, Any]) -> bool:
        return bool(data["customer"]["state"]["lifecycleStage"] == expected)

    state: dict[str, Any] = (await world.until(STATE, reached, id=customer))["customer"]["state"]
    return state


async def test_a_state_follows_what_happens_and_says_why(world: World) -> None:
    customer = await created(world)
    state = (await world.data(STATE, id=customer))["customer"]["state"]
    assert (state["lifecycleStage"], state["engagement"], state["setBy"]) == ("OTHER", "NEW", "RULE")
    await met(world, customer, "MESSAGE")
    await stage(world, customer, "LEAD")
    await met(world, customer, "PURCHASE")
    state = await stage(world, customer, "CUSTOMER")
    assert state["reasons"][0] == {
        "dimension": "LIFECYCLE_STAGE",
        "rule": "customer",
        "facts": {"opportunities.won": 0.0, "interactions.purchases": 1.0},
        "message": {"code": "STATE_CUSTOMER", "text": "bought before"},
    }
    async with open_channel(world.addresses["customers"], process="feedback") as channel:
        signal = signal_pb2.Signal(
            id="fbk_1",
            version=1,
            at=to_timestamp(datetime.now(UTC)),
            source="rundblick",
            customer_id=customer,
            score=signal_pb2.ScoreSignal(survey=signal_pb2.SURVEY_KIND_NPS, value=10),
        )
        wrong = signal_pb2.Signal(id="fbk_2", at=signal.at, source="rundblick")
        recorded: Any = signal_pb2_grpc.SignalServiceStub(channel).RecordSignals(
            signal_pb2.RecordSignalsRequest(signals=[signal, wrong]), timeout=10
        )
        assert [answer.error.code for answer in (await recorded).answers] == ["", "INVALID"]
    state = await stage(world, customer, "EVANGELIST")
    changes = [edge["node"] for edge in state["history"]["edges"] if edge["node"]["dimension"] == "LIFECYCLE_STAGE"]
    # Whether the customer was judged before the first contact is a matter of who was quicker.
    assert [one["after"] for one in changes][:3] == ["EVANGELIST", "CUSTOMER", "LEAD"]
    assert [one["before"] for one in changes] == [*(one["after"] for one in changes[1:]), None]


async def test_an_employee_says_otherwise_until_it_is_cleared(world: World) -> None:
    customer = await created(world)
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    said = {"customer": customer, "lifecycleStage": "OPPORTUNITY", "reason": "met at the fair", "expiresAt": ends}
    for wrong, path in (
        ({"reason": ""}, ["input", "reason"]),
        ({"expiresAt": None}, ["input", "expiresAt"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["input", "expiresAt"]),
        ({"lifecycleStage": None}, ["input", "lifecycleStage"]),
        ({"customer": "cus_00000000000000000000000000"}, ["input", "customer"]),
    ):
        refused = (await world.data(OVERRIDE, input=said | wrong))["overrideState"]
        assert [error["path"] for error in refused["userErrors"]] == [path], wrong
    await world.data(OVERRIDE, input=said)
    state = await stage(world, customer, "OPPORTUNITY")
    assert (state["setBy"], state["reasons"][0]["message"]["text"]) == ("EMPLOYEE", "met at the fair")
    await met(world, customer, "PURCHASE")
    await world.data(OVERRIDE, input={"customer": customer, "clear": True})
    assert (await stage(world, customer, "CUSTOMER"))["setBy"] == "RULE"


async def test_a_company_replaces_the_rules_and_sees_before_who_would_change(world: World) -> None:
    customer = await created(world)
    await stage(world, customer, "OTHER")
    rule = {"key": "mailed", "value": "LEAD", "when": "customer.kind == 'PERSON'"}
    asked = {"dimension": "LIFECYCLE_STAGE", "rules": [rule, LAST]}
    wrong = rule | {"when": "customer.kid == 'PERSON'"}
    refused = (await world.data(DEFINE, input=asked | {"rules": [wrong, LAST]}))["defineStateRules"]["userErrors"]
    assert [(error["code"], error["path"]) for error in refused] == [("INVALID", ["input", "rules", "0", "when"])]
    assert "line 1, column 9" in refused[0]["message"]
    tried = (await world.data(DEFINE, input=asked | {"dryRun": True}))["defineStateRules"]
    assert (tried["transitions"], tried["lookedAt"]) == ([{"before": "OTHER", "after": "LEAD", "customers": 1}], 1)
    await stage(world, customer, "OTHER")
    defined = (await world.data(DEFINE, input=asked | {"version": 0}))["defineStateRules"]
    assert (defined["set"]["version"], defined["userErrors"]) == (1, [])
    await stage(world, customer, "LEAD")
    stale = (await world.data(DEFINE, input=asked | {"version": 0}))["defineStateRules"]
    assert [error["code"] for error in stale["userErrors"]] == ["CONFLICT"]
    rules = await world.data("{ stateRules { sets { dimension version } sweep { done total endedAt } } }")
    assert {one["dimension"]: one["version"] for one in rules["stateRules"]["sets"]} == {
        "LIFECYCLE_STAGE": 1,
        "ENGAGEMENT": 0,
    }
