"""Answers SourceService calls."""

from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import source_pb2 as pb
from rundblick.customers.v1 import source_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.idempotency import Writes
from chassis.mongo import Session
from services.customers.source import messages
from services.customers.source.domain import defined
from services.customers.source.repository import MongoSourceRepository
from services.customers.team.repository import MongoTeamRepository


class SourceServicer(source_pb2_grpc.SourceServiceServicer):
    def __init__(self, sources: MongoSourceRepository, teams: MongoTeamRepository, writes: Writes) -> None:
        self._sources = sources
        self._teams = teams
        self._writes = writes

    async def ListSources(self, request: pb.ListSourcesRequest, context: Any) -> pb.ListSourcesResponse:
        found = await self._sources.all(current_caller())
        return pb.ListSourcesResponse(sources=map(messages.to_proto, found.values()))

    async def DefineSource(self, request: pb.DefineSourceRequest, context: Any) -> pb.DefineSourceResponse:
        caller = current_caller()
        said = messages.from_proto(request)
        version = request.version if request.HasField("version") else None

        async def define(session: Session) -> pb.DefineSourceResponse:
            source = defined(said, await self._sources.all(caller, session), version)
            source = replace(source, team=await self._team(caller, request.team_key, session))
            await self._sources.save(caller, source, session)
            return pb.DefineSourceResponse(source=messages.to_proto(source))

        return await self._writes.run(caller, request, pb.DefineSourceResponse, define)

    async def _team(self, caller: Caller, key: str, session: Session) -> str | None:
        """The team of this key, made when it is not known."""
        if not key:
            return None
        known = await self._teams.of_keys(caller, [key], session)
        return known.get(key) or (await self._teams.add(caller, {key: key}, session))[key]
