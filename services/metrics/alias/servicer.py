"""Answers AliasService calls: the figures of a source record go with it to the golden id of today."""

from typing import Any

from rundblick.shared.v1 import alias_pb2 as pb
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.mongo import Database, Session, in_transaction
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.rollup.folder import Writing
from services.metrics.rollup.joining import Joining
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.sums import Sums


class AliasServicer(alias_pb2_grpc.AliasServiceServicer):
    def __init__(
        self,
        database: Database,
        rollups: MongoRollupRepository,
        members: MongoMemberRepository,
        catalogues: Catalogues,
        joining: Joining,
        writing: Writing,
    ) -> None:
        self._database = database
        self._rollups = rollups
        self._members = members
        self._catalogues = catalogues
        self._joining = joining
        self._writing = writing

    async def MoveAliases(self, request: pb.MoveAliasesRequest, context: Any) -> pb.MoveAliasesResponse:
        caller = current_caller()
        for alias in request.aliases:
            await self._move(caller, alias)
        return pb.MoveAliasesResponse()

    async def _move(self, caller: Caller, alias: pb.Alias) -> None:
        async def move(session: Session) -> None:
            sums = Sums(await self._catalogues.refresh(session))
            family = await self._joining.family(session, sums.catalogue, alias.id, alias.customer_id)
            customer = await self._rollups.move_alias(caller, session, alias.id, alias.customer_id, alias.version)
            await self._members.move(caller, session, alias.id, customer)
            if family:
                await self._joining.moved(session, sums, family, alias.id, customer)
                await self._writing.write(session, sums)

        await in_transaction(self._database, move)
