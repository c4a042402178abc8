"""Answers PolicyService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import policy_pb2 as pb
from rundblick.feedback.v1 import policy_pb2_grpc
from rundblick.shared.v1 import page_pb2

from chassis.caller import current_caller
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.times import from_timestamp
from services.feedback.enquiry.remeasuring import Remeasuring
from services.feedback.policy import messages, ruling
from services.feedback.policy.domain import (
    MOST_ACTIVE,
    PREFIX,
    PolicyNotFound,
    TooManyPolicies,
    archived,
    defined,
)
from services.feedback.policy.repository import MongoPolicyRepository


class PolicyServicer(policy_pb2_grpc.PolicyServiceServicer):
    def __init__(
        self,
        policies: MongoPolicyRepository,
        remeasuring: Remeasuring,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._policies = policies
        self._remeasuring = remeasuring
        self._writes = writes
        self._now = now

    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Any) -> pb.ListPoliciesResponse:
        found = await self._policies.present(current_caller())
        wanted = [one for one in found if not request.HasField("active") or one.active is request.active]
        return pb.ListPoliciesResponse(policies=map(messages.to_proto, wanted))

    async def BatchGetPolicies(self, request: pb.BatchGetPoliciesRequest, context: Any) -> pb.BatchGetPoliciesResponse:
        found = await self._policies.of_ids(current_caller(), request.ids)
        return pb.BatchGetPoliciesResponse(
            answers={
                id: pb.PolicyAnswer(value=messages.to_proto(found[id]))
                if id in found
                else pb.PolicyAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no {id}"))
                for id in request.ids
            }
        )

    async def DefinePolicy(self, request: pb.DefinePolicyRequest, context: Any) -> pb.DefinePolicyResponse:
        caller, now = current_caller(), self._now()
        since = from_timestamp(request.since, ("since",)) if request.HasField("since") else now
        said = messages.from_proto(request.fields, new_id(PREFIX), since)
        if said.condition is not None:
            ruling.check(said.condition)

        async def define(session: Session) -> pb.DefinePolicyResponse:
            known = await self._policies.present(caller, session)
            before = next((one for one in known if one.key == said.key), None)
            policy = defined(said, before, request.version if request.HasField("version") else None)
            if sum(one.active for one in known if one.id != policy.id) >= MOST_ACTIVE:
                raise TooManyPolicies
            await self._policies.save(caller, policy, session)
            if since < now:
                await self._remeasuring.ask(policy.key, policy.id, session)
            return pb.DefinePolicyResponse(policy=messages.to_proto(policy))

        done = await self._writes.run(caller, request, pb.DefinePolicyResponse, define)
        self._remeasuring.wake()
        return done

    async def ArchivePolicy(self, request: pb.ArchivePolicyRequest, context: Any) -> pb.ArchivePolicyResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchivePolicyResponse:
            known = (await self._policies.of_ids(caller, [request.id], session)).get(request.id)
            if known is None:
                raise PolicyNotFound(request.id)
            policy = archived(known, request.version, self._now())
            await self._policies.save(caller, policy, session)
            return pb.ArchivePolicyResponse(policy=messages.to_proto(policy))

        return await self._writes.run(caller, request, pb.ArchivePolicyResponse, archive)
