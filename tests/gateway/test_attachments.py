"""Files over HTTP: up in parts, named by a message, shown by the graph, down again with nothing a browser would run."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from chassis.caller import Caller
from tests.callers import partner
from tests.feedback.attachment.test_domain import PNG
from tests.gateway.conftest import World
from tests.gateway.test_enquiries import done, mutation
from tests.tokens import token_for

SHOWN = """query($id: ID!) { node(id: $id) { ... on Enquiry { messages { edges { node {
  body attachments { id name contentType size state uploadedAt url } } } } } } }"""
LARGE = PNG + bytes(range(256)) * 4_000


def signed(caller: Caller | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token_for(caller)}"} if caller else {}


async def upload(world: World, content: Any, caller: Caller | None = None, **given: str) -> httpx.Response:
    headers = {"content-type": given.pop("type", "image/png"), **signed(caller)}
    parameters = {"name": "photo.png", **given}
    return await world.client.post("/attachments", content=content, params=parameters, headers=headers)


async def test_a_file_goes_up_to_a_message_and_comes_down(world: World) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(LARGE), 50_000):
            yield LARGE[start : start + 50_000]

    made = await upload(world, parts(), name='Bild "1"; ä.png')
    assert made.status_code == 201, made.text
    one = made.json()
    assert made.headers["location"] == one["url"] == f"/attachments/{one['id']}"
    message = {"body": "see there", "attachments": [one["id"]]}
    enquiry = await done(world, "openEnquiry", subject="It broke", message=message)
    later = (await upload(world, b"and then", type="text/plain", name="a.txt")).json()
    added = {"enquiry": enquiry["id"], "authorKind": "CUSTOMER", "body": "more", "attachments": [later["id"]]}
    await done(world, "addMessage", **added)
    edges = (await world.data(SHOWN, id=enquiry["id"]))["node"]["messages"]["edges"]
    shown = [attachment for edge in edges for attachment in edge["node"]["attachments"]]
    assert [{**attachment, "uploadedAt": ""} for attachment in shown] == [{**x, "uploadedAt": ""} for x in (one, later)]
    down = await world.client.get(one["url"])
    assert (down.status_code, down.content) == (200, LARGE)
    assert down.headers["content-type"] == "image/png"
    assert down.headers["content-length"] == str(len(LARGE))
    assert down.headers["content-disposition"] == "attachment; filename*=UTF-8''Bild%20%221%22%3B%20%C3%A4.png"
    assert down.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in down.headers["content-security-policy"]
    taken = await mutation(world, "addMessage", "message { id }", **{**added, "attachments": [one["id"]]})
    assert taken["data"]["addMessage"]["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "attachments"]}]


async def test_rights_are_those_of_the_message(world: World) -> None:
    shop, fair = partner("shop"), partner("fair")
    one = (await upload(world, PNG, shop, source="shop")).json()
    given = {"source": "shop", "subject": "?", "message": {"body": "?", "attachments": [one["id"]]}}
    enquiry = await done(world, "openEnquiry", shop, **given)
    note = (await upload(world, PNG, source="shop")).json()
    hush = {"authorKind": "EMPLOYEE", "visibility": "INTERNAL", "body": "hush", "attachments": [note["id"]]}
    await done(world, "addMessage", enquiry=enquiry["id"], **hush)
    reader = Caller("reader", frozenset({"enquiries:read"}))
    for caller, seen in ((shop, True), (reader, True), (fair, False)):
        answers = [await world.client.get(x["url"], headers=signed(caller)) for x in (one, note)]
        assert [answer.status_code for answer in answers] == [200 if seen else 404, 404]
    assert (await world.client.get(note["url"])).content == PNG
    for refused, status in (
        (await upload(world, PNG, fair, source="shop"), 403),
        (await upload(world, PNG, reader), 403),
        (await world.client.get(one["url"], headers={"authorization": "Bearer no"}), 401),
    ):
        assert refused.status_code == status, refused.text


async def test_what_is_not_taken_says_why(world: World) -> None:
    refused: tuple[tuple[bytes, dict[str, str], int], ...] = (
        (b"", {}, 400),
        (b"MZ" + bytes(100), {}, 415),
        (b"%PDF-1.7" + bytes(100), {}, 415),
        (PNG, {"type": "text/html"}, 415),
        (PNG, {"name": "../x"}, 400),
        (PNG + bytes(20_000_000), {}, 413),
    )
    for content, given, status in refused:
        answer = await upload(world, content, None, **given)
        assert answer.status_code == status, answer.text
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
