"""Consent as frontend teams use it: recorded, asked before a contact, confirmed, refused, and said in words."""

from typing import Any

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import World
from tests.gateway.test_graph import made

STANDS = """
  id
  mayContact(channel: EMAIL, purpose: MARKETING) { allowed address since reason { code parameters text } }
  consents { channel purpose status address since expiresAt entry }
  consentHistory(first: 5) { edges { cursor node {
    id status address occurredAt recordedAt wordingVersion ipAddress recordedBy confirms source sourceRecord
  } } pageInfo { hasNextPage } }
"""
RECORD = f"consentRecord {{ id status channel purpose confirms }} token tokenExpiresAt customer {{ {STANDS} }}"
SAID = f"consentRecord {{ id status confirms }} customer {{ {STANDS} }}"
LISTED = f"""query($first: Int!) {{ customers(first: $first) {{ edges {{ node {{ {STANDS}
  sms: mayContact(channel: SMS, purpose: SERVICE) {{ allowed reason {{ text }} }} }} }} }} }}"""


async def customer(world: World, name: str, email: str) -> str:
    """With a source record from a shop."""
    made_one = await made(
        world,
        "createCustomer",
        "CreateCustomerInput",
        "customer { id }",
        kind="PERSON",
        displayName=name,
        emails=[email],
        externalId={"source": "shop", "id": name},
    )
    return str(made_one["customer"]["id"])


def about(id: str, **fields: Any) -> dict[str, Any]:
    return {"customer": id, "channel": "EMAIL", "purpose": "MARKETING", **fields}


async def errors(world: World, name: str, type: str, **input: Any) -> list[tuple[str, list[str]]]:
    query = f"mutation($input: {type}!) {{ {name}(input: $input) {{ userErrors {{ code path }} }} }}"
    payload = (await world.data(query, input=input))[name]
    return [(error["code"], error["path"]) for error in payload["userErrors"]]


async def test_a_customer_consents_confirms_refuses_and_is_contacted_all_the_same(world: World) -> None:
    ada = await customer(world, "Ada", "ada@example.org")
    asked = await made(
        world,
        "recordConsent",
        "RecordConsentInput",
        RECORD,
        **about(ada, address="ada@example.org", doubleOptIn=True, wordingVersion="2026-01", ipAddress="192.0.2.1"),
    )
    assert asked["consentRecord"]["status"] == "PENDING"
    assert asked["customer"]["mayContact"]["allowed"] is False
    assert asked["customer"]["mayContact"]["reason"]["code"] == "CONTACT_PENDING"
    done = await made(world, "confirmConsent", "ConfirmConsentInput", SAID, token=asked["token"])
    assert done["consentRecord"]["confirms"] == asked["consentRecord"]["id"]
    stands = done["customer"]
    assert (stands["mayContact"]["allowed"], stands["mayContact"]["address"]) == (True, "ada@example.org")
    [consent] = stands["consents"]
    assert (consent["status"], consent["entry"]) == ("GRANTED", done["consentRecord"]["id"])
    nodes = [edge["node"] for edge in stands["consentHistory"]["edges"]]
    assert [node["status"] for node in nodes] == ["GRANTED", "PENDING"]
    assert (nodes[1]["wordingVersion"], nodes[1]["ipAddress"], nodes[1]["source"]) == (
        "2026-01",
        "192.0.2.1",
        "rundblick",
    )
    assert await errors(world, "confirmConsent", "ConfirmConsentInput", token=asked["token"]) == [
        ("CONFLICT", ["input", "token"])
    ]

    by_shop = {"externalId": {"source": "shop", "id": "Ada"}}
    refusal = {"channel": "EMAIL", "purpose": "MARKETING", "occurredAt": "2020-01-01T00:00:00Z", **by_shop}
    early = await made(world, "revokeConsent", "RevokeConsentInput", SAID, **refusal)
    assert early["customer"]["mayContact"]["allowed"], "it was said before the grant"
    del refusal["occurredAt"]
    refused = (await made(world, "revokeConsent", "RevokeConsentInput", SAID, **refusal))["customer"]["mayContact"]
    assert (refused["allowed"], refused["reason"]["code"], refused["address"]) == (False, "CONTACT_REVOKED", None)
    assert refused["reason"]["parameters"] == {"channel": "EMAIL", "purpose": "MARKETING", "since": refused["since"]}
    query = f"query($id: ID!) {{ customer(id: $id) {{ {STANDS} }} }}"
    german = await world.client.post(
        "/graphql", json={"query": query, "variables": {"id": ada}}, headers={"accept-language": "de"}
    )
    day = ".".join(reversed(refused["since"][:10].split("-")))
    text = german.json()["data"]["customer"]["mayContact"]["reason"]["text"]
    assert text == f"Der Kunde hat am {day} widersprochen."
    assert refused["reason"]["text"] == f"The customer refused on {refused['since'][:10]}."

    mail = await made(
        world,
        "createTouchpoint",
        "CreateTouchpointInput",
        "touchpoint { id }",
        key="mail",
        name="Mail",
        channel="EMAIL",
        nature="DIGITAL",
        control="OWNED",
    )
    sent = {
        "customer": ada,
        "touchpoint": mail["touchpoint"]["id"],
        "direction": "OUTBOUND",
        "kind": "CAMPAIGN",
        "occurredAt": "2099-01-01T00:00:00Z",
    }
    outcome = {}
    for purpose in ("MARKETING", "SERVICE"):
        fields = "interaction { purpose violation { code text } }"
        recorded = await made(world, "recordInteraction", "RecordInteractionInput", fields, **sent, purpose=purpose)
        assert recorded["interaction"]["purpose"] == purpose
        outcome[purpose] = recorded["interaction"]["violation"]
    assert outcome == {"MARKETING": {"code": "CONTACT_REVOKED", "text": refused["reason"]["text"]}, "SERVICE": None}


