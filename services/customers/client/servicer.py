"""Answers ClientService calls."""

import asyncio
import secrets
from collections.abc import Callable, Set
from datetime import datetime
from typing import Any, TypeVar

from rundblick.customers.v1 import client_pb2 as pb
from rundblick.customers.v1 import client_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.customers.client.domain import (
    DEFAULT_OVERLAP,
    Client,
    ClientNotFound,
    Secret,
    overlap_of,
    registered,
    secret_hash,
)
from services.customers.client.messages import to_grant, to_proto
from services.customers.client.repository import MongoClientRepository

WithSecret = TypeVar("WithSecret", pb.CreateClientResponse, pb.RotateClientSecretResponse)


class ClientServicer(client_pb2_grpc.ClientServiceServicer):
    """allowed: the scopes that a client may be given."""

    def __init__(
        self, clients: MongoClientRepository, writes: Writes, allowed: Set[str], now: Callable[[], datetime]
    ) -> None:
        self._clients = clients
        self._writes = writes
        self._allowed = allowed
        self._now = now

    async def CreateClient(self, request: pb.CreateClientRequest, context: Any) -> pb.CreateClientResponse:
        caller = current_caller()
        id = new_id("cli")
        plain, secret = await _new_secret(id)
        client = registered(
            id, request.name, request.sources, request.scopes, allowed=self._allowed, secret=secret, now=self._now()
        )

        async def create(session: Session) -> pb.CreateClientResponse:
            await self._clients.save(caller, client, session)
            return pb.CreateClientResponse(client=to_proto(client))

        return _told(await self._writes.run(caller, request, pb.CreateClientResponse, create), plain, secret)

    async def RotateClientSecret(
        self, request: pb.RotateClientSecretRequest, context: Any
    ) -> pb.RotateClientSecretResponse:
        caller = current_caller()
        overlap = overlap_of(request.overlap_seconds) if request.HasField("overlap_seconds") else DEFAULT_OVERLAP
        plain, secret = await _new_secret(request.id)

        async def rotate(session: Session) -> pb.RotateClientSecretResponse:
            client = (await self._known(caller, request.id, session)).rotated(secret, overlap, self._now())
            await self._clients.save(caller, client, session)
            return pb.RotateClientSecretResponse(client=to_proto(client))

        return _told(await self._writes.run(caller, request, pb.RotateClientSecretResponse, rotate), plain, secret)

    async def RevokeClient(self, request: pb.RevokeClientRequest, context: Any) -> pb.RevokeClientResponse:
        caller = current_caller()

        async def revoke(session: Session) -> pb.RevokeClientResponse:
            client = (await self._known(caller, request.id, session)).revoked(self._now())
            await self._clients.save(caller, client, session)
            return pb.RevokeClientResponse(client=to_proto(client))

        return await self._writes.run(caller, request, pb.RevokeClientResponse, revoke)

    async def ListClients(self, request: pb.ListClientsRequest, context: Any) -> pb.ListClientsResponse:
        part = await self._clients.page(current_caller(), page_of(request.page, [str]))
        edges = [
            pb.ClientEdge(cursor=encode_cursor(boundary), node=to_proto(client))
            for client, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListClientsResponse(edges=edges, page_info=page_info(part))

    async def AuthenticateClient(
        self, request: pb.AuthenticateClientRequest, context: Any
    ) -> pb.AuthenticateClientResponse:
        # Before it is known whether there is such a client: the time it takes tells nothing.
        hash = await asyncio.to_thread(secret_hash, request.id, request.secret)
        client = (await self._clients.of_ids(current_caller(), [request.id])).get(request.id)
        if client is None or not client.admits(hash, self._now()):
            return pb.AuthenticateClientResponse()
        return pb.AuthenticateClientResponse(grant=to_grant(client))

    async def _known(self, caller: Caller, id: str, session: Session) -> Client:
        found = await self._clients.of_ids(caller, [id], session)
        if id not in found:
            raise ClientNotFound(id)
        return found[id]


async def _new_secret(client: str) -> tuple[str, Secret]:
    """As it is told, and as it is kept."""
    plain = secrets.token_urlsafe(32)
    return plain, Secret(new_id("sec"), await asyncio.to_thread(secret_hash, client, plain))


def _told(answer: WithSecret, plain: str, secret: Secret) -> WithSecret:
    """With the secret, when this call made it. What a repetition is answered from is kept for days, without it."""
    if answer.client.secret_id == secret.id:
        answer.secret = plain
    return answer
