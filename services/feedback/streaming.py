"""What of the service tells those who watch: one part of its wiring."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import grpc
from rundblick.feedback.v1 import stream_pb2_grpc

from chassis.events import Numbering
from chassis.mongo import Database, Session
from chassis.outbox import Entry, Outbox
from chassis.relay import Relay
from chassis.tail import Tail
from services.feedback.enquiry.references import CustomersClient
from services.feedback.happenings import RECEIVED, WAITING, happened
from services.feedback.stream.domain import DomainEvent, Kind, Wanted
from services.feedback.stream.outgoing import STREAM, said
from services.feedback.stream.repository import MongoEventRepository
from services.feedback.stream.servicer import Seen, StreamServicer

_TOLD: Mapping[Kind, Any] = {"waiting": WAITING, "feedback": RECEIVED}


class Streaming:
    """kept: so long who watches can go on from a cursor."""

    def __init__(self, database: Database, outbox: Outbox, kept: timedelta, now: Callable[[], datetime]) -> None:
        self.events = MongoEventRepository(database)
        self.tail: Tail[DomainEvent, Wanted] = Tail(self.events)
        self._outbox = outbox
        self._numbering = Numbering(outbox, self.events, self._read, kept, now, self.tail.changes.wake)

    def relay(self, holder: str) -> Relay:
        return Relay(self._outbox, STREAM, self._numbering.deliver, holder=holder)

    def register(self, server: grpc.aio.Server, seen: Mapping[Kind, Seen], customers: CustomersClient) -> None:
        """seen: how to find out who may know of it, for each kind of event."""
        stream_pb2_grpc.add_StreamServiceServicer_to_server(StreamServicer(self.tail, seen, customers), server)

    async def _read(self, entries: Sequence[Entry], session: Session) -> Sequence[DomainEvent]:
        """What those learn who watch, webhooks are told too."""
        events = [said(entry) for entry in entries]
        told = [
            happening
            for entry, event in zip(entries, events, strict=True)
            for happening in happened(entry.id, _TOLD[event.kind], event.aggregate, entry.at)
        ]
        await self._outbox.append(session, told)
        return events
