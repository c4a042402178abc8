"""Answers AliasService calls: the figures of a source record go with it to the golden id of today."""

from typing import Any

from rundblick.shared.v1 import alias_pb2 as pb
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import OPERATIONS, Caller, current_caller
from chassis.mongo import Database, Session, in_transaction
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.repository import MongoRollupRepository


class AliasServicer(alias_pb2_grpc.AliasServiceServicer):
    def __init__(self, database: Database, rollups: MongoRollupRepository, members: MongoMemberRepository) -> None:
        self._database = database
        self._rollups = rollups
        self._members = members

    async def MoveAliases(self, request: pb.MoveAliasesRequest, context: Any) -> pb.MoveAliasesResponse:
        caller = current_caller()
        caller.require(OPERATIONS)
        for alias in request.aliases:
            await self._move(caller, alias)
        return pb.MoveAliasesResponse()

    async def _move(self, caller: Caller, alias: pb.Alias) -> None:
        async def move(session: Session) -> None:
            customer = await self._rollups.move_alias(caller, session, alias.id, alias.customer_id, alias.version)
            await self._members.move(caller, session, alias.id, customer)

        await in_transaction(self._database, move)
