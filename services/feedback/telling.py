"""Has customers send e-mails on behalf of what happens here, and learns under which ids they go out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
from rundblick.customers.v1 import delivery_pb2, delivery_pb2_grpc

from chassis.batches import fault_of
from chassis.calls import call
from chassis.errors import Fault
from chassis.outbox import Entry
from chassis.relay import Deliver

DELIVERIES = "deliveries"
_TIMEOUT = 30.0

# Told which deliveries are queued; each names what it is for (`reference`) and its own id there (`external_id`).
Learn = Callable[[Sequence[delivery_pb2.Delivery]], Awaitable[None]]


def queued(aggregate: str, sequence: int, deliveries: Sequence[delivery_pb2.NewDelivery]) -> Entry:
    """In the transaction of what causes them. Each has an external id, so that it goes out once."""
    request = delivery_pb2.SendDeliveriesRequest(deliveries=deliveries)
    return Entry(DELIVERIES, aggregate, sequence, DELIVERIES, request.SerializeToString())


def to_deliveries(channel: grpc.aio.Channel, *learn: Learn) -> Deliver:
    stub = delivery_pb2_grpc.CustomerDeliveryServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        sent = delivery_pb2.SendDeliveriesRequest()
        owners: list[str] = []
        for entry in entries:
            known = len(sent.deliveries)
            sent.MergeFromString(entry.payload)
            owners += [entry.id] * (len(sent.deliveries) - known)
        answer: Any = await call(stub.SendDeliveries, sent, timeout=_TIMEOUT)
        there = [one.value for one in answer.answers if one.HasField("value")]
        for told in learn:
            await told(there)
        answers = zip(owners, answer.answers, strict=True)
        return {owner: fault_of(one.error) for owner, one in answers if one.HasField("error")}

    return deliver
