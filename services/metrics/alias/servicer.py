"""Answers AliasService calls: the figures of a source record go with it to the golden id of today."""

from typing import Any

from rundblick.shared.v1 import alias_pb2 as pb
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import OPERATIONS, current_caller
from services.metrics.rollup.repository import MongoRollupRepository


class AliasServicer(alias_pb2_grpc.AliasServiceServicer):
    def __init__(self, rollups: MongoRollupRepository) -> None:
        self._rollups = rollups

    async def MoveAliases(self, request: pb.MoveAliasesRequest, context: Any) -> pb.MoveAliasesResponse:
        caller = current_caller()
        caller.require(OPERATIONS)
        for alias in request.aliases:
            await self._rollups.move_alias(caller, alias.id, alias.customer_id, alias.version)
        return pb.MoveAliasesResponse()
