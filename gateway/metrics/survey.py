"""What metrics adds to surveys in the graph: their result, and how many of those asked answered."""

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb
from strawberry import federation

from gateway.metrics.kpi import of_subject
from gateway.metrics.result import KpiResult, PeriodInput
from gateway.shared import Info, Named, Node

# A survey has one kind and one scale for ever: its answers are in one of these at most, and always in the other.
_USUAL = ("nps", "csat", "ces")
_OTHER = "survey_score"


@federation.type(keys=["id"])
class Survey(Named, Node):
    id: strawberry.ID

    @strawberry.field(
        description="NPS, CSAT or CES, by its kind; on another scale than the usual one, where answers lie on it from "
        "0 to 100. Over all time without a period; without answers its value is null."
    )
    async def result(self, info: Info, period: PeriodInput | None = None) -> KpiResult | None:
        keys = [*_USUAL, _OTHER]
        found = await of_subject(info, pb.SUBJECT_KIND_SURVEY, self.id, keys, period)
        counted = found
        if period is not None and not any(one.record.n for one in found):
            # Which one it is, is seen by the answers of other periods.
            counted = await of_subject(info, pb.SUBJECT_KIND_SURVEY, self.id, keys, None)
        return next((one for one, known in zip(found, counted, strict=True) if known.record.n), found[-1])

    @strawberry.field(description="Of the customers asked in the period, those who answered since.")
    async def response_rate(self, info: Info, period: PeriodInput | None = None) -> KpiResult | None:
        (found,) = await of_subject(info, pb.SUBJECT_KIND_SURVEY, self.id, ["survey_response_rate"], period)
        return found

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Survey":
        return cls(id=id)
