"""Segments as messages, and back."""

from datetime import datetime
from typing import Any

from rundblick.customers.v1 import segment_pb2 as pb

from chassis.page import Slice, encode_cursor, page_info
from chassis.times import to_timestamp
from services.customers.job.messages import to_proto as job_to_proto
from services.customers.segment.domain import Segment, Shown, TargetMarket


def from_proto(fields: pb.SegmentFields, id: str) -> Segment:
    """InvalidInput: what cannot be kept, with the field."""

    def said(message: Any, name: str) -> str | None:
        text: str = getattr(message, name)
        return text if message.HasField(name) else None

    market = fields.target_market
    return Segment(
        id=id,
        key=fields.key,
        name=fields.name,
        description=said(fields, "description"),
        expectations=tuple(fields.expectations),
        market=TargetMarket(
            industry=said(market, "industry"),
            region=said(market, "region"),
            company_size=said(market, "company_size"),
        ),
        rule=said(fields, "rule"),
        owner=said(fields, "owner_id"),
    )


def to_proto(shown: Shown, now: datetime) -> pb.Segment:
    segment = shown.segment
    market = segment.market
    fields = pb.SegmentFields(
        key=segment.key,
        name=segment.name,
        description=segment.description,
        expectations=segment.expectations,
        target_market=pb.TargetMarket(industry=market.industry, region=market.region, company_size=market.company_size),
        rule=segment.rule,
        owner_id=segment.owner,
    )
    return pb.Segment(
        id=segment.id,
        fields=fields,
        active=segment.active,
        source=segment.source,
        version=segment.version,
        size=shown.size,
        errors=shown.errors,
        evaluation=job_to_proto(shown.evaluation, now) if shown.evaluation is not None else None,
    )


def page_to_proto(part: Slice[Shown], now: datetime) -> pb.SegmentPage:
    edges = [
        pb.SegmentEdge(cursor=encode_cursor(boundary), node=to_proto(shown, now))
        for shown, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.SegmentPage(edges=edges, page_info=page_info(part))


def customers_to_proto(part: Slice[tuple[str, datetime]]) -> pb.SegmentCustomerPage:
    edges = [
        pb.SegmentCustomerEdge(cursor=encode_cursor(boundary), customer_id=customer, since=to_timestamp(since))
        for (customer, since), boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.SegmentCustomerPage(edges=edges, page_info=page_info(part))
