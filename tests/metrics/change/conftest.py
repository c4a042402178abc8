"""A running metrics service as a client sees its changes, by whichever caller a test names."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from rundblick.metrics.v1 import change_pb2 as pb
from rundblick.metrics.v1 import change_pb2_grpc

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.ids import new_id
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.metrics.conftest import NOW, START

HERE, THERE, ELSEWHERE = (new_id("tou") for _ in range(3))


@dataclass
class Changes:
    """The service as a client sees it."""

    stub: Any
    metadata: tuple[tuple[str, str], ...] | None

    async def call(self, request: Any) -> Any:
        method = getattr(self.stub, type(request).__name__.removesuffix("Request"))
        return await method(request, timeout=10, metadata=self.metadata)

    async def record(self, **fields: Any) -> pb.Change:
        answer: pb.RecordChangeResponse = await self.call(recorded(**fields))
        return answer.change

    async def listed(self, **filter: Any) -> list[str]:
        answer = await self.call(pb.ListChangesRequest(filter=pb.ChangeFilter(**filter)))
        return [edge.node.name for edge in answer.edges]


def recorded(*, at: datetime | None = START, **fields: Any) -> pb.RecordChangeRequest:
    said = {"name": "Chatbot", "kind": pb.CHANGE_KIND_TOOL, **fields}
    return pb.RecordChangeRequest(introduced_at=to_timestamp(at), **said)


Serve = Callable[..., Any]


@pytest.fixture
async def serve(database: Database) -> AsyncIterator[Serve]:
    authenticator = tokens.authenticator()
    service = MetricsService(database, lambda: NOW, zone="Europe/Berlin")
    await service.ready.ensure_indexes()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", [pb.DESCRIPTOR]) as channel,
    ):

        @asynccontextmanager
        async def by(caller: Caller) -> AsyncIterator[Changes]:
            token = tokens.token_for(caller)
            yield Changes(change_pb2_grpc.ChangeServiceStub(channel), (("authorization", f"Bearer {token}"),))

        yield by


@pytest.fixture
async def changes(serve: Serve) -> AsyncIterator[Changes]:
    async with serve(
        Caller("clerk", frozenset({"metrics:read", "metrics:write"}), employee="emp_1", team="tea_1")
    ) as client:
        yield client