async def test_what_the_caller_can_mend_is_told_by_field(world: World) -> None:
    ada = await customer(world, "Ada", "ada@example.org")
    for fields, code, path in (
        ({"address": "nobody"}, "INVALID", "address"),
        ({"address": None, "doubleOptIn": True}, "INVALID", "address"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "INVALID", "expiresAt"),
        ({"customer": None}, "INVALID", "customer"),
        ({"customer": "cus_00000000000000000000000000"}, "NOT_FOUND", "customer"),
        ({"customer": None, "externalId": {"source": "shop", "id": "Bob"}}, "NOT_FOUND", "externalId"),
    ):
        found = await errors(world, "recordConsent", "RecordConsentInput", **{**about(ada), **fields})
        assert found == [(code, ["input", path])], fields
    stands = await world.data(f"query($id: ID!) {{ customer(id: $id) {{ version {STANDS} }} }}", id=ada)
    assert stands["customer"]["consentHistory"]["edges"] == []
    assert stands["customer"]["version"] == 1


async def test_a_page_of_customers_costs_one_call_of_each_kind_and_addresses_need_their_scope(world: World) -> None:
    for number in range(10):
        id = await customer(world, f"c{number}", f"c{number}@example.org")
        await made(world, "recordConsent", "RecordConsentInput", "token", **about(id, address=f"c{number}@example.org"))
    calls = {first: sorted(await world.calls(LISTED, first=first)) for first in (1, 10)}
    assert calls[1] == calls[10]
    assert calls[10].count("customers.BatchGetContactPermissions") == 2, "once for each channel and purpose"
    assert len(calls[10]) == 5

    reader = tokens.token_for(Caller("reader", frozenset({"customers:read"})))
    response = await world.client.post(
        "/graphql",
        json={"query": LISTED, "variables": {"first": 1}},
        headers={"authorization": f"Bearer {reader}"},
    )
    body = response.json()
    assert "@example.org" not in response.text
    [edge] = body["data"]["customers"]["edges"]
    assert edge["node"]["mayContact"]["allowed"] is True
    assert {tuple(error["path"][-1:]) for error in body["errors"]} == {("address",), ("ipAddress",)}
    assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
