"""Tells the other services what happened here: merges and splits to each, events and plans to metrics."""

from collections.abc import Mapping, Sequence

import grpc
from rundblick.metrics.v1 import campaign_pb2, campaign_pb2_grpc, event_pb2, event_pb2_grpc
from rundblick.shared.v1 import alias_pb2, alias_pb2_grpc

from chassis.batches import fault_of
from chassis.calls import call
from chassis.errors import Fault
from chassis.outbox import Entry
from chassis.relay import Deliver
from services.customers.campaign.outgoing import PLANS
from services.customers.interaction.outgoing import EVENTS

_TIMEOUT = 30.0
# Events in one call; an entry holds those of a whole batch of interactions.
_AT_ONCE = 2_000


def to_aliases(channel: grpc.aio.Channel) -> Deliver:
    stub = alias_pb2_grpc.AliasServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        merged = alias_pb2.MoveAliasesRequest()
        for entry in entries:
            merged.aliases.extend(alias_pb2.MoveAliasesRequest.FromString(entry.payload).aliases)
        await call(stub.MoveAliases, merged, timeout=_TIMEOUT)
        return {}

    return deliver


def to_metrics(channel: grpc.aio.Channel) -> Deliver:
    stub = event_pb2_grpc.EventServiceStub(channel)
    plans = campaign_pb2_grpc.CampaignResultServiceStub(channel)
    move = to_aliases(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        moves = [entry for entry in entries if entry.kind not in (EVENTS, PLANS)]
        faults = dict(await move(moves)) if moves else {}
        planned = campaign_pb2.PutPlansRequest()
        for entry in entries:
            if entry.kind == PLANS:
                planned.plans.extend(campaign_pb2.PutPlansRequest.FromString(entry.payload).plans)
        if planned.plans:
            await call(plans.PutPlans, planned, timeout=_TIMEOUT)
        told = [
            (entry, event)
            for entry in entries
            if entry.kind == EVENTS
            for event in event_pb2.IngestEventsRequest.FromString(entry.payload).events
        ]
        for start in range(0, len(told), _AT_ONCE):
            part = told[start : start + _AT_ONCE]
            owners = {event.id: entry.id for entry, event in part}
            for entry, event in part:
                # Metrics forgets raw events after a while; by this it knows which were told before.
                event.recorded_at.FromDatetime(entry.at)
            request = event_pb2.IngestEventsRequest(events=[event for _, event in part])
            answer: event_pb2.IngestEventsResponse = await call(stub.IngestEvents, request, timeout=_TIMEOUT)
            faults |= {owners[rejected.id]: fault_of(rejected.error) for rejected in answer.rejected}
        return faults

    return deliver
