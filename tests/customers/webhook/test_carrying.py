"""A system of the company carries what goes out: signed, retried, and never an address of a network of ours."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from rundblick.customers.v1 import touchpoint_pb2, webhook_pb2
from standardwebhooks import Webhook, WebhookVerificationError

from chassis.mongo import Database
from chassis.times import utc_now
from cli.certs import renew, tls_of
from services.customers.delivery.carriers import Away, Message
from services.customers.touchpoint.domain import Channel
from services.customers.webhook.carrying import Carrying, PublicOnly
from services.customers.webhook.domain import Endpoint, is_public
from services.customers.webhook.repository import MongoEndpointRepository
from services.customers.webhook.sealing import Sealing
from tests.customers.customer.test_merges import created
from tests.customers.delivery.conftest import Company

SMS, MESSENGER = touchpoint_pb2.CHANNEL_SMS, touchpoint_pb2.CHANNEL_MESSENGER


@dataclass
class Gateway:
    """got: (headers, body) of each request. answers: the next ones' status lines; then all is well."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        # Signatures are in both cases.
        headers |= {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.answers.pop(0) if self.answers else "204 No Content"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running_gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    server = await asyncio.start_server(gateway.talk, "127.0.0.1", 0)
    gateway.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    async with server:
        yield gateway


async def registered(company: Company, url: str, *channels: Any) -> webhook_pb2.CreateWebhookEndpointResponse:
    request = webhook_pb2.CreateWebhookEndpointRequest(url=url, channels=channels or [SMS, MESSENGER])
    answer: webhook_pb2.CreateWebhookEndpointResponse = await company.call(request)
    return answer


async def test_what_goes_out_is_signed_and_known_again_when_it_comes_twice(company: Company) -> None:
    one = (await created(company.running, 1)).id
    async with running_gateway() as gateway:
        endpoint = await registered(company, gateway.url)
        queued = await company.send(one, channel=SMS, address="+4930123456", text="Grüße", subject=None)
        gateway.answers = ["503 Busy", "302 Elsewhere\r\nlocation: http://127.0.0.1:1/"]
        for attempt in (1, 2):
            assert await company.sent() == 1
            assert (await company.state(queued.id))[:2] == ("QUEUED", attempt)
            company.clock.ahead += timedelta(seconds=61)
        assert await company.sent() == 1
        assert (await company.state(queued.id))[0] == "SENT"
        assert [headers["webhook-id"] for headers, _ in gateway.got] == [queued.id] * 3
        headers, body = gateway.got[0]
        said = Webhook(endpoint.secret).verify(body, headers)
        assert said["type"] == "delivery.requested"
        data = said["data"]
        assert (data["text"], data["channel"], data["address"], data["customer"]) == (
            "Grüße",
            "SMS",
            "+4930123456",
            one,
        )
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_AAAA").verify(body, headers)
        # A messenger is known to who carries it, by the customer's id.
        await company.send(one, channel=MESSENGER, text="Hello", subject=None)
        assert await company.sent() == 1
        assert json.loads(gateway.got[-1][1])["data"]["address"] is None


async def test_an_endpoint_that_is_gone_is_archived_and_what_waits_goes_on_waiting(company: Company) -> None:
    one = (await created(company.running, 1)).id
    async with running_gateway() as gateway:
        await registered(company, gateway.url)
        queued = await company.send(one, channel=SMS, address="+4930123456", text="Hello", subject=None)
        gateway.answers = ["410 Gone"]
        assert await company.sent() == 1
        assert await company.state(queued.id) == ("QUEUED", 0, "")
        [edge] = (await company.call(webhook_pb2.ListWebhookEndpointsRequest())).edges
        assert (edge.node.gone, edge.node.HasField("archived_at")) == (True, True)
        company.clock.ahead += timedelta(minutes=1)
        assert await company.sent() == 0, "nobody carries it"
        await registered(company, gateway.url)
        assert await company.sent() == 1
        assert (await company.state(queued.id))[0] == "SENT"


async def test_endpoints_are_told_their_secret_once_and_share_no_channel(company: Company) -> None:
    request = webhook_pb2.CreateWebhookEndpointRequest(
        idempotency_key="k", url="https://hooks.company.example/in", channels=[SMS, MESSENGER]
    )
    made = await company.call(request)
    again = await company.call(request)
    assert made.secret.startswith("whsec_")
    assert (again.endpoint, again.HasField("secret")) == (made.endpoint, False)
    assert made.secret.encode() not in await _idempotency(company)
    another = webhook_pb2.CreateWebhookEndpointRequest(url="https://other.example", channels=[SMS])
    assert (await company.running.fault(another)).code == "ALREADY_EXISTS"
    archive = webhook_pb2.ArchiveWebhookEndpointRequest(id=made.endpoint.id)
    assert (await company.call(archive)).endpoint.HasField("archived_at")
    assert (await company.call(another)).HasField("secret")
    assert (await company.running.fault(webhook_pb2.ArchiveWebhookEndpointRequest(id="whe_x"))).code == "NOT_FOUND"
    wrong: list[tuple[str, list[Any], str]] = [
        ("http://hooks.company.example", [SMS], "url"),
        ("ftp://hooks.company.example", [SMS], "url"),
        ("https://user:secret@hooks.company.example", [SMS], "url"),
        ("https://", [SMS], "url"),
        ("https://[", [SMS], "url"),
        ("https://hooks.company.example", [], "channels"),
        ("https://hooks.company.example", [touchpoint_pb2.CHANNEL_BROADCAST], "channels"),
    ]
    for url, channels, path in wrong:
        fault = await company.running.fault(webhook_pb2.CreateWebhookEndpointRequest(url=url, channels=channels))
        assert (fault.code, fault.path) == ("INVALID", (path,)), url


async def _idempotency(company: Company) -> bytes:
    return b"".join([document["response"] async for document in company.database["idempotency"].find()])


async def test_in_production_no_endpoint_leads_into_a_network_of_ours(database: Database) -> None:
    carrying = Carrying(MongoEndpointRepository(database), None, utc_now, Sealing(), production=True)
    message = Message("dlv_1", Channel.SMS, "Hello", "en", utc_now())
    async with running_gateway() as gateway:
        # A name is looked up when it is called, whatever it was when it was registered.
        for url in (gateway.url, gateway.url.replace("127.0.0.1", "localhost")):
            endpoint = Endpoint("whe_1", url, frozenset({Channel.SMS}), "whsec_AAAA", utc_now())
            await carrying._endpoints.save(carrying._caller, endpoint)
            with pytest.raises(Away):
                await (await carrying.present())[Channel.SMS].carry(message)
        assert gateway.got == []


async def test_the_certificate_is_checked_for_the_name_though_its_address_is_called(tmp_path: Path) -> None:
    renew(tmp_path, ("customers",))
    files, gateway, named = tls_of(tmp_path, "customers"), Gateway(), []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    server = await asyncio.start_server(gateway.talk, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
    trusting = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=files.ca))
    async with server, httpx.AsyncClient(transport=PublicOnly(trusting, lambda _: True), trust_env=False) as client:
        assert (await client.post(url, content=b"x")).status_code == 204
    assert named == ["localhost"]
    assert gateway.got[0][0]["host"] == url.removeprefix("https://").rstrip("/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  # nothing listens there
    ],
)
def test_which_addresses_lie_in_the_internet(address: str, public: bool) -> None:
    assert is_public(address) is public
