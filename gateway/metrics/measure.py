"""What metrics adds to measures in the graph: whether the KPI they aim at moved."""

import strawberry
from rundblick.metrics.v1 import comparison_pb2
from strawberry import federation

from chassis.errors import NotFound
from gateway.errors import ServiceError
from gateway.metrics.comparison import Comparison, compare_change, days_of
from gateway.metrics.result import wanted
from gateway.shared import Info, Named, Node


@federation.type(keys=["id"])
class Measure(Named, Node):
    id: strawberry.ID

    @strawberry.field(
        description="Did the KPI it aims at move? So long (days or weeks: P90D, P12W) after it was introduced as "
        "before it. Null while it aims at nothing or was not introduced: effectAwaits says which."
    )
    async def effect(self, info: Info, window: str = "P90D") -> Comparison | None:
        request = comparison_pb2.CompareChangeRequest(
            change_id=self.id,
            days=days_of(window),
            language=info.context.language,
            baseline_selection=wanted(info, "baseline"),
            current_selection=wanted(info, "current"),
        )
        try:
            return await compare_change(info, request)
        except ServiceError as error:
            # Of a KPI that is not there any more the caller is told.
            if isinstance(error.error, NotFound) and error.error.path in (("id",), ("aims_at",)):
                return None
            raise

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Measure":
        return cls(id=id)
