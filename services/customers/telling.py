"""Tells the other services whose source records and old ids are since a merge or a split."""

from collections.abc import Mapping, Sequence

import grpc
from rundblick.shared.v1 import alias_pb2, alias_pb2_grpc

from chassis.caller import Authenticator, service_caller
from chassis.calls import call
from chassis.errors import Fault
from chassis.outbox import Entry
from chassis.relay import Deliver

_TIMEOUT = 30.0


def to_aliases(channel: grpc.aio.Channel, authenticator: Authenticator) -> Deliver:
    stub = alias_pb2_grpc.AliasServiceStub(channel)
    caller = service_caller("customers")

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        merged = alias_pb2.MoveAliasesRequest()
        for entry in entries:
            merged.aliases.extend(alias_pb2.MoveAliasesRequest.FromString(entry.payload).aliases)
        await call(stub.MoveAliases, merged, timeout=_TIMEOUT, token=authenticator.issue(caller, seconds=60))
        return {}

    return deliver
