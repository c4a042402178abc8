"""Opportunities as messages, and back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import opportunity_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.customers.campaign.messages import day_from_proto, money_from_proto, money_to_proto
from services.customers.opportunity.domain import Opportunity, Stage

STAGE_TO_PROTO: Mapping[Stage, Any] = {
    stage: pb.OpportunityStage.Value(f"OPPORTUNITY_STAGE_{stage.value}") for stage in Stage
}
STAGE_FROM_PROTO: Mapping[int, Stage] = {number: stage for stage, number in STAGE_TO_PROTO.items()}


def stage_from_proto(number: int, *path: str) -> Stage:
    """InvalidInput: it is not said, or not known."""
    if number not in STAGE_FROM_PROTO:
        raise InvalidInput(f"a stage is one of {', '.join(stage.value for stage in Stage)}", path or ("stage",))
    return STAGE_FROM_PROTO[number]


def _said(name: Any, read: Callable[[Any], Any]) -> Callable[[pb.OpportunityFields], Any]:
    return lambda fields: read(getattr(fields, name)) if fields.HasField(name) else None


# Field of the message -> (field of the domain, how it is read).
_FIELDS: Mapping[str, tuple[str, Callable[[pb.OpportunityFields], Any]]] = {
    "title": ("title", lambda fields: fields.title),
    "amount": ("amount", _said("amount", lambda money: money_from_proto(money, "amount"))),
    "probability": ("own_probability", _said("probability", float)),
    "closes_on": ("closes_on", _said("closes_on", lambda text: day_from_proto(text, "closes_on"))),
    "offer_id": ("offer", _said("offer_id", str)),
    "campaign_id": ("campaign", _said("campaign_id", str)),
    "owner_id": ("owner", _said("owner_id", str)),
}


def read(fields: pb.OpportunityFields, paths: Iterable[str]) -> dict[str, Any]:
    """Fields of the domain with what is said of those that paths name. InvalidInput: there is no such field."""
    unknown = sorted(set(paths) - set(_FIELDS))
    if unknown:
        raise InvalidInput(f"an opportunity has no {unknown[0][:40]}", ("paths",))
    return {_FIELDS[path][0]: _FIELDS[path][1](fields) for path in paths}


def said_in(fields: pb.OpportunityFields) -> list[str]:
    """The paths of what is said at all."""
    return [field.name for field, _ in fields.ListFields()]


def changed_from_proto(opportunity: Opportunity, fields: pb.OpportunityFields, paths: Iterable[str]) -> Opportunity:
    return replace(opportunity, **read(fields, paths))


def to_proto(opportunity: Opportunity) -> pb.Opportunity:
    return pb.Opportunity(
        id=opportunity.id,
        customer_id=opportunity.customer,
        source_record_id=opportunity.source_record,
        title=opportunity.title,
        stage=STAGE_TO_PROTO[opportunity.stage],
        amount=money_to_proto(opportunity.amount),
        probability=opportunity.probability,
        own_probability=opportunity.own_probability is not None,
        closes_on=opportunity.closes_on.isoformat() if opportunity.closes_on is not None else None,
        offer_id=opportunity.offer,
        campaign_id=opportunity.campaign,
        owner_id=opportunity.owner,
        team_id=opportunity.team,
        source=opportunity.source,
        external_id=opportunity.external_id,
        opened_at=to_timestamp(opportunity.opened_at),
        closed_at=to_timestamp(opportunity.closed_at),
        loss_reason=opportunity.loss_reason,
        history=[
            pb.OpportunityMove(stage=STAGE_TO_PROTO[move.stage], at=to_timestamp(move.at)) for move in opportunity.moves
        ],
        version=opportunity.version,
    )


def condition_from_proto(filter: pb.OpportunityFilter) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    if filter.stages:
        stages = [stage_from_proto(number, "filter", "stages").value for number in filter.stages]
        condition["stage"] = {"$in": stages}
    for field in ("owner", "customer", "team", "campaign"):
        name: Any = f"{field}_id"
        if filter.HasField(name):
            condition[field] = getattr(filter, name)
    days = {}
    if filter.HasField("closes_from"):
        days["$gte"] = day_from_proto(filter.closes_from, "filter", "closes_from").isoformat()
    if filter.HasField("closes_to"):
        days["$lte"] = day_from_proto(filter.closes_to, "filter", "closes_to").isoformat()
    if days:
        condition["closes_on"] = days
    return condition
