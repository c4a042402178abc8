"""Possible duplicates as a steward sees them: why, merged or kept apart, and by which rules."""

from chassis.caller import Caller
from tests import tokens
from tests.callers import partner
from tests.gateway.conftest import World
from tests.gateway.test_graph import made

LISTED = """query($least: Float) { duplicateCandidates(first: 5, minimumScore: $least) { edges { node {
  id score status foundBy customers { id displayName }
  reasons { field agreement weight message { code parameters text } } } }
  pageInfo { hasNextPage } } }"""
RULES = """{ matchRules { key mode enabled version limit priority identifiers { kind of } } blockedValues }"""


async def _customer(world: World, name: str, email: str) -> str:
    said = {"kind": "PERSON", "displayName": name, "emails": [email]}
    created = await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", **said)
    id: str = created["customer"]["id"]
    return id


async def test_a_steward_sees_why_decides_and_defines_rules(world: World) -> None:
    rules = await world.data(RULES)
    assert [rule["key"] for rule in rules["matchRules"]][:2] == ["email-and-name", "phone-and-name"]
    assert "noreply@" in rules["blockedValues"]
    ann, both = await _customer(world, "Ann", "a@x.de"), await _customer(world, "A. Berg", "a@x.de")
    [edge] = (await world.data(LISTED))["duplicateCandidates"]["edges"]
    node = edge["node"]
    assert {customer["id"] for customer in node["customers"]} == {ann, both}
    assert (node["status"], node["foundBy"]) == ("OPEN", "email")
    [reason] = node["reasons"]
    assert (reason["field"], reason["agreement"], reason["weight"]) == ("emails", "SAME", None)
    assert reason["message"]["text"] == "The e-mail address is the same."
    german = await world.client.post("/graphql", json={"query": LISTED}, headers={"accept-language": "de-AT"})
    [edge] = german.json()["data"]["duplicateCandidates"]["edges"]
    assert edge["node"]["reasons"][0]["message"]["text"] == "E-Mail-Adresse: gleich."
    assert (await world.data(LISTED, least=1.0))["duplicateCandidates"]["edges"] == []

    decision = {"id": node["id"], "decision": "MERGE", "keep": both}
    wrong = """mutation($input: DecideDuplicateInput!) { decideDuplicate(input: $input) {
      customer { id } userErrors { code path } } }"""
    refused = (await world.data(wrong, input={**decision, "keep": node["id"]}))["decideDuplicate"]
    assert refused == {"customer": None, "userErrors": [{"code": "INVALID", "path": ["input", "keep"]}]}
    selected = "duplicateCandidate { id status customers { id } } customer { id sourceRecords { id } }"
    done = await made(world, "decideDuplicate", "DecideDuplicateInput", selected, **decision)
    assert (done["customer"]["id"], len(done["customer"]["sourceRecords"])) == (both, 2)
    assert done["duplicateCandidate"]["status"] == "MERGED"
    assert (await world.data(LISTED))["duplicateCandidates"]["edges"] == []

    say = {"key": "number", "identifiers": [{"kind": "ATTRIBUTE", "of": "number"}], "mode": "ATTACH"}
    rule = await made(world, "defineMatchRule", "DefineMatchRuleInput", "matchRule { key version limit }", **say)
    assert rule["matchRule"] == {"key": "number", "version": 1, "limit": 10}
    gone = await made(
        world, "archiveMatchRule", "ArchiveMatchRuleInput", "matchRule { enabled }", key="number", version=1
    )
    assert gone["matchRule"] == {"enabled": False}
    blocked = await made(world, "blockValue", "BlockValueInput", "value blocked", value="Info@")
    assert (blocked["value"], blocked["blocked"]) == ("info@", True)


async def test_nobody_else_learns_of_pairs_or_rules(world: World) -> None:
    await _customer(world, "Ann", "a@x.de")
    await _customer(world, "A. Berg", "a@x.de")
    [edge] = (await world.data(LISTED))["duplicateCandidates"]["edges"]
    asked = (
        "query($id: ID!) { duplicateCandidates { edges { node { id } } } matchRules { key } node(id: $id) { id "
        "... on DuplicateCandidate { score } } }"
    )
    for caller in (partner("shop"), Caller("ann", frozenset({"customers:read", "customers:write"}))):
        headers = {"authorization": f"Bearer {tokens.token_for(caller)}"}
        body = {"query": asked, "variables": {"id": edge["node"]["id"]}}
        answer = (await world.client.post("/graphql", json=body, headers=headers)).json()
        assert answer["data"] == {"duplicateCandidates": None, "matchRules": None, "node": None}
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
