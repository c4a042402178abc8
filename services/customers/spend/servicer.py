"""Answers SpendService calls."""

from typing import Any

from rundblick.customers.v1 import spend_pb2 as pb
from rundblick.customers.v1 import spend_pb2_grpc

from chassis.caller import current_caller
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.page import encode_cursor, page_info, page_of
from services.customers.spend import messages
from services.customers.spend.domain import PREFIX
from services.customers.spend.recording import SpendRecording
from services.customers.spend.repository import MongoSpendRepository


class SpendServicer(spend_pb2_grpc.SpendServiceServicer):
    def __init__(self, spend: MongoSpendRepository, recording: SpendRecording, writes: Writes) -> None:
        self._spend = spend
        self._recording = recording
        self._writes = writes

    async def BatchListSpend(self, request: pb.BatchListSpendRequest, context: Any) -> pb.BatchListSpendResponse:
        page = page_of(request.page, [str, str])
        parts = await self._spend.of_campaigns(current_caller(), request.campaign_ids, page)
        return pb.BatchListSpendResponse(
            pages={
                campaign: pb.SpendPage(
                    edges=[
                        pb.SpendEdge(cursor=encode_cursor(boundary), node=messages.to_proto(one))
                        for one, boundary in zip(part.items, part.boundaries, strict=True)
                    ],
                    page_info=page_info(part),
                )
                for campaign, part in parts.items()
            }
        )

    async def RecordSpend(self, request: pb.RecordSpendRequest, context: Any) -> pb.RecordSpendResponse:
        caller = current_caller()
        said = messages.from_proto(request, new_id(PREFIX))
        require_source(caller, said.source)

        async def record(session: Session) -> pb.RecordSpendResponse:
            _, kept = await self._recording.record(caller, said, session)
            return pb.RecordSpendResponse(spend=messages.to_proto(kept))

        response = await self._writes.run(caller, request, pb.RecordSpendResponse, record)
        self._recording.told()
        return response
