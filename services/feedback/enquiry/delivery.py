"""Brings outbox entries to the services they are for, many in one call."""

from collections.abc import Mapping, Sequence

import grpc
from rundblick.customers.v1 import interaction_pb2, interaction_pb2_grpc
from rundblick.metrics.v1 import event_pb2, event_pb2_grpc

from chassis.batches import fault_of
from chassis.calls import call
from chassis.errors import Fault
from chassis.outbox import Entry
from chassis.relay import Deliver

_TIMEOUT = 30.0


def to_customers(channel: grpc.aio.Channel) -> Deliver:
    stub = interaction_pb2_grpc.InteractionServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        merged = interaction_pb2.RecordInteractionsRequest()
        owners: list[str] = []
        for entry in entries:
            request = interaction_pb2.RecordInteractionsRequest.FromString(entry.payload)
            merged.interactions.extend(request.interactions)
            owners.extend([entry.id] * len(request.interactions))
        answer: interaction_pb2.RecordInteractionsResponse = await call(
            stub.RecordInteractions, merged, timeout=_TIMEOUT
        )
        return {
            owner: fault_of(one.error)
            for owner, one in zip(owners, answer.answers, strict=True)
            if one.HasField("error")
        }

    return deliver


def to_metrics(channel: grpc.aio.Channel) -> Deliver:
    stub = event_pb2_grpc.EventServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        merged = event_pb2.IngestEventsRequest()
        owners: dict[str, str] = {}
        for entry in entries:
            request = event_pb2.IngestEventsRequest.FromString(entry.payload)
            for event in request.events:
                # Metrics forgets raw events after a while; by this it knows which were told before.
                event.recorded_at.FromDatetime(entry.at)
            merged.events.extend(request.events)
            owners |= {event.id: entry.id for event in request.events}
        answer: event_pb2.IngestEventsResponse = await call(stub.IngestEvents, merged, timeout=_TIMEOUT)
        return {owners[rejected.id]: fault_of(rejected.error) for rejected in answer.rejected}

    return deliver
