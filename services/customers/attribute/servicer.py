"""Answers AttributeService calls."""

from typing import Any

from rundblick.customers.v1 import attribute_pb2 as pb
from rundblick.customers.v1 import attribute_pb2_grpc

from chassis.caller import current_caller
from chassis.idempotency import Writes
from chassis.mongo import Session
from services.customers.attribute import messages
from services.customers.attribute.domain import AttributeNotFound, archived, defined
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.attribute.uses import Uses
from services.customers.batches import answers


class AttributeServicer(attribute_pb2_grpc.AttributeServiceServicer):
    def __init__(self, attributes: MongoAttributeRepository, uses: Uses, writes: Writes) -> None:
        self._attributes = attributes
        self._uses = uses
        self._writes = writes

    async def BatchGetAttributes(
        self, request: pb.BatchGetAttributesRequest, context: Any
    ) -> pb.BatchGetAttributesResponse:
        found = await self._attributes.of_keys(current_caller(), request.keys)
        protos = {key: messages.to_proto(attribute) for key, attribute in found.items()}
        return pb.BatchGetAttributesResponse(answers=answers(pb.AttributeAnswer, request.keys, protos))

    async def ListAttributes(self, request: pb.ListAttributesRequest, context: Any) -> pb.ListAttributesResponse:
        found = (await self._attributes.all(current_caller())).values()
        shown = [attribute for attribute in found if request.archived or not attribute.archived]
        return pb.ListAttributesResponse(attributes=map(messages.to_proto, shown))

    async def DefineAttribute(self, request: pb.DefineAttributeRequest, context: Any) -> pb.DefineAttributeResponse:
        caller = current_caller()
        said = messages.from_proto(request)
        version = request.version if request.HasField("version") else None

        async def define(session: Session) -> pb.DefineAttributeResponse:
            attribute = defined(said, await self._attributes.all(caller, session), version)
            await self._attributes.save(caller, attribute, session)
            return pb.DefineAttributeResponse(attribute=messages.to_proto(attribute))

        return await self._writes.run(caller, request, pb.DefineAttributeResponse, define)

    async def ArchiveAttribute(self, request: pb.ArchiveAttributeRequest, context: Any) -> pb.ArchiveAttributeResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveAttributeResponse:
            known = await self._attributes.of_keys(caller, [request.key], session)
            if request.key not in known:
                raise AttributeNotFound(request.key)
            attribute = archived(known[request.key], request.version, await self._uses.of(request.key, session))
            await self._attributes.save(caller, attribute, session)
            return pb.ArchiveAttributeResponse(attribute=messages.to_proto(attribute))

        return await self._writes.run(caller, request, pb.ArchiveAttributeResponse, archive)
