"""Merge and split as frontend teams use them: seen before they are done, followed by every fact, and taken back."""

from typing import Any

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import World
from tests.gateway.test_graph import made

MERGED = """customer { id displayName emails version sourceRecords { id } }
            changes { field before after because { code text } sourceRecords
                      candidates { source value } }"""
SEEN = """query($id: ID!, $old: ID!) {
  customer(id: $id) { id interactions { edges { node { summary } } freshness } enquiries { edges { node { id } } } }
  old: customer(id: $old) { id }
  node(id: $old) { __typename id }
  kpi(key: "enquiries") { result(period: {start: "2026-01-01T00:00:00Z", end: "2026-02-01T00:00:00Z"}) { n value } }
}"""


async def _two(world: World) -> list[dict[str, Any]]:
    """Two customers with three enquiries of two messages each, in every journey."""
    await world.import_enquiries(2)
    query = """{ customers(orderBy: DISPLAY_NAME_ASC) { edges { node {
                 id version interactions { edges { node { id } } } } } } }"""
    data = await world.until(
        query, lambda data: all(len(e["node"]["interactions"]["edges"]) == 6 for e in data["customers"]["edges"])
    )
    return [edge["node"] for edge in data["customers"]["edges"]]


async def test_a_merge_is_seen_first_then_followed_by_all_and_taken_back(world: World) -> None:
    one, two = await _two(world)
    asked = {"id": one["id"], "duplicates": [two["id"]]}
    dry = await made(world, "mergeCustomers", "MergeCustomersInput", MERGED, **asked, dryRun=True)
    unchanged = await world.data("query($id: ID!) { customer(id: $id) { id version } }", id=two["id"])
    assert unchanged["customer"] == {"id": two["id"], "version": two["version"]}
    (name,) = [change for change in dry["changes"] if change["field"] == "displayName"]
    assert {candidate["value"] for candidate in name["candidates"]} == {"c0", "c1"}
    assert name["after"] in ("c0", "c1")
    assert name["because"]["code"].startswith("MERGE_")
    assert "displayName" in name["because"]["text"]

    done = await made(world, "mergeCustomers", "MergeCustomersInput", MERGED, **asked, idempotencyKey="once")
    assert done["changes"] == dry["changes"], "what was shown is what was done"
    assert len(done["customer"]["sourceRecords"]) == 2
    again = await made(world, "mergeCustomers", "MergeCustomersInput", MERGED, **asked, idempotencyKey="once")
    assert again["customer"]["id"] == one["id"]
    seen = await world.until(
        SEEN,
        lambda data: (
            len(data["customer"]["interactions"]["edges"]) == 12
            and len(data["customer"]["enquiries"]["edges"]) == 6
            and data["kpi"]["result"]["n"] == 6
        ),
        id=one["id"],
        old=two["id"],
    )
    assert seen["old"]["id"] == one["id"]
    assert seen["node"] == {"__typename": "Customer", "id": one["id"]}

    split = await made(
        world,
        "splitCustomer",
        "SplitCustomerInput",
        "customer { id sourceRecords { id } } splitOff { id displayName }",
        id=one["id"],
        formerCustomer=two["id"],
    )
    assert split["splitOff"] == {"id": two["id"], "displayName": "c1"}
    assert split["customer"]["sourceRecords"][0]["id"] in [r["id"] for r in done["customer"]["sourceRecords"]]
    for id in (one["id"], two["id"]):
        back = await world.until(
            SEEN,
            lambda data: (
                len(data["customer"]["interactions"]["edges"]) == 6 and len(data["customer"]["enquiries"]["edges"]) == 3
            ),
            id=id,
            old=two["id"],
        )
        assert back["customer"]["id"] == id
        assert back["old"]["id"] == two["id"]


async def test_a_dry_run_shows_no_personal_field_without_its_scope(world: World) -> None:
    emails = ["ada@example.org"], ["lovelace@example.org"]
    made_of = [
        await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON", displayName="Ada",
                   emails=addresses)
        for addresses in emails
    ]  # fmt: skip
    one, two = (each["customer"]["id"] for each in made_of)
    token = tokens.token_for(Caller("clerk", frozenset({"customers:write"})))
    query = """mutation($input: MergeCustomersInput!) { mergeCustomers(input: $input) { customer { id }
      changes { field before after candidates { value } } userErrors { message } } }"""
    response = await world.client.post(
        "/graphql",
        json={"query": query, "variables": {"input": {"id": one, "duplicates": [two], "dryRun": True}}},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert "example.org" not in response.text
    (change,) = [c for c in response.json()["data"]["mergeCustomers"]["changes"] if c["field"] == "emails"]
    assert (change["before"], change["after"]) == (None, None)
    assert [candidate["value"] for candidate in change["candidates"]] == [None, None]


async def test_what_cannot_be_merged_or_split_is_said_with_its_place(world: World) -> None:
    one = (await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON",
                      displayName="A"))["customer"]["id"]  # fmt: skip
    itself = await made(world, "mergeCustomers", "MergeCustomersInput", "customer { id }", id=one, duplicates=[one])
    assert [error["path"][:2] for error in itself["userErrors"]] == [["input", "duplicates"]]
    nobody = await made(
        world, "mergeCustomers", "MergeCustomersInput", "customer { id }", id=one, duplicates=["cus_nobody"]
    )
    assert nobody["customer"] is None
    assert nobody["userErrors"]
    neither = await made(world, "splitCustomer", "SplitCustomerInput", "customer { id }", id=one)
    assert neither["customer"] is None
    assert neither["userErrors"]


async def test_whoever_merges_or_splits_what_changed_meanwhile_gets_it_as_it_is_now(world: World) -> None:
    one, two = [
        (await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON",
                    displayName=name))["customer"]["id"]
        for name in ("A", "B")
    ]  # fmt: skip
    present = {"id": one, "displayName": "A", "version": 1}
    for mutation, type, said in (
        ("mergeCustomers", "MergeCustomersInput", {"duplicates": [two]}),
        ("splitCustomer", "SplitCustomerInput", {"formerCustomer": two}),
    ):
        stale = await made(world, mutation, type, "customer { id displayName version }", id=one, version=9, **said)
        assert ([error["code"] for error in stale["userErrors"]], stale["customer"]) == (["CONFLICT"], present)
    apart = await world.data("query($id: ID!) { customer(id: $id) { id } }", id=two)
    assert apart["customer"]["id"] == two


async def test_a_figure_as_of_a_past_day(world: World) -> None:
    await world.import_enquiries(1)
    query = """query($asOf: DateTime) { kpi(key: "first_response_time") {
      result(period: {start: "2026-01-01T00:00:00Z", end: "2026-02-01T00:00:00Z"}, asOf: $asOf) {
        n asOf open { open } } } }"""
    now = await world.until(query, lambda data: data["kpi"]["result"]["n"] == 3)
    assert now["kpi"]["result"]["asOf"] is None
    before = (await world.data(query, asOf="2026-01-04T12:00:00Z"))["kpi"]["result"]
    assert before["n"] == 0
    after = (await world.data(query, asOf="2026-01-05T12:00:00Z"))["kpi"]["result"]
    assert (after["n"], after["open"]["open"]) == (3, 0)
    assert after["asOf"] == "2026-01-06T00:00:00+00:00"
    bad = await world.answer(query, asOf="2999-01-01T00:00:00Z")
    assert bad["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
