"""What metrics adds to segments in the graph: figures of what their customers did while they belonged to them."""

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb
from strawberry import federation

from gateway.metrics.kpi import of_subject
from gateway.metrics.result import KpiResult, PeriodInput
from gateway.shared import Info, Named, Node


@federation.type(keys=["id"])
class Segment(Named, Node):
    id: strawberry.ID

    @strawberry.field(
        description="Of what happened while a customer belonged to it. All KPIs that are kept by segment when no keys "
        "are given; over all time without a period."
    )
    async def kpis(
        self, info: Info, keys: list[str] | None = None, period: PeriodInput | None = None
    ) -> list[KpiResult] | None:
        return await of_subject(info, pb.SUBJECT_KIND_SEGMENT, self.id, keys, period)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Segment":
        return cls(id=id)
