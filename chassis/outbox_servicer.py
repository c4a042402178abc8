"""Answers OutboxService calls: what a service has still to tell, and what it has given up."""

from typing import Any

from rundblick.shared.v1 import outbox_pb2 as pb
from rundblick.shared.v1 import outbox_pb2_grpc

from chassis.batches import item_error
from chassis.errors import Fault, InvalidInput
from chassis.mongo import Document
from chassis.outbox import Outbox
from chassis.page import encode_cursor, page_info, page_of
from chassis.times import to_timestamp


class OutboxServicer(outbox_pb2_grpc.OutboxServiceServicer):
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def ListOutboxEntries(
        self, request: pb.ListOutboxEntriesRequest, context: Any
    ) -> pb.ListOutboxEntriesResponse:
        part = await self._outbox.page(
            page_of(request.page, [str]),
            request.destination if request.HasField("destination") else None,
            request.parked if request.HasField("parked") else None,
        )
        edges = [
            pb.OutboxEdge(cursor=encode_cursor(boundary), node=_to_proto(document))
            for document, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListOutboxEntriesResponse(edges=edges, page_info=page_info(part))

    async def RetryOutboxEntries(
        self, request: pb.RetryOutboxEntriesRequest, context: Any
    ) -> pb.RetryOutboxEntriesResponse:
        if request.all == bool(request.ids):
            raise InvalidInput("name the entries, or ask for all of them", ("ids",))
        retried = await self._outbox.retry(None if request.all else request.ids)
        return pb.RetryOutboxEntriesResponse(retried=retried)


def _to_proto(document: Document) -> pb.OutboxEntry:
    error = document.get("error")
    return pb.OutboxEntry(
        id=document["_id"],
        destination=document["destination"],
        aggregate=document["aggregate"],
        sequence=document["sequence"],
        kind=document["kind"],
        attempts=document["attempts"],
        parked=document["parked"],
        recorded_at=to_timestamp(document["at"]),
        next_attempt_at=to_timestamp(document.get("next")),
        last_error=item_error(Fault(error["code"], error["message"])) if error else None,
    )
