"""Answers MatchingService calls."""

from typing import Any

from rundblick.customers.v1 import matching_pb2 as pb
from rundblick.customers.v1 import matching_pb2_grpc

from chassis.caller import current_caller
from chassis.idempotency import Writes
from chassis.mongo import Session
from services.customers.matching import messages
from services.customers.matching.domain import (
    MOST_BLOCKED,
    TooManyBlockedValues,
    archived,
    blocked_value,
    defined,
    in_force,
)
from services.customers.matching.repository import MongoMatchingRepository


class MatchingServicer(matching_pb2_grpc.MatchingServiceServicer):
    def __init__(self, rules: MongoMatchingRepository, writes: Writes) -> None:
        self._rules = rules
        self._writes = writes

    async def ListMatchRules(self, request: pb.ListMatchRulesRequest, context: Any) -> pb.ListMatchRulesResponse:
        rules = in_force(await self._rules.rules(current_caller()))
        return pb.ListMatchRulesResponse(rules=map(messages.to_proto, rules))

    async def DefineMatchRule(self, request: pb.DefineMatchRuleRequest, context: Any) -> pb.DefineMatchRuleResponse:
        caller = current_caller()
        said = messages.from_proto(request)
        version = request.version if request.HasField("version") else None

        async def define(session: Session) -> pb.DefineMatchRuleResponse:
            rule = defined(said, await self._rules.rules(caller, session), version)
            await self._rules.save(caller, rule, session)
            return pb.DefineMatchRuleResponse(rule=messages.to_proto(rule))

        return await self._writes.run(caller, request, pb.DefineMatchRuleResponse, define)

    async def ArchiveMatchRule(self, request: pb.ArchiveMatchRuleRequest, context: Any) -> pb.ArchiveMatchRuleResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveMatchRuleResponse:
            rule = archived(request.key, await self._rules.rules(caller, session), request.version)
            await self._rules.save(caller, rule, session)
            return pb.ArchiveMatchRuleResponse(rule=messages.to_proto(rule))

        return await self._writes.run(caller, request, pb.ArchiveMatchRuleResponse, archive)

    async def ListBlockedValues(
        self, request: pb.ListBlockedValuesRequest, context: Any
    ) -> pb.ListBlockedValuesResponse:
        return pb.ListBlockedValuesResponse(values=sorted(await self._rules.blocked_values(current_caller())))

    async def BlockValue(self, request: pb.BlockValueRequest, context: Any) -> pb.BlockValueResponse:
        caller = current_caller()
        value = blocked_value(request.value)

        async def block(session: Session) -> pb.BlockValueResponse:
            if request.blocked and len(await self._rules.blocked_values(caller, session)) >= MOST_BLOCKED:
                raise TooManyBlockedValues
            await self._rules.block(caller, value, blocked=request.blocked, session=session)
            return pb.BlockValueResponse(value=value, blocked=request.blocked)

        return await self._writes.run(caller, request, pb.BlockValueResponse, block)
