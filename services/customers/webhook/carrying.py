"""Hands messages to an endpoint, signed after Standard Webhooks, and to no address of a network of ours."""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import httpx
from standardwebhooks import Webhook

from chassis.caller import service_caller
from services.customers.delivery.carriers import Away, Carrier, Message, TryAgain
from services.customers.touchpoint.domain import Channel
from services.customers.webhook.domain import Endpoint, is_public
from services.customers.webhook.repository import MongoEndpointRepository
from services.customers.webhook.sealing import Sealing, Unsealable

_SECONDS = 10.0
_TYPE = "delivery.requested"


class PublicOnly(httpx.AsyncBaseTransport):
    """Connects to public addresses alone: the name is looked up once, and what was looked at is what is called."""

    def __init__(self, transport: httpx.AsyncBaseTransport, admitted: Callable[[str], bool] = is_public) -> None:
        self._transport = transport
        self._admitted = admitted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        found = await asyncio.get_running_loop().getaddrinfo(
            host, request.url.port or 443, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(map(self._admitted, addresses)):
            raise httpx.ConnectError("the endpoint is not in the internet", request=request)
        request.url = request.url.copy_with(host=addresses[0])
        # The certificate is still checked for the name.
        request.extensions = {**request.extensions, "sni_hostname": host}
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


class Carrying:
    """Who carries what today: endpoints what they are registered for, the mail server e-mail that no endpoint carries.

    mail: None, there is no mail server. production: endpoints lie in the internet.
    """

    def __init__(
        self,
        endpoints: MongoEndpointRepository,
        mail: Carrier | None,
        now: Callable[[], datetime],
        sealing: Sealing,
        *,
        production: bool,
    ) -> None:
        self._endpoints = endpoints
        self._sealing = sealing
        self._mail = mail
        self._now = now
        self._production = production
        self._caller = service_caller("customers")

    async def present(self) -> Mapping[Channel, Carrier]:
        carriers: dict[Channel, Carrier] = {} if self._mail is None else {Channel.EMAIL: self._mail}
        for channel, endpoint in (await self._endpoints.active(self._caller)).items():
            carriers[channel] = _Hook(self, endpoint)
        return carriers

    async def post(self, endpoint: Endpoint, id: str, said: Mapping[str, Any]) -> int:
        """The status of the answer; what else it says nobody reads. Away: the secret cannot be read.

        id: the same however often it is sent: who gets it twice can tell.
        """
        try:
            secret = self._sealing.opened(endpoint.secret)
        except Unsealable:
            raise Away(f"the secret of {endpoint.id} is sealed with another key") from None
        at = self._now()
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id, at, body),
        }
        async with (
            self._client() as client,
            client.stream("POST", endpoint.url, content=body.encode(), headers=headers) as answer,
        ):
            return answer.status_code

    async def archive(self, endpoint: Endpoint) -> None:
        await self._endpoints.save(self._caller, endpoint.archived(self._now(), gone=True))

    def _client(self) -> httpx.AsyncClient:
        """No redirects and no proxy: what is signed goes to the URL that was registered."""
        plain = httpx.AsyncHTTPTransport(verify=self._tls)
        transport = PublicOnly(plain) if self._production else plain
        return httpx.AsyncClient(transport=transport, timeout=_SECONDS, follow_redirects=False, trust_env=False)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


class _Hook:
    def __init__(self, carrying: Carrying, endpoint: Endpoint) -> None:
        self._carrying = carrying
        self._endpoint = endpoint

    async def carry(self, message: Message) -> None:
        try:
            status = await self._carrying.post(self._endpoint, message.id, _body(message))
        except (httpx.ConnectError, httpx.ConnectTimeout, OSError) as error:
            raise Away(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise TryAgain(type(error).__name__) from None
        if status == httpx.codes.GONE:
            await self._carrying.archive(self._endpoint)
            raise Away("the endpoint is gone")
        if not httpx.codes.is_success(status):
            raise TryAgain(f"HTTP {status}")


def _body(message: Message) -> dict[str, Any]:
    return {
        "type": _TYPE,
        "timestamp": message.queued_at.isoformat(),
        "data": {
            "id": message.id,
            "channel": message.channel.value,
            "customer": message.customer,
            "address": message.address,
            "purpose": message.purpose.value if message.purpose is not None else None,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "language": message.language,
            "reference": message.reference,
            "unsubscribe": message.unsubscribe,
        },
    }
