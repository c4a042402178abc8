"""Brings outbox entries to the services they are for, many in one call."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.customers.v1 import interaction_pb2, interaction_pb2_grpc, signal_pb2, signal_pb2_grpc
from rundblick.metrics.v1 import change_pb2, change_pb2_grpc, event_pb2, event_pb2_grpc

from chassis.batches import fault_of
from chassis.calls import call
from chassis.errors import Fault
from chassis.outbox import Entry
from chassis.relay import Deliver
from services.feedback.enquiry.outgoing import INTERACTIONS, SIGNALS
from services.feedback.measure.outgoing import CHANGES

_TIMEOUT = 30.0


def to_customers(channel: grpc.aio.Channel) -> Deliver:
    interactions = interaction_pb2_grpc.InteractionServiceStub(channel)
    signals = signal_pb2_grpc.SignalServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        recorded = interaction_pb2.RecordInteractionsRequest()
        signalled = signal_pb2.RecordSignalsRequest()
        owners: dict[str, list[str]] = {INTERACTIONS: [], SIGNALS: []}
        for entry in entries:
            if entry.kind == SIGNALS:
                known = len(signalled.signals)
                signalled.MergeFromString(entry.payload)
                owners[SIGNALS] += [entry.id] * (len(signalled.signals) - known)
            else:
                known = len(recorded.interactions)
                recorded.MergeFromString(entry.payload)
                owners[INTERACTIONS] += [entry.id] * (len(recorded.interactions) - known)
        faults: dict[str, Fault] = {}
        for kind, method, request in (
            (INTERACTIONS, interactions.RecordInteractions, recorded),
            (SIGNALS, signals.RecordSignals, signalled),
        ):
            if owners[kind]:
                answer: Any = await call(method, request, timeout=_TIMEOUT)
                answers = zip(owners[kind], answer.answers, strict=True)
                faults |= {owner: fault_of(one.error) for owner, one in answers if one.HasField("error")}
        return faults

    return deliver


def to_metrics(channel: grpc.aio.Channel) -> Deliver:
    stub = event_pb2_grpc.EventServiceStub(channel)
    changes = change_pb2_grpc.ChangeServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        measures = change_pb2.PutMeasuresRequest()
        merged = event_pb2.IngestEventsRequest()
        owners: dict[str, str] = {}
        for entry in entries:
            if entry.kind == CHANGES:
                measures.MergeFromString(entry.payload)
                continue
            request = event_pb2.IngestEventsRequest.FromString(entry.payload)
            for event in request.events:
                # Metrics forgets raw events after a while; by this it knows which were told before.
                event.recorded_at.FromDatetime(entry.at)
            merged.events.extend(request.events)
            owners |= {event.id: entry.id for event in request.events}
        if measures.measures:
            await call(changes.PutMeasures, measures, timeout=_TIMEOUT)
        if not merged.events:
            return {}
        answer: event_pb2.IngestEventsResponse = await call(stub.IngestEvents, merged, timeout=_TIMEOUT)
        return {owners[rejected.id]: fault_of(rejected.error) for rejected in answer.rejected}

    return deliver
