"""The issuer over real HTTP, before a real customers service that knows one client of a partner."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from rundblick.customers.v1 import client_pb2 as pb
from rundblick.customers.v1 import client_pb2_grpc

from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from gateway.listener import listening
from issuer.app import issuer_app
from issuer.clients import checking
from issuer.signing import Issuer, SigningKeys
from issuer.tries import Tries
from services.customers.contract import FILES
from services.customers.wiring import CustomersService
from tests import tokens

SCOPES = ("customers:read", "import")


@dataclass
class Running:
    """http: at the issuer. asking: customers, on the gateway's own account."""

    issuer: Issuer
    http: httpx.AsyncClient
    clients: Any
    asking: grpc.aio.Channel
    service: AsyncExitStack
    id: str
    secret: str

    async def token(self, **changes: Any) -> httpx.Response:
        """As the client asks, but for these; None: it does not say it."""
        asked = {"grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret, **changes}
        return await self.http.post("/token", data={name: value for name, value in asked.items() if value is not None})


@pytest.fixture
async def running(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    service = CustomersService(database)
    await service.ready.ensure_indexes()
    async with AsyncExitStack() as stack:
        of_service = await stack.enter_async_context(AsyncExitStack())
        server = await of_service.enter_async_context(
            running_server(
                "127.0.0.1:0",
                service.register,
                rights=service.rights,
                authenticator=tokens.authenticator(service.rights),
                grace=0.1,
            )
        )
        address = f"127.0.0.1:{server.port}"
        clients = client_pb2_grpc.ClientServiceStub(await stack.enter_async_context(open_channel(address, FILES)))
        made = await clients.CreateClient(
            pb.CreateClientRequest(name="A shop", sources=["shop"], scopes=SCOPES), timeout=10
        )
        asking = await stack.enter_async_context(open_channel(address, FILES, process="gateway"))
        checks = await stack.enter_async_context(open_channel(address, FILES, process="issuer"))
        issuer = Issuer("", SigningKeys(tmp_path / "issuer"))
        app = issuer_app(issuer, checking(checks), Tries())
        port = await stack.enter_async_context(
            listening(app, "127.0.0.1", 0, tls=None, everybody_certified=False, grace_seconds=1)
        )
        issuer.url = f"http://127.0.0.1:{port}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=issuer.url))
        yield Running(issuer, http, clients, asking, of_service, made.client.id, made.secret)
