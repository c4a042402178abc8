"""Answers TouchpointService calls."""

from dataclasses import replace
from typing import Any

from pymongo.errors import DuplicateKeyError
from rundblick.customers.v1 import touchpoint_pb2 as pb
from rundblick.customers.v1 import touchpoint_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import Forbidden
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import answers
from services.customers.touchpoint import messages
from services.customers.touchpoint.domain import KeyTaken, Touchpoint, TouchpointNotFound
from services.customers.touchpoint.messages import date_from_proto, kind_from_proto
from services.customers.touchpoint.repository import MongoTouchpointRepository


class TouchpointServicer(touchpoint_pb2_grpc.TouchpointServiceServicer):
    def __init__(self, touchpoints: MongoTouchpointRepository, writes: Writes) -> None:
        self._touchpoints = touchpoints
        self._writes = writes

    async def BatchGetTouchpoints(
        self, request: pb.BatchGetTouchpointsRequest, context: Any
    ) -> pb.BatchGetTouchpointsResponse:
        found = await self._touchpoints.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(touchpoint) for id, touchpoint in found.items()}
        return pb.BatchGetTouchpointsResponse(answers=answers(pb.TouchpointAnswer, request.ids, protos))

    async def ListTouchpoints(self, request: pb.ListTouchpointsRequest, context: Any) -> pb.ListTouchpointsResponse:
        condition: dict[str, Any] = {}
        if request.filter.channels:
            channels = [kind_from_proto(messages.CHANNEL_FROM_PROTO, n, "channel") for n in request.filter.channels]
            condition["channel"] = {"$in": [channel.value for channel in channels]}
        if request.filter.HasField("nature"):
            nature = kind_from_proto(messages.NATURE_FROM_PROTO, request.filter.nature, "nature")
            condition["nature"] = nature.value
        if request.filter.keys:
            condition["key"] = {"$in": list(request.filter.keys)}
        part = await self._touchpoints.page(current_caller(), page_of(request.page, [str]), condition)
        edges = [
            pb.TouchpointEdge(cursor=encode_cursor(boundary), node=messages.to_proto(touchpoint))
            for touchpoint, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListTouchpointsResponse(edges=edges, page_info=page_info(part))

    async def CreateTouchpoint(self, request: pb.CreateTouchpointRequest, context: Any) -> pb.CreateTouchpointResponse:
        caller = _own(current_caller())
        touchpoint = Touchpoint(
            id=new_id("tou"),
            key=request.key,
            name=request.name,
            channel=kind_from_proto(messages.CHANNEL_FROM_PROTO, request.channel, "channel"),
            nature=kind_from_proto(messages.NATURE_FROM_PROTO, request.nature, "nature"),
            control=kind_from_proto(messages.CONTROL_FROM_PROTO, request.control, "control"),
            active_from=date_from_proto(request.active_from, "active_from"),
            active_to=date_from_proto(request.active_to, "active_to"),
        )

        async def create(session: Session) -> pb.CreateTouchpointResponse:
            if await self._touchpoints.of_keys(caller, [touchpoint.key], session):
                raise KeyTaken(touchpoint.key)
            await self._touchpoints.add(caller, [touchpoint], session)
            return pb.CreateTouchpointResponse(touchpoint=messages.to_proto(touchpoint))

        try:
            return await self._writes.run(caller, request, pb.CreateTouchpointResponse, create)
        except DuplicateKeyError:
            raise KeyTaken(touchpoint.key) from None

    async def UpdateTouchpoint(self, request: pb.UpdateTouchpointRequest, context: Any) -> pb.UpdateTouchpointResponse:
        caller = _own(current_caller())

        async def update(session: Session) -> pb.UpdateTouchpointResponse:
            found = await self._touchpoints.of_ids(caller, [request.id], session)
            if request.id not in found:
                raise TouchpointNotFound(request.id)
            touchpoint = _changed(found[request.id], request)
            await self._touchpoints.save(caller, touchpoint, session)
            return pb.UpdateTouchpointResponse(touchpoint=messages.to_proto(touchpoint))

        return await self._writes.run(caller, request, pb.UpdateTouchpointResponse, update)


def _changed(touchpoint: Touchpoint, request: pb.UpdateTouchpointRequest) -> Touchpoint:
    news: dict[str, Any] = {}
    if request.HasField("name"):
        news["name"] = request.name
    if request.HasField("channel"):
        news["channel"] = kind_from_proto(messages.CHANNEL_FROM_PROTO, request.channel, "channel")
    if request.HasField("nature"):
        news["nature"] = kind_from_proto(messages.NATURE_FROM_PROTO, request.nature, "nature")
    if request.HasField("control"):
        news["control"] = kind_from_proto(messages.CONTROL_FROM_PROTO, request.control, "control")
    if request.HasField("active_from"):
        news["active_from"] = date_from_proto(request.active_from, "active_from")
    if request.HasField("active_to"):
        news["active_to"] = date_from_proto(request.active_to, "active_to")
    return replace(touchpoint, **news)


def _own(caller: Caller) -> Caller:
    if caller.sources is not None:
        raise Forbidden("partners do not change touchpoints")
    return caller
