"""Answers AliasService calls: enquiries follow their source records to the golden id of today."""

from typing import Any

from rundblick.shared.v1 import alias_pb2 as pb
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import current_caller
from chassis.mongo import Database, Session, in_transaction
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.repository import MongoEnquiryRepository


class AliasServicer(alias_pb2_grpc.AliasServiceServicer):
    def __init__(self, database: Database, aliases: MongoAliasRepository, enquiries: MongoEnquiryRepository) -> None:
        self._database = database
        self._aliases = aliases
        self._enquiries = enquiries

    async def MoveAliases(self, request: pb.MoveAliasesRequest, context: Any) -> pb.MoveAliasesResponse:
        caller = current_caller()
        for alias in request.aliases:

            async def move(session: Session, alias: pb.Alias = alias) -> None:
                customer = await self._aliases.move(caller, alias.id, alias.customer_id, alias.version, session)
                await self._enquiries.give(caller, alias.id, customer, session)

            await in_transaction(self._database, move)
        return pb.MoveAliasesResponse()
