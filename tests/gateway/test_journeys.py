"""Journeys through the graph: many contacts at once, named by their source's ids, found by what was asked."""

from typing import Any

from tests.gateway.conftest import World
from tests.gateway.test_offers import made
from tests.gateway.test_subscriptions import Reachable, reachable  # noqa: F401  # a fixture

JOURNEY = """query($id: ID!, $last: Int, $before: String, $filter: InteractionFilter) { customer(id: $id) {
  interactions(last: $last, before: $before, filter: $filter) {
    edges { cursor node { summary externalId source kind touchpoint { key }
      subject { __typename ... on Offer { id title } ... on Opportunity { id stage } ... on Enquiry { id } } } }
    pageInfo { hasPreviousPage startCursor } } } }"""
RECORD = """mutation($input: RecordInteractionsInput!) { recordInteractions(input: $input) {
  interactions { id externalId } userErrors { code path } } }"""


async def found(world: Any, id: str, **variables: Any) -> dict[str, Any]:
    answer = await world.client.post("/graphql", json={"query": JOURNEY, "variables": {"id": id, **variables}})
    body = answer.json()
    assert "errors" not in body, body["errors"]
    journey: dict[str, Any] = body["data"]["customer"]["interactions"]
    return journey


async def record(world: Any, *interactions: dict[str, Any], **input: Any) -> dict[str, Any]:
    variables = {"input": {"interactions": interactions, **input}}
    answer = await world.client.post("/graphql", json={"query": RECORD, "variables": variables})
    payload: dict[str, Any] = answer.json()["data"]["recordInteractions"]
    return payload


def visit(number: int, **fields: Any) -> dict[str, Any]:
    said = {"source": "shop", "direction": "INBOUND", "kind": "VISIT", "occurredAt": f"2026-03-02T09:{number:02}:00Z"}
    return {**said, "externalId": f"v{number}", "summary": f"visit {number}", **fields}


async def test_a_journey_is_recorded_in_bulk_and_read_as_it_was_asked(reachable: Reachable) -> None:  # noqa: F811
    async with reachable.customers():
        ada = await reachable.customer("Ada")
        key = {"source": "shop", "id": "Ada"}
        place = {"key": "phone", "name": "Phone", "channel": "PHONE", "nature": "DIGITAL", "control": "OWNED"}
        phone = (await reachable.made("createTouchpoint", "touchpoint { id }", **place))["touchpoint"]["id"]
        offer = {"key": "press", "title": "A new press", "kind": "OFFER"}
        press = (await reachable.made("defineOffer", "offer { id }", **offer))["offer"]["id"]
        sale = {"title": "The press", "customer": ada}
        deal = (await reachable.made("createOpportunity", "opportunity { id }", **sale))["opportunity"]["id"]
        facts = [visit(number, customer=ada) for number in range(6)]
        facts[1] |= {"customer": None, "customerExternalId": key, "kind": "CALL", "touchpoint": phone}
        facts[2] |= {"subject": press}
        facts[5] |= {"subject": deal, "kind": "MEETING"}
        facts[3] |= {"subject": f"off_{'0' * 26}"}
        facts[4] |= {"subject": ada}
        recorded = await record(reachable, *facts, idempotencyKey="k")
        assert recorded["userErrors"] == [{"code": "INVALID", "path": ["input", "interactions", "4", "subject"]}]
        assert [one and one["externalId"] for one in recorded["interactions"]] == ["v0", "v1", "v2", "v3", None, "v5"]
        again = await record(reachable, *facts[:4])
        assert again == {"interactions": recorded["interactions"][:4], "userErrors": []}
        alone = await record(reachable, visit(7, customer=f"cus_{'0' * 26}"))
        assert alone["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "interactions", "0", "customer"]}]
        many = await record(reachable, *(visit(0) for _ in range(1_001)))
        assert many == {"interactions": None, "userErrors": [{"code": "INVALID", "path": ["input", "interactions"]}]}

        page = await found(reachable, ada, last=2)
        assert [edge["node"]["summary"] for edge in page["edges"]] == ["visit 1", "visit 0"]
        assert page["pageInfo"]["hasPreviousPage"]
        page = await found(reachable, ada, last=2, before=page["pageInfo"]["startCursor"], filter={"kinds": ["VISIT"]})
        assert [edge["node"]["summary"] for edge in page["edges"]] == ["visit 3", "visit 2"]
        assert [edge["node"]["subject"] for edge in page["edges"]] == [
            None,
            {"__typename": "Offer", "id": press, "title": "A new press"},
        ]
        on_the_phone = await found(reachable, ada, filter={"channels": ["PHONE"], "sources": ["shop"]})
        (edge,) = on_the_phone["edges"]
        assert edge["node"] == {
            "summary": "visit 1",
            "externalId": "v1",
            "source": "shop",
            "kind": "CALL",
            "touchpoint": {"key": "phone"},
            "subject": None,
        }
        (edge,) = (await found(reachable, ada, filter={"kinds": ["MEETING"]}))["edges"]
        assert edge["node"]["subject"] == {"__typename": "Opportunity", "id": deal, "stage": "PROSPECTING"}
        for filter in ({"violations": True}, {"purposes": ["MARKETING"]}, {"campaigns": [f"cmp_{'0' * 26}"]}):
            assert (await found(reachable, ada, filter=filter))["edges"] == []


async def test_an_enquiry_is_the_subject_of_its_messages_and_answered_by_its_owner(world: World) -> None:
    await world.import_enquiries(1)
    query = """{ customers(first: 1) { edges { node { interactions(filter: {kinds: [MESSAGE]}) { edges { node {
      subject { __typename ... on Enquiry { status } } } } } } } } }"""

    def arrived(data: Any) -> bool:
        edges = data["customers"]["edges"]
        return bool(edges) and len(edges[0]["node"]["interactions"]["edges"]) == 6

    data = await world.until(query, arrived)
    edges = data["customers"]["edges"][0]["node"]["interactions"]["edges"]
    assert {edge["node"]["subject"]["__typename"] for edge in edges} == {"Enquiry"}
    assert all(edge["node"]["subject"]["status"] for edge in edges)


async def test_feedback_is_the_subject_of_a_contact_and_answered_by_its_owner(world: World) -> None:
    ann = (await made(world, "createCustomer", "customer { id }", kind="PERSON", displayName="Ann"))["customer"]["id"]
    said = {"source": "shop", "text": "The lift is loud.", "customer": {"id": ann}}
    feedback = (await made(world, "submitFeedback", "feedback { id }", **said))["feedback"]["id"]
    await record(world, visit(1, customer=ann, subject=feedback))
    query = """query($id: ID!) { customer(id: $id) { interactions(filter: {kinds: [VISIT]}) { edges { node {
      subject { __typename ... on Feedback { id text } } } } } } }"""
    [edge] = (await world.data(query, id=ann))["customer"]["interactions"]["edges"]
    assert edge["node"]["subject"] == {"__typename": "Feedback", "id": feedback, "text": "The lift is loud."}
