"""A partner from its first day to its last: a client by the command, a token for it, its own records, and out."""

import time
from typing import Any

import httpx
import pytest

from cli.system import System
from tests.cli.test_command import rundblick
from tests.journeys.conftest import Graph

pytestmark = pytest.mark.timeout(180)

CREATE = """mutation($input: CreateCustomerInput!) { createCustomer(input: $input) {
  userErrors { message } customer { id } } }"""
CUSTOMERS = "{ viewer { subject scopes sources } customers(first: 100) { edges { node { id displayName } } } }"
CUSTOMER = "query($id: ID!) { customer(id: $id) { displayName emails } }"


def client(system: System, *arguments: str) -> dict[str, str]:
    """What the command tells: names and values, a line each."""
    done = rundblick("client", *arguments, "--endpoint", system.endpoint)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def token_answer(system: System, secret: dict[str, str]) -> httpx.Response:
    given = (secret["client_id"], secret["client_secret"])
    return httpx.post(f"{system.issuer}/token", auth=given, data={"grant_type": "client_credentials"}, timeout=30)


def signed_in(system: System, secret: dict[str, str]) -> dict[str, str]:
    """The header of a partner's requests."""
    answer = token_answer(system, secret)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def made(graph: Graph, source: str, name: str) -> str:
    given = {"kind": "PERSON", "displayName": name, "externalId": {"source": source, "id": name}}
    payload: dict[str, Any] = graph.data(CREATE, input=given)["createCustomer"]
    assert payload["userErrors"] == []
    return str(payload["customer"]["id"])


def test_a_partner_sees_its_own_until_it_is_revoked(system: System, graph: Graph) -> None:
    own, foreign = made(graph, "partner-shop", "Ada"), made(graph, "another-shop", "Ben")
    first = client(system, "create", "Shop", "--source", "partner-shop", "--scope", "customers:read")

    headers = signed_in(system, first)
    seen = graph.answer(CUSTOMERS, headers=headers)["data"]
    assert seen["viewer"] == {
        "subject": first["client_id"],
        "scopes": ["customers:read"],
        "sources": ["partner-shop"],
    }
    assert [edge["node"] for edge in seen["customers"]["edges"]] == [{"id": own, "displayName": "Ada"}]
    assert graph.answer(CUSTOMER, headers=headers, id=foreign)["data"] == {"customer": None}
    without = graph.answer(CUSTOMER, headers=headers, id=own)
    assert without["data"] == {"customer": {"displayName": "Ada", "emails": None}}
    refused = graph.answer(CREATE, headers=headers, input={"kind": "PERSON", "displayName": "Cy"})
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    # During the overlap both secrets give tokens; after a rotation without one the new secret alone.
    second = client(system, "rotate", first["client_id"])
    assert [token_answer(system, secret).status_code for secret in (first, second)] == [200, 200]
    third = client(system, "rotate", first["client_id"], "--overlap", "0")
    assert [token_answer(system, secret).status_code for secret in (second, third)] == [401, 200]

    headers = signed_in(system, third)
    assert "errors" not in graph.answer(CUSTOMERS, headers=headers)
    client(system, "revoke", first["client_id"])
    revoked = token_answer(system, third)
    assert (revoked.status_code, revoked.json()["error"]) == (401, "invalid_client")
    # The token that is out is believed for a moment yet.
    end = time.monotonic() + 60
    while (answer := graph.answer(CUSTOMERS, headers=headers)).get("data"):
        assert time.monotonic() < end, answer
        time.sleep(0.5)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
