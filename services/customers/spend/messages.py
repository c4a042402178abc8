"""Spend as messages, and back."""

from rundblick.customers.v1 import spend_pb2 as pb

from services.customers.campaign.messages import day_from_proto, money_from_proto, money_to_proto
from services.customers.spend.domain import Spend


def from_proto(request: pb.RecordSpendRequest, id: str) -> Spend:
    return Spend(
        id=id,
        amount=money_from_proto(request.amount, "amount"),
        day=day_from_proto(request.day, "day"),
        source=request.source or "rundblick",
        campaign=request.campaign_id or None,
        touchpoint=request.touchpoint_id or None,
        note=request.note or None,
        external_id=request.external_id or None,
    )


def to_proto(spend: Spend) -> pb.Spend:
    return pb.Spend(
        id=spend.id,
        campaign_id=spend.campaign,
        touchpoint_id=spend.touchpoint,
        amount=money_to_proto(spend.amount),
        day=spend.day.isoformat(),
        note=spend.note,
        source=spend.source,
        external_id=spend.external_id,
        version=spend.version,
    )
