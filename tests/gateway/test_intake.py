"""Systems without a token post what they know: signed, once, and for their own source alone."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc
from standardwebhooks import Webhook

from chassis.channel import open_channel
from chassis.times import utc_now
from gateway.app import Gateway
from gateway.settings import GatewaySettings
from tests import tokens
from tests.gateway.conftest import World, _listening

OLD, NEW, OTHER = ("whsec_" + letter * 32 for letter in "ABC")


@dataclass
class House:
    world: World
    client: httpx.AsyncClient

    async def post(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        id: str = "msg_1",
        source: str = "shop",
        secret: str = NEW,
        at: datetime | None = None,
        **headers: str,
    ) -> httpx.Response:
        body = json.dumps({"type": kind, "data": data})
        at = at or utc_now()
        signed = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id, at, body),
            **headers,
        }
        return await self.client.post(f"/intake/{source}", content=body, headers=signed)

    async def enquiries(self) -> list[dict[str, Any]]:
        query = """{ enquiries(first: 50) { edges { node { id subject source customer { id } touchpoint { key }
            messages(first: 10) { edges { node { authorKind body } } } } } } }"""
        data = await self.world.data(query)
        return [edge["node"] for edge in data["enquiries"]["edges"]]


@pytest.fixture
async def house(world: World, tmp_path: Path) -> AsyncIterator[House]:
    file = tmp_path / "intake.toml"
    file.write_text(f'[sources.shop]\nsecrets = ["{NEW}", "{OLD}"]\n[sources.forum]\nsecrets = ["{OTHER}"]\n')
    addresses: dict[str, Any] = {f"{name}_address": address for name, address in world.addresses.items()}
    gateway = Gateway(GatewaySettings(**tokens.SETTINGS, **addresses, intake=file, body_bytes=5_000))
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(_listening(gateway))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        yield House(world, client)


DOOR = {"subject": "Door", "message": "It does not close."}


async def test_an_enquiry_is_opened_answered_and_rated_and_each_post_counts_once(house: House) -> None:
    person = {"id": "c-1", "name": "Somebody", "email": "somebody@example.org"}
    data = {**DOOR, "customer": person, "externalId": "t-1"}
    first = await house.post("enquiry.opened", data)
    assert first.status_code == 201, first.text
    again = await house.post("enquiry.opened", data, secret=OLD, at=utc_now() - timedelta(minutes=4))
    assert (again.status_code, again.json()) == (201, first.json())
    id = first.json()["enquiry"]
    message = {"enquiry": id, "message": "We are on our way.", "author": "EMPLOYEE"}
    for _ in range(2):
        told = await house.post("enquiry.message", message, id="msg_2")
        assert (told.status_code, told.json()["enquiry"]) == (201, id)
    rating = {"score": {"kind": "CSAT", "value": 5}, "kind": "RATING", "customer": "c-1", "enquiry": id}
    rated = [(await house.post("feedback.submitted", rating, id="msg_3")).json() for _ in range(2)]
    assert rated[0] == rated[1]
    assert rated[0]["feedback"].startswith("fbk_")
    [enquiry] = await house.enquiries()
    assert (enquiry["source"], enquiry["subject"]) == ("shop", "Door")
    said = [(edge["node"]["authorKind"], edge["node"]["body"]) for edge in enquiry["messages"]["edges"]]
    assert said == [("CUSTOMER", "It does not close."), ("EMPLOYEE", "We are on our way.")]
    known = await house.world.data('{ customer(externalId: {source: "shop", id: "c-1"}) { id displayName emails } }')
    assert known["customer"] == {**enquiry["customer"], "displayName": "Somebody", "emails": ["somebody@example.org"]}


async def test_who_did_not_sign_it_now_is_not_let_in(house: House) -> None:
    changes: list[dict[str, Any]] = [
        {"secret": OTHER},
        {"source": "nobody"},
        {"source": "forum"},
        {"at": utc_now() - timedelta(minutes=6)},
        {"at": utc_now() + timedelta(minutes=10)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-timestamp": "soon"},
        {"webhook-id": "another"},
    ]
    for change in changes:
        refused = await house.post("enquiry.opened", DOOR, **change)
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED"), change
        assert refused.headers["content-type"] == "application/problem+json"
    assert await house.enquiries() == []


async def test_what_is_wrong_is_said_with_its_place_and_changes_nothing(house: House) -> None:
    wrong: list[tuple[str, dict[str, Any], int, list[str]]] = [
        ("enquiry.opened", {"message": "x"}, 422, ["data", "subject"]),
        ("enquiry.opened", {**DOOR, "colour": "red"}, 422, ["data", "colour"]),
        ("enquiry.opened", {**DOOR, "openedAt": "2026-01-01T00:00:00"}, 422, ["data", "openedAt"]),
        ("enquiry.opened", {**DOOR, "touchpoint": "nowhere"}, 422, ["data", "touchpoint"]),
        ("enquiry.opened", {**DOOR, "customer": "unknown"}, 422, ["data", "customer"]),
        ("enquiry.message", {"enquiry": "enq_01J8Z3K7G6Q0000000000000AB", "message": "x"}, 404, ["data", "enquiry"]),
        ("feedback.submitted", {"kind": "WISH"}, 422, ["data", "text"]),
        ("feedback.submitted", {"score": {"kind": "NPS", "value": 11}}, 422, ["data", "score"]),
        ("enquiry.closed", {}, 422, ["type"]),
    ]
    for number, (kind, data, status, path) in enumerate(wrong):
        refused = await house.post(kind, data, id=f"msg_{number}")
        problem = refused.json()
        assert (refused.status_code, problem["path"][: len(path)]) == (status, path), refused.text
        assert problem["status"] == status
        # What was refused can be mended and posted again under the same id.
    mended = await house.post("enquiry.opened", DOOR, id="msg_0")
    assert mended.status_code == 201
    other = await house.post("enquiry.opened", {**DOOR, "subject": "Another"}, id="msg_0")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    large = await house.post("enquiry.opened", {**DOOR, "message": "x" * 6_000})
    assert large.status_code == 413
    plain: dict[str, Any] = {"content-type": "text/plain"}
    form = await house.post("enquiry.opened", DOOR, **plain)
    assert form.status_code == 415
    assert len(await house.enquiries()) == 1


async def test_a_source_reaches_nothing_of_another(house: House) -> None:
    opened = (await house.post("enquiry.opened", DOOR)).json()["enquiry"]
    # The same id of another sender is another post.
    theirs = await house.post("enquiry.opened", DOOR, source="forum", secret=OTHER)
    assert theirs.json()["enquiry"] != opened
    foreign = {"enquiry": opened, "message": "Let me in."}
    refused = await house.post("enquiry.message", foreign, id="msg_2", source="forum", secret=OTHER)
    assert refused.status_code == 404
    async with open_channel(house.world.addresses["feedback"]) as channel:
        stub = enquiry_pb2_grpc.EnquiryServiceStub(channel)
        request = enquiry_pb2.BatchListMessagesRequest(enquiry_ids=[opened])
        page = (await stub.BatchListMessages(request, timeout=10)).pages[opened]
    assert len(page.edges) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no toml [", "is no TOML"),
        ("[sources.shop]\nsecrets = []", "sources.shop.secrets"),
        ('[sources.shop]\nsecrets = ["whsec_"]', "a secret is none"),
        (None, "No such file"),
    ],
)
def test_a_file_of_secrets_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "intake.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValidationError, match=said):
        GatewaySettings(intake=file)
