"""Campaigns as messages, and back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from rundblick.customers.v1 import campaign_pb2 as pb
from rundblick.shared.v1 import money_pb2

from chassis.errors import InvalidInput
from chassis.money import Money, read_money
from services.customers.campaign.domain import Campaign, Goal, Status

STATUS_TO_PROTO: Mapping[Status, Any] = {
    status: pb.CampaignStatus.Value(f"CAMPAIGN_STATUS_{status.value}") for status in Status
}
STATUS_FROM_PROTO: Mapping[int, Status] = {number: status for status, number in STATUS_TO_PROTO.items()}


def status_from_proto(number: int) -> Status:
    """InvalidInput: it is not known."""
    if number not in STATUS_FROM_PROTO:
        raise InvalidInput(f"a status is one of {', '.join(status.value for status in Status)}", ("status",))
    return STATUS_FROM_PROTO[number]


def day_from_proto(text: str, *path: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("a date reads like 2026-03-31", path) from None


def money_to_proto(money: Money | None) -> money_pb2.Money | None:
    return None if money is None else money_pb2.Money(amount=f"{money.amount:f}", currency=money.currency)


def money_from_proto(message: money_pb2.Money, *path: str) -> Money:
    return read_money(message.amount, message.currency, path)


def _optional_money(fields: pb.CampaignFields, name: Any) -> Money | None:
    return money_from_proto(getattr(fields, name), name) if fields.HasField(name) else None


def _goal(fields: pb.CampaignFields) -> Goal | None:
    if not fields.HasField("goal"):
        return None
    goal = fields.goal
    return Goal(goal.kpi, goal.target, day_from_proto(goal.due_on, "goal", "due_on"))


# Field of the message -> (field of the domain, how it is read).
_FIELDS: Mapping[str, tuple[str, Callable[[pb.CampaignFields], Any]]] = {
    "name": ("name", lambda fields: fields.name),
    "objective": ("objective", lambda fields: fields.objective),
    "goal": ("goal", _goal),
    "status": ("status", lambda fields: status_from_proto(fields.status)),
    "starts_on": ("starts_on", lambda fields: day_from_proto(fields.starts_on, "starts_on")),
    "ends_on": ("ends_on", lambda fields: day_from_proto(fields.ends_on, "ends_on")),
    "budget": ("budget", lambda fields: money_from_proto(fields.budget, "budget")),
    "expected_cost": ("expected_cost", lambda fields: _optional_money(fields, "expected_cost")),
    "expected_revenue": ("expected_revenue", lambda fields: _optional_money(fields, "expected_revenue")),
    "expected_reach": (
        "expected_reach",
        lambda fields: fields.expected_reach if fields.HasField("expected_reach") else None,
    ),
    "touchpoint_ids": ("touchpoints", lambda fields: tuple(fields.touchpoint_ids)),
    "segment_ids": ("segments", lambda fields: tuple(fields.segment_ids)),
    "owner_id": ("owner", lambda fields: fields.owner_id or None),
}


def new_from_proto(fields: pb.CampaignFields, id: str) -> Campaign:
    read = {
        name: get(fields)
        for field, (name, get) in _FIELDS.items()
        if field != "status" or fields.status != pb.CAMPAIGN_STATUS_UNSPECIFIED
    }
    return Campaign(id=id, **read)


def changed_from_proto(campaign: Campaign, fields: pb.CampaignFields, paths: list[str]) -> Campaign:
    """With the fields that paths name. InvalidInput: there is no such field."""
    unknown = sorted(set(paths) - set(_FIELDS))
    if unknown:
        raise InvalidInput(f"a campaign has no {unknown[0][:40]}", ("paths",))
    return replace(campaign, **{_FIELDS[path][0]: _FIELDS[path][1](fields) for path in paths})


def to_proto(campaign: Campaign) -> pb.Campaign:
    goal = campaign.goal
    return pb.Campaign(
        id=campaign.id,
        name=campaign.name,
        objective=campaign.objective,
        goal=pb.CampaignGoal(kpi=goal.kpi, target=goal.target, due_on=goal.due_on.isoformat()) if goal else None,
        status=STATUS_TO_PROTO[campaign.status],
        starts_on=campaign.starts_on.isoformat(),
        ends_on=campaign.ends_on.isoformat(),
        budget=money_to_proto(campaign.budget),
        expected_cost=money_to_proto(campaign.expected_cost),
        expected_revenue=money_to_proto(campaign.expected_revenue),
        expected_reach=campaign.expected_reach,
        touchpoint_ids=campaign.touchpoints,
        segment_ids=campaign.segments,
        owner_id=campaign.owner,
        team_id=campaign.team,
        source=campaign.source,
        version=campaign.version,
    )


def condition_from_proto(filter: pb.CampaignFilter) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    if filter.statuses:
        condition["status"] = {"$in": [status_from_proto(number).value for number in filter.statuses]}
    if filter.touchpoint_ids:
        condition["touchpoints"] = {"$in": list(filter.touchpoint_ids)}
    if filter.HasField("owner_id"):
        condition["owner"] = filter.owner_id
    if filter.HasField("to"):
        condition["starts_on"] = {"$lte": day_from_proto(filter.to, "filter", "to").isoformat()}
    if filter.HasField("from"):
        condition["ends_on"] = {"$gte": day_from_proto(getattr(filter, "from"), "filter", "from").isoformat()}
    return condition
