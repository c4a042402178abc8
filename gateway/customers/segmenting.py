"""Mutations of segments: what they are, and who is picked for them."""

from typing import Any

import strawberry
from rundblick.customers.v1 import segment_pb2 as pb

from gateway.customers.client import customers_of
from gateway.customers.segment import Segment, segment_of
from gateway.shared import Info, UserError, mutate


@strawberry.input(description="Whom a segment stands for in the market, in words.")
class TargetMarketInput:
    industry: str | None = None
    region: str | None = None
    company_size: str | None = None


@strawberry.input(description="All of a segment: what is not said is not so.")
class DefineSegmentInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    name: str
    description: str | None = None
    expectations: list[str] = strawberry.field(default_factory=list, description="What this market expects.")
    target_market: TargetMarketInput | None = None
    rule: str | None = strawberry.field(
        default=None, description="CEL over the facts of a customer; null: customers are picked one by one."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Who answers for it.")
    dry_run: bool = strawberry.field(default=False, description="Say what a rule would change, and change nothing.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveSegmentInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.input
class AddToSegmentInput:
    segment: strawberry.ID
    customers: list[strawberry.ID] = strawberry.field(description="At most 1000.")
    idempotency_key: str | None = None


@strawberry.input
class RemoveFromSegmentInput:
    segment: strawberry.ID
    customers: list[strawberry.ID] = strawberry.field(description="At most 1000.")
    idempotency_key: str | None = None


@strawberry.type(description="What a rule would change, of the customers that were asked.")
class SegmentTrial:
    looked_at: int
    enter: int
    leave: int
    stay: int
    errors: int = strawberry.field(description="The rule has no result for so many.")


@strawberry.type
class DefineSegmentPayload:
    user_errors: list[UserError]
    segment: Segment | None = None
    trial: SegmentTrial | None = strawberry.field(default=None, description="Of a dry run.")


@strawberry.type
class ArchiveSegmentPayload:
    user_errors: list[UserError]
    segment: Segment | None = None


@strawberry.type
class AddToSegmentPayload:
    user_errors: list[UserError]
    segment: Segment | None = None
    changed: int | None = strawberry.field(default=None, description="So many were not in it before.")


@strawberry.type
class RemoveFromSegmentPayload:
    user_errors: list[UserError]
    segment: Segment | None = None
    changed: int | None = strawberry.field(default=None, description="So many were in it before.")


def _fields(input: DefineSegmentInput) -> pb.SegmentFields:
    market = input.target_market or TargetMarketInput()
    return pb.SegmentFields(
        key=input.key,
        name=input.name,
        description=input.description,
        expectations=input.expectations,
        target_market=pb.TargetMarket(industry=market.industry, region=market.region, company_size=market.company_size),
        rule=input.rule,
        owner_id=input.owner,
    )


def _defined(answer: pb.DefineSegmentResponse) -> dict[str, Any]:
    if not answer.HasField("trial"):
        return {"segment": segment_of(answer.segment)}
    trial = answer.trial
    return {
        "trial": SegmentTrial(
            looked_at=trial.looked_at, enter=trial.enter, leave=trial.leave, stay=trial.stay, errors=trial.errors
        )
    }


@strawberry.type
class SegmentMutation:
    @strawberry.mutation(
        description="A new segment, or the next version of one; an archived one is active again. After a new rule all "
        "customers are asked by it, as a job."
    )
    async def define_segment(self, info: Info, input: DefineSegmentInput) -> DefineSegmentPayload | None:
        client = customers_of(info)
        request = pb.DefineSegmentRequest(
            idempotency_key=input.idempotency_key,
            fields=_fields(input),
            version=input.version,
            dry_run=input.dry_run,
        )

        async def work() -> dict[str, Any]:
            return _defined(await client.call(client.stubs.segments.DefineSegment, request))

        return await mutate(DefineSegmentPayload, work())

    @strawberry.mutation(description="Nobody belongs to it any more; what was counted for it stays.")
    async def archive_segment(self, info: Info, input: ArchiveSegmentInput) -> ArchiveSegmentPayload | None:
        client = customers_of(info)
        request = pb.ArchiveSegmentRequest(idempotency_key=input.idempotency_key, id=input.id, version=input.version)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.segments.ArchiveSegment, request)
            return {"segment": segment_of(answer.segment)}

        return await mutate(ArchiveSegmentPayload, work())

    @strawberry.mutation(description="Pick customers for a segment without a rule.")
    async def add_to_segment(self, info: Info, input: AddToSegmentInput) -> AddToSegmentPayload | None:
        client = customers_of(info)
        request = pb.AddToSegmentRequest(
            idempotency_key=input.idempotency_key, segment_id=input.segment, customer_ids=input.customers
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.segments.AddToSegment, request)
            return {"segment": segment_of(answer.segment), "changed": answer.changed}

        return await mutate(AddToSegmentPayload, work())

    @strawberry.mutation(description="Customers are no longer picked for a segment without a rule.")
    async def remove_from_segment(self, info: Info, input: RemoveFromSegmentInput) -> RemoveFromSegmentPayload | None:
        client = customers_of(info)
        request = pb.RemoveFromSegmentRequest(
            idempotency_key=input.idempotency_key, segment_id=input.segment, customer_ids=input.customers
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.segments.RemoveFromSegment, request)
            return {"segment": segment_of(answer.segment), "changed": answer.changed}

        return await mutate(RemoveFromSegmentPayload, work())
