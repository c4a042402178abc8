"""Results of KPIs in the graph: what was asked for is seen beforehand and fetched at once."""

import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb
from strawberry.scalars import JSON

from chassis.times import to_timestamp
from gateway.selection import Selection
from gateway.shared import Info, Message, moment, needed, present

if TYPE_CHECKING:
    from gateway.metrics.alert import KpiAlert
    from gateway.metrics.kpi import Kpi

# As JSON writes numbers, and short enough for every client to hold them: 007 and long ids stay texts.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@strawberry.input(description="Half-open; aligned outwards to what figures are kept by: the answer says to what.")
class PeriodInput:
    start: datetime
    end: datetime
    time_zone: str | None = None

    def to_proto(self) -> pb.Period:
        return pb.Period(start=to_timestamp(self.start), end=to_timestamp(self.end), time_zone=self.time_zone or "")


@strawberry.type(description="Half-open.")
class Period:
    start: datetime
    end: datetime
    time_zone: str

    @classmethod
    def of(cls, period: pb.Period) -> "Period":
        return cls(start=needed(period, "start"), end=needed(period, "end"), time_zone=period.time_zone)


@strawberry.type
class Interval:
    value: float
    lower: float | None
    upper: float | None
    confidence: float

    @classmethod
    def of(cls, interval: pb.Interval) -> "Interval":
        return cls(
            value=interval.value,
            lower=present(interval, "lower"),
            upper=present(interval, "upper"),
            confidence=interval.confidence,
        )


@strawberry.type
class KpiTarget:
    value: float = strawberry.field(description="Inclusive, in the KPI's unit.")
    since: date | None = strawberry.field(description="The first day it is meant for.")
    until: date | None = strawberry.field(description="By then it shall be reached.")

    @classmethod
    def of(cls, target: pb.KpiTarget) -> "KpiTarget":
        since, until = present(target, "since"), present(target, "until")
        return cls(
            value=target.value,
            since=date.fromisoformat(since) if since else None,
            until=date.fromisoformat(until) if until else None,
        )


@strawberry.type
class Quantile:
    p: float
    value: float | None


@strawberry.type
class HistogramBin:
    lower: float
    upper: float
    count: int


@strawberry.type
class CurvePoint:
    seconds: float
    waiting_share: float = strawberry.field(description="The share that still waits after so long (Kaplan-Meier).")
    at_risk: int


@strawberry.type(description="share: hit of those due.")
class TargetShare:
    hit: int
    missed: int
    not_yet_due: int
    share: float | None
    interval: Interval | None

    @classmethod
    def of(cls, share: pb.TargetShare) -> "TargetShare":
        return cls(
            hit=share.hit,
            missed=share.missed,
            not_yet_due=share.not_yet_due,
            share=present(share, "share"),
            interval=Interval.of(share.interval) if share.HasField("interval") else None,
        )


@strawberry.type(description="A wait without an end belongs to the population.")
class OpenWaits:
    received: int
    open: int
    closed_unanswered: int
    oldest_seconds: float | None
    median_counting_open: Interval | None = strawberry.field(
        description="Kaplan-Meier; null when more than half still wait."
    )
    curves: strawberry.Private[dict[int, list[CurvePoint]]]

    @strawberry.field
    def curve(self, points: int = 50) -> list[CurvePoint]:
        return self.curves[points]

    @classmethod
    def of(cls, open: pb.OpenWaits) -> "OpenWaits":
        median = Interval.of(open.median_counting_open) if open.HasField("median_counting_open") else None
        return cls(
            received=open.received,
            open=open.open,
            closed_unanswered=open.closed_unanswered,
            oldest_seconds=present(open, "oldest_seconds"),
            median_counting_open=median,
            curves={
                curve.points: [
                    CurvePoint(seconds=p.seconds, waiting_share=p.waiting_share, at_risk=p.at_risk)
                    for p in curve.values
                ]
                for curve in open.curves
            },
        )


@strawberry.type
class Exclusion:
    reason: str
    count: int


KpiRef = Annotated["Kpi", strawberry.lazy("gateway.metrics.kpi")]
AlertRef = Annotated["KpiAlert", strawberry.lazy("gateway.metrics.alert")]


