"""Answers TeamService calls."""

from typing import Any

from rundblick.customers.v1 import team_pb2 as pb
from rundblick.customers.v1 import team_pb2_grpc

from chassis.caller import current_caller
from services.customers.batches import answers
from services.customers.team.repository import MongoTeamRepository


class TeamServicer(team_pb2_grpc.TeamServiceServicer):
    def __init__(self, teams: MongoTeamRepository) -> None:
        self._teams = teams

    async def BatchGetTeams(self, request: pb.BatchGetTeamsRequest, context: Any) -> pb.BatchGetTeamsResponse:
        found = await self._teams.of_ids(current_caller(), request.ids)
        protos = {id: pb.Team(id=team.id, key=team.key, name=team.name) for id, team in found.items()}
        return pb.BatchGetTeamsResponse(answers=answers(pb.TeamAnswer, request.ids, protos))
