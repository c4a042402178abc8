"""Asks the customers service whether a secret is that of a client."""

from typing import Any

import grpc
from rundblick.customers.v1 import client_pb2 as pb
from rundblick.customers.v1 import client_pb2_grpc

from chassis.calls import call
from issuer.app import Check

_TIMEOUT = 5.0


def checking(channel: grpc.aio.Channel) -> Check:
    stub: Any = client_pb2_grpc.ClientServiceStub(channel)

    async def check(client: str, secret: str) -> frozenset[str] | None:
        request = pb.AuthenticateClientRequest(id=client, secret=secret)
        answer: pb.AuthenticateClientResponse = await call(stub.AuthenticateClient, request, timeout=_TIMEOUT)
        return frozenset(answer.grant.scopes) if answer.HasField("grant") else None

    return check
