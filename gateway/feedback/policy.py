"""Service levels in the graph: what times are promised, and whether they are kept."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.feedback.v1 import enquiry_pb2
from rundblick.feedback.v1 import policy_pb2 as pb

from chassis.times import to_timestamp
from gateway.feedback.client import feedback_of
from gateway.feedback.waits import WaitKind
from gateway.shared import Info, UserError, enum_of, moment, mutate, needed, present


@strawberry.enum(
    description="HIT: kept. MISSED: not kept, also while the customer still waits. AT_RISK: little time is left."
)
class ServiceLevelState(Enum):
    NOT_YET_DUE = "NOT_YET_DUE"
    AT_RISK = "AT_RISK"
    HIT = "HIT"
    MISSED = "MISSED"


@strawberry.type(description="A wait lasts at most so long; exactly so long is still in time.")
class ServiceLevelTarget:
    kind: WaitKind
    seconds: float
    business: bool = strawberry.field(description="Of business time; without a calendar nothing is promised.")


@strawberry.type(description="What times are promised for which enquiries.")
class ServiceLevelPolicy:
    id: strawberry.ID
    key: str
    name: str
    condition: str | None = strawberry.field(description="CEL over the enquiry; null: all.")
    targets: list[ServiceLevelTarget]
    order: int = strawberry.field(description="Of several that hold the lowest counts.")
    pauses: bool = strawberry.field(description="The time to resolution stands still while it is PENDING.")
    at_risk_share: float = strawberry.field(description="Of the target; from then on it is at risk.")
    since: datetime = strawberry.field(description="This version holds for waits that begin from then on.")
    active: bool
    version: int

    @classmethod
    def of(cls, record: pb.Policy) -> "ServiceLevelPolicy":
        said = record.fields
        return cls(
            id=strawberry.ID(record.id),
            key=said.key,
            name=said.name,
            condition=present(said, "condition"),
            targets=[
                ServiceLevelTarget(
                    kind=enum_of(WaitKind, enquiry_pb2.WaitKind, one.kind, "WAIT_KIND_"),
                    seconds=one.seconds,
                    business=one.business,
                )
                for one in said.targets
            ],
            order=said.order,
            pauses=said.pauses,
            at_risk_share=said.at_risk_share,
            since=needed(record, "since"),
            active=record.active,
            version=record.version,
        )


@strawberry.type(description="What was promised for one wait, and whether it is kept.")
class ServiceLevelStatus:
    record: strawberry.Private[Any]
    kind: WaitKind
    started_at: datetime = strawberry.field(description="Of the wait.")
    policy_version: int = strawberry.field(description="The one that held when the wait began.")
    target_seconds: float
    business: bool = strawberry.field(description="The target is business time.")
    due_at: datetime | None = strawberry.field(description="null: its time stands still, or never comes.")
    status: ServiceLevelState

    @strawberry.field(description="As it is today.")
    async def policy(self, info: Info) -> ServiceLevelPolicy | None:
        found = await feedback_of(info).policies.load(self.record.policy_id)
        return ServiceLevelPolicy.of(found) if found is not None else None

    @classmethod
    def of(cls, level: enquiry_pb2.ServiceLevel) -> "ServiceLevelStatus":
        return cls(
            record=level,
            kind=enum_of(WaitKind, enquiry_pb2.WaitKind, level.kind, "WAIT_KIND_"),
            started_at=needed(level, "started_at"),
            policy_version=level.policy_version,
            target_seconds=level.target_seconds,
            business=level.business,
            due_at=moment(level, "due_at"),
            status=enum_of(ServiceLevelState, enquiry_pb2.ServiceLevelState, level.state, "SERVICE_LEVEL_STATE_"),
        )


@strawberry.input(description="A wait lasts at most so long; exactly so long is still in time.")
class ServiceLevelTargetInput:
    kind: WaitKind
    seconds: float
    business: bool = strawberry.field(default=False, description="Of business time.")


@strawberry.input(description="All of a service level: what is not said is not so.")
class DefineServiceLevelInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    name: str
    condition: str | None = strawberry.field(
        default=None,
        description="CEL over enquiry: its source, priority, category, service, touchpoint, channel, team, subject.",
    )
    targets: list[ServiceLevelTargetInput] = strawberry.field(description="At most one of each kind.")
    order: int = strawberry.field(default=0, description="Of several that hold the lowest counts.")
    pauses: bool = strawberry.field(
        default=False, description="The time to resolution stands still while the enquiry is PENDING."
    )
    at_risk_share: float | None = strawberry.field(default=None, description="Of the target; 0.8, when left out.")
    since: datetime | None = strawberry.field(
        default=None,
        description="It holds for waits that begin from then on: now, when left out. When that lies in the past all "
        "enquiries are judged anew, as a job.",
    )
    idempotency_key: str | None = None


@strawberry.input
class ArchiveServiceLevelInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.type
class DefineServiceLevelPayload:
    user_errors: list[UserError]
    service_level: ServiceLevelPolicy | None = None


@strawberry.type
class ArchiveServiceLevelPayload:
    user_errors: list[UserError]
    service_level: ServiceLevelPolicy | None = None


def _request(input: DefineServiceLevelInput) -> pb.DefinePolicyRequest:
    fields = pb.PolicyFields(
        key=input.key,
        name=input.name,
        condition=input.condition,
        targets=[
            pb.PolicyTarget(
                kind=enquiry_pb2.WaitKind.Value(f"WAIT_KIND_{one.kind.value}"),
                seconds=one.seconds,
                business=one.business,
            )
            for one in input.targets
        ],
        order=input.order,
        pauses=input.pauses,
        at_risk_share=input.at_risk_share or 0.0,
    )
    return pb.DefinePolicyRequest(
        idempotency_key=input.idempotency_key, fields=fields, version=input.version, since=to_timestamp(input.since)
    )


@strawberry.type
class ServiceLevelQuery:
    @strawberry.field(description="By order; also those that are archived when active is false.")
    async def service_levels(self, info: Info, active: bool | None = True) -> list[ServiceLevelPolicy] | None:
        client = feedback_of(info)
        answer = await client.call(client.stubs.policies.ListPolicies, pb.ListPoliciesRequest(active=active))
        return [ServiceLevelPolicy.of(record) for record in answer.policies]


@strawberry.type
class ServiceLevelMutation:
    @strawberry.mutation(
        description="A new service level, or the next version of one; an archived one is active again."
    )
    async def define_service_level(
        self, info: Info, input: DefineServiceLevelInput
    ) -> DefineServiceLevelPayload | None:
        client = feedback_of(info)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.policies.DefinePolicy, _request(input))
            return {"service_level": ServiceLevelPolicy.of(answer.policy)}

        return await mutate(DefineServiceLevelPayload, work())

    @strawberry.mutation(description="It holds for no wait that begins later; what was promised before stays.")
    async def archive_service_level(
        self, info: Info, input: ArchiveServiceLevelInput
    ) -> ArchiveServiceLevelPayload | None:
        client = feedback_of(info)
        request = pb.ArchivePolicyRequest(idempotency_key=input.idempotency_key, id=input.id, version=input.version)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.policies.ArchivePolicy, request)
            return {"service_level": ServiceLevelPolicy.of(answer.policy)}

        return await mutate(ArchiveServiceLevelPayload, work())
