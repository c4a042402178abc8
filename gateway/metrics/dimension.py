"""Dimensions in the graph: what figures are narrowed by, and what their parts are called."""

from collections.abc import Iterable

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb


@strawberry.input
class DimensionFilter:
    dimension: str
    in_: list[str] = strawberry.field(name="in")


@strawberry.type(description="value: empty where it is not known.")
class DimensionValue:
    dimension: str
    value: str
    label: str | None


def filters(where: Iterable[DimensionFilter] | None) -> list[pb.DimensionFilter]:
    return [pb.DimensionFilter(dimension=one.dimension, values=one.in_) for one in where or ()]


def key_of(values: Iterable[pb.DimensionValue]) -> list[DimensionValue]:
    return [DimensionValue(dimension=one.dimension, value=one.value, label=None) for one in values]
