"""Answers RollupService calls: takes what should be counted, then says what is not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from rundblick.metrics.v1 import rollup_pb2 as pb
from rundblick.metrics.v1 import rollup_pb2_grpc
from rundblick.shared.v1 import verification_pb2

from chassis.caller import current_caller
from services.metrics.event.messages import event_from_proto
from services.metrics.rollup.checking import FigureCheck

_MOST_NAMED = 200


class RollupServicer(rollup_pb2_grpc.RollupServiceServicer):
    def __init__(self, check: Callable[[], Awaitable[FigureCheck]]) -> None:
        self._check = check

    async def CheckFigures(
        self, request_iterator: AsyncIterator[pb.CheckFiguresRequest], context: Any
    ) -> AsyncIterator[pb.CheckFiguresResponse]:
        caller = current_caller()
        check = await self._check()
        async for request in request_iterator:
            await check.take(map(event_from_proto, request.events))
        checked = await check.result(caller)
        yield pb.CheckFiguresResponse(
            examined=checked.examined,
            differences=[
                verification_pb2.Difference(what=d.what, id=d.id, detail=d.detail)
                for d in checked.differences[:_MOST_NAMED]
            ],
            more_differences=max(len(checked.differences) - _MOST_NAMED, 0),
            left_out=check.left_out,
        )
