"""Answers AliasService calls: facts follow their source records to the golden id of today."""

from typing import Any, Protocol

from rundblick.shared.v1 import alias_pb2 as pb
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.mongo import Database, Session, in_transaction
from services.feedback.alias.repository import MongoAliasRepository


class Following(Protocol):
    """Where facts are kept that follow."""

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All that came in for a source record to whom it belongs."""


class AliasServicer(alias_pb2_grpc.AliasServiceServicer):
    def __init__(self, database: Database, aliases: MongoAliasRepository, *following: Following) -> None:
        self._database = database
        self._aliases = aliases
        self._following = following

    async def MoveAliases(self, request: pb.MoveAliasesRequest, context: Any) -> pb.MoveAliasesResponse:
        caller = current_caller()
        for alias in request.aliases:

            async def move(session: Session, alias: pb.Alias = alias) -> None:
                customer = await self._aliases.move(caller, alias.id, alias.customer_id, alias.version, session)
                for facts in self._following:
                    await facts.give(caller, alias.id, customer, session)

            await in_transaction(self._database, move)
        return pb.MoveAliasesResponse()
