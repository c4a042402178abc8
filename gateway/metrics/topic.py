"""What metrics adds to topics in the graph: how much they are asked for."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb
from strawberry import federation

from gateway.errors import bad_input
from gateway.metrics.client import metrics_of
from gateway.metrics.result import Period, PeriodInput
from gateway.metrics.segment import Segment
from gateway.shared import Info, Named, Node

# Without a period.
_USUAL = timedelta(days=90)
_MENTIONS, _CUSTOMERS = "topic_mentions", "topic_customers"


@strawberry.type(description="Against the period of the same length before.")
class DemandTrend:
    mentions_before: int
    customers_before: int
    growth: float | None = strawberry.field(
        description="Of the mentions: 0.5 is half as many more, -1 none any more; null: there were none before."
    )


@strawberry.type(
    description="Of customers who belonged to the segment when they spoke; who belonged to two is in both."
)
class SegmentDemand:
    segment: Segment
    mentions: int
    customers: int


@strawberry.type(description="How much a topic is asked for, by feedback that is no duplicate.")
class TopicDemand:
    period: Period
    mentions: int
    customers: int = strawberry.field(description="Different ones.")
    trend: DemandTrend
    topic: strawberry.Private[str]
    asked: strawberry.Private[pb.Period]

    @strawberry.field(description="The most mentions first.")
    async def by_segment(self, info: Info) -> list[SegmentDemand] | None:
        arguments = pb.GetBreakdownRequest(query=pb.ResultQuery(period=self.asked), by=["topic", "segment"])
        return [
            SegmentDemand(segment=Segment(id=strawberry.ID(id)), mentions=mentions, customers=customers)
            for id, mentions, customers in await metrics_of(info).topic_segments.load(self.topic, arguments)
        ]


@federation.type(keys=["id"])
class Topic(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="In the last 90 days without a period; of the customers of one segment, or of all.")
    async def demand(
        self, info: Info, period: PeriodInput | None = None, segment: strawberry.ID | None = None
    ) -> TopicDemand | None:
        now = datetime.now(UTC)
        asked = period or PeriodInput(start=now - _USUAL, end=now)
        if asked.start.utcoffset() is None or asked.end.utcoffset() is None or asked.end <= asked.start:
            raise bad_input("a period ends after it starts, and both say their offset", "period")
        before = PeriodInput(start=asked.start - (asked.end - asked.start), end=asked.start, time_zone=asked.time_zone)
        where = [pb.DimensionFilter(dimension="topic", values=[self.id])]
        if segment is not None:
            where.append(pb.DimensionFilter(dimension="segment", values=[segment]))
        queries = [
            pb.ResultQuery(kpi=kpi, period=one.to_proto(), where=where)
            for one in (asked, before)
            for kpi in (_MENTIONS, _CUSTOMERS)
        ]
        # Those of a whole page of topics are one call.
        answers = await asyncio.gather(*(metrics_of(info).result(query) for query in queries))
        mentions, customers, mentions_before, customers_before = answers
        earlier = _count(mentions_before)
        return TopicDemand(
            period=Period.of(mentions.period),
            mentions=_count(mentions),
            customers=_count(customers),
            trend=DemandTrend(
                mentions_before=earlier,
                customers_before=_count(customers_before),
                growth=(_count(mentions) - earlier) / earlier if earlier else None,
            ),
            topic=self.id,
            asked=asked.to_proto(),
        )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Topic":
        return cls(id=id)


def _count(result: Any) -> int:
    return round(result.value) if result.HasField("value") else 0