@strawberry.type
class KpiResult:
    record: strawberry.Private[pb.KpiResult]

    @strawberry.field
    def kpi(self) -> KpiRef:
        from gateway.metrics.kpi import Kpi  # noqa: PLC0415  # the two know each other

        return Kpi(id=strawberry.ID(self.record.kpi_id))

    @strawberry.field(description="The one used: aligned outwards.")
    def period(self) -> Period:
        return Period.of(self.record.period)

    @strawberry.field
    def unit(self) -> str:
        return self.record.unit

    @strawberry.field(description="Everything received until then is counted.")
    def freshness(self) -> datetime:
        return needed(self.record, "freshness")

    @strawberry.field(description="Observations with a value.")
    def n(self) -> int:
        return self.record.n

    @strawberry.field
    def value(self) -> float | None:
        return _number(self.record, "value")

    @strawberry.field
    def mean(self) -> float | None:
        return _number(self.record, "mean")

    @strawberry.field
    def standard_deviation(self) -> float | None:
        return _number(self.record, "standard_deviation")

    @strawberry.field
    def min(self) -> float | None:
        return _number(self.record, "min")

    @strawberry.field
    def max(self) -> float | None:
        return _number(self.record, "max")

    @strawberry.field(description="Of the value, where one is defined.")
    def interval(self) -> Interval | None:
        return Interval.of(self.record.interval) if self.record.HasField("interval") else None

    @strawberry.field(description="Nearest rank, relative error at most 1 %.")
    def quantiles(self, p: list[float]) -> list[Quantile]:
        values = {quantile.p: present(quantile, "value") for quantile in self.record.quantiles}
        return [Quantile(p=wanted, value=values.get(wanted)) for wanted in p]

    @strawberry.field
    def histogram(self, bins: int = 20) -> list[HistogramBin]:
        for histogram in self.record.histograms:
            if histogram.bins == bins:
                return [HistogramBin(lower=b.lower, upper=b.upper, count=b.count) for b in histogram.values]
        return []

    @strawberry.field(description="Durations only.")
    def open(self) -> OpenWaits | None:
        return OpenWaits.of(self.record.open) if self.record.HasField("open") else None

    @strawberry.field
    def within_target(self) -> TargetShare | None:
        return TargetShare.of(self.record.within_target) if self.record.HasField("within_target") else None

    @strawberry.field(description="Where one is meant for the period.")
    def target(self) -> KpiTarget | None:
        return KpiTarget.of(self.record.target) if self.record.HasField("target") else None

    @strawberry.field(description="What is left out, and why.")
    def excluded(self) -> list[Exclusion]:
        return [Exclusion(reason=one.reason, count=one.count) for one in self.record.excluded]

    @strawberry.field(description="The end of the past day as which it was asked for; null: as things stand now.")
    def as_of(self) -> datetime | None:
        return moment(self.record, "as_of")

    @strawberry.field(description="Why something is not shown; where nothing is, n is 0.")
    def withheld(self) -> Message | None:
        return message_of(self.record.withheld) if self.record.HasField("withheld") else None

    @strawberry.field(description="What is missing in it: stored events still to be counted, or gone.")
    def partial(self) -> Message | None:
        return message_of(self.record.partial) if self.record.HasField("partial") else None

    @strawberry.field(description="Of the KPI in total, open now, whatever the result is of; none for a partner.")
    async def alerts(self, info: Info) -> list[AlertRef]:
        from gateway.metrics.alert import open_alerts  # noqa: PLC0415  # the two know each other

        return await open_alerts(info, self.record.kpi_key)

    @strawberry.field(description="The version of the definition whose figures these are.")
    def definition_version(self) -> int:
        return self.record.definition_version


def message_of(said: pb.LocalizedMessage) -> Message:
    parameters = {name: _parameter(text) for name, text in said.parameters.items()}
    return Message(code=said.code, parameters=JSON(parameters), text=said.text)


def _parameter(text: str) -> str | int | float:
    found = _NUMBER.fullmatch(text)
    if found is None or not math.isfinite(float(text)):
        return text
    return float(text) if found[1] or found[2] else int(text)


def _number(record: pb.KpiResult, name: str) -> float | None:
    number: float | None = present(record, name)
    return number


def wanted(info: Info, *path: str) -> pb.ResultSelection:
    """What is asked of the results at this path below the present field."""
    result = Selection.of(info).below(*path)
    open = result.below("open")
    return pb.ResultSelection(
        quantiles=[p for one in result.below("quantiles").arguments("KpiResult") for p in one["p"]],
        histogram_bins=[one["bins"] for one in result.below("histogram").arguments("KpiResult")],
        curve_points=[one["points"] for one in open.below("curve").arguments("OpenWaits")],
        open=bool(open),
    )
