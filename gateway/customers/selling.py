"""What changes opportunities: opening them, changing what is known of them, moving them on."""

from datetime import date, datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import opportunity_pb2 as pb
from strawberry import UNSET

from chassis.times import to_timestamp
from gateway.customers.client import customers_of
from gateway.customers.opportunity import Opportunity, OpportunityStage, opportunity_of, stage_value
from gateway.shared import ExternalIdInput, Info, MoneyInput, UserError, mutate


@strawberry.input(description="What a source tells again by its external id changes what it told before.")
class CreateOpportunityInput:
    title: str
    customer: strawberry.ID | None = strawberry.field(default=None, description="Or customerExternalId.")
    customer_external_id: ExternalIdInput | None = None
    stage: OpportunityStage | None = strawberry.field(default=None, description="Not said: PROSPECTING.")
    amount: MoneyInput | None = None
    probability: float | None = strawberry.field(default=None, description="0 to 1; not said: that of the stage.")
    closes_on: date | None = strawberry.field(default=None, description="Without it no forecast counts it.")
    offer: strawberry.ID | None = None
    campaign: strawberry.ID | None = None
    owner: strawberry.ID | None = strawberry.field(default=None, description="Not said: whoever creates it.")
    source: str | None = None
    external_id: str | None = None
    opened_at: datetime | None = strawberry.field(default=None, description="Not said: now.")
    stage_since: datetime | None = strawberry.field(default=None, description="Not said: since it was opened.")
    loss_reason: str | None = None
    idempotency_key: str | None = None


@strawberry.input(description="What is not named stays as it was.")
class UpdateOpportunityInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    title: str | None = UNSET
    amount: MoneyInput | None = strawberry.field(default=UNSET, description="null: not known any more")
    probability: float | None = strawberry.field(default=UNSET, description="null: that of the stage")
    closes_on: date | None = strawberry.field(default=UNSET, description="null: not known any more")
    offer: strawberry.ID | None = strawberry.field(default=UNSET, description="null: none any more")
    campaign: strawberry.ID | None = strawberry.field(default=UNSET, description="null: none any more")
    owner: strawberry.ID | None = strawberry.field(default=UNSET, description="null: nobody any more")
    idempotency_key: str | None = None


@strawberry.input
class MoveOpportunityInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the move was made from.")
    stage: OpportunityStage
    at: datetime | None = strawberry.field(default=None, description="Not said: now.")
    loss_reason: str | None = strawberry.field(default=None, description="Of one that is lost.")
    reopen: bool = strawberry.field(default=False, description="Said of one that is closed.")
    idempotency_key: str | None = None


@strawberry.type
class CreateOpportunityPayload:
    user_errors: list[UserError]
    opportunity: Opportunity | None = None


@strawberry.type
class UpdateOpportunityPayload:
    user_errors: list[UserError]
    opportunity: Opportunity | None = None


@strawberry.type
class MoveOpportunityPayload:
    user_errors: list[UserError]
    opportunity: Opportunity | None = None


_PATHS = {"offer": "offer_id", "campaign": "campaign_id", "owner": "owner_id"}
_SAID = ("title", "amount", "probability", "closes_on", "offer", "campaign", "owner")


def _fields(input: Any) -> pb.OpportunityFields:
    said = {name: getattr(input, name) for name in _SAID}
    return pb.OpportunityFields(
        **{_PATHS.get(name, name): _value(v) for name, v in said.items() if v is not UNSET and v is not None}
    )


def _value(value: Any) -> Any:
    if isinstance(value, MoneyInput):
        return value.to_proto()
    return value.isoformat() if isinstance(value, date) else value


@strawberry.type
class OpportunityMutation:
    @strawberry.mutation
    async def create_opportunity(self, info: Info, input: CreateOpportunityInput) -> CreateOpportunityPayload | None:
        client = customers_of(info)
        named = input.customer_external_id
        request = pb.CreateOpportunityRequest(
            idempotency_key=input.idempotency_key,
            customer_id=input.customer,
            customer_external_id=customer_pb2.ExternalId(source=named.source, id=named.id) if named else None,
            fields=_fields(input),
            stage=stage_value(input.stage) if input.stage else pb.OPPORTUNITY_STAGE_UNSPECIFIED,
            source=input.source,
            external_id=input.external_id,
            opened_at=to_timestamp(input.opened_at),
            stage_since=to_timestamp(input.stage_since),
            loss_reason=input.loss_reason,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.opportunities.CreateOpportunity, request)
            return {"opportunity": opportunity_of(answer.opportunity)}

        return await mutate(CreateOpportunityPayload, work())

    @strawberry.mutation
    async def update_opportunity(self, info: Info, input: UpdateOpportunityInput) -> UpdateOpportunityPayload | None:
        client = customers_of(info)
        request = pb.UpdateOpportunityRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            version=input.version,
            fields=_fields(input),
            paths=[_PATHS.get(name, name) for name in _SAID if getattr(input, name) is not UNSET],
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.opportunities.UpdateOpportunity, request)
            return {"opportunity": opportunity_of(answer.opportunity)}

        return await mutate(UpdateOpportunityPayload, work())

    @strawberry.mutation(description="To another stage, in any direction.")
    async def move_opportunity(self, info: Info, input: MoveOpportunityInput) -> MoveOpportunityPayload | None:
        client = customers_of(info)
        request = pb.MoveOpportunityRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            version=input.version,
            stage=stage_value(input.stage),
            at=to_timestamp(input.at),
            loss_reason=input.loss_reason,
            reopen=input.reopen,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.opportunities.MoveOpportunity, request)
            return {"opportunity": opportunity_of(answer.opportunity)}

        return await mutate(MoveOpportunityPayload, work())
