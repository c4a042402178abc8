"""Results and cells of a KPI as rows."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

from rundblick.metrics.v1 import kpi_pb2, kpi_pb2_grpc

from chassis.times import to_timestamp
from cli.graph import Graph, GraphError
from cli.services import connected

_RESULT = """n value mean standardDeviation min max interval { lower upper }
  quantiles(p: [0.5, 0.9, 0.99]) { p value } open { open closedUnanswered medianCountingOpen { value } }
  withinTarget { hit missed notYetDue share } period { start end } unit definitionVersion freshness
  partial { code }"""
_WHOLE = f"""query($key: String!, $period: PeriodInput!) {{ kpi(key: $key) {{
  result(period: $period) {{ {_RESULT} }} }} }}"""
_SERIES = f"""query($key: String!, $period: PeriodInput!, $granularity: Granularity!) {{ kpi(key: $key) {{
  series(period: $period, granularity: $granularity) {{ result {{ {_RESULT} }} }} }} }}"""
_BREAKDOWN = f"""query($key: String!, $period: PeriodInput!, $by: [String!]!) {{ kpi(key: $key) {{
  breakdown(period: $period, by: $by) {{ key {{ value }} result {{ {_RESULT} }} }} }} }}"""

_ZONE = """query($key: String!, $period: PeriodInput!) { kpi(key: $key) {
  result(period: $period) { period { timeZone } } } }"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """From the first day to before the end. every: a granularity; None: the whole period at once."""

    key: str
    first: date
    end: date
    by: tuple[str, ...] = ()
    every: str | None = None

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When these days begin there. Of any other moment the whole day would be answered, which nobody asked for."""
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (self.first, self.end))
        return begin.astimezone(UTC), end.astimezone(UTC)


class Writer:
    """Rows that all have the same columns."""

    def __init__(self, file: IO[str], format: str) -> None:
        self._file = file
        self._format = format
        self._csv: csv.DictWriter[str] | None = None
        self.count = 0

    def __call__(self, row: Mapping[str, object]) -> None:
        self.count += 1
        if self._format == "jsonl":
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            return
        if self._csv is None:
            self._csv = csv.DictWriter(self._file, list(row), lineterminator="\n")
            self._csv.writeheader()
        self._csv.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is written so that it does not."""
    if isinstance(value, dict):
        return json.dumps(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def reporting_zone(graph: Graph, wanted: Wanted) -> ZoneInfo:
    """In which the days of this deployment begin: every result says so. GraphError: as write_results."""
    period = {"start": f"{wanted.first}T00:00:00Z", "end": f"{wanted.first + timedelta(days=1)}T00:00:00Z"}
    return ZoneInfo(_kpi(graph, wanted.key, _ZONE, period=period)["result"]["period"]["timeZone"])


def write_results(graph: Graph, wanted: Wanted, write: Writer) -> None:
    """GraphError: there is no such KPI, or it is not kept so."""
    for row in _rows(graph, wanted):
        write(row)


def _rows(graph: Graph, wanted: Wanted) -> Iterator[dict[str, object]]:
    start, end = wanted.moments(reporting_zone(graph, wanted))
    period = {"start": start.isoformat(), "end": end.isoformat()}
    if wanted.every is None:
        yield from _of_period(graph, wanted, period)
        return
    granularity = wanted.every.upper()
    if granularity not in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
        raise GraphError(f"{wanted.every} is not day, week, month, quarter or year")
    points = _kpi(graph, wanted.key, _SERIES, period=period, granularity=granularity)["series"]
    for point in points:
        if wanted.by:
            yield from _of_period(graph, wanted, point["result"]["period"])
        else:
            yield _row(wanted, (), point["result"])


def _of_period(graph: Graph, wanted: Wanted, period: Mapping[str, str]) -> Iterator[dict[str, object]]:
    if not wanted.by:
        yield _row(wanted, (), _kpi(graph, wanted.key, _WHOLE, period=period)["result"])
        return
    for row in _kpi(graph, wanted.key, _BREAKDOWN, period=period, by=wanted.by)["breakdown"]:
        yield _row(wanted, [one["value"] for one in row["key"]], row["result"])


def _kpi(graph: Graph, key: str, query: str, **variables: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = graph.ask(query, key=key, **variables)["kpi"]
    if found is None:
        raise GraphError(f"there is no KPI {key}: see rundblick kpi list")
    return found


def _row(wanted: Wanted, values: Sequence[str], result: Mapping[str, Any]) -> dict[str, object]:
    interval, open, within = result["interval"] or {}, result["open"] or {}, result["withinTarget"] or {}
    return {
        "kpi": wanted.key,
        "version": result["definitionVersion"],
        "start": result["period"]["start"],
        "end": result["period"]["end"],
        **dict(zip(wanted.by, values, strict=True)),
        "n": result["n"],
        "value": result["value"],
        "unit": result["unit"],
        "lower": interval.get("lower"),
        "upper": interval.get("upper"),
        "mean": result["mean"],
        "standard_deviation": result["standardDeviation"],
        "min": result["min"],
        "max": result["max"],
        **{f"p{one['p'] * 100:g}": one["value"] for one in result["quantiles"]},
        "open": open.get("open"),
        "closed_unanswered": open.get("closedUnanswered"),
        "median_counting_open": (open.get("medianCountingOpen") or {}).get("value"),
        "hit": within.get("hit"),
        "missed": within.get("missed"),
        "not_yet_due": within.get("notYetDue"),
        "share_within_target": within.get("share"),
        "partial": (result["partial"] or {}).get("code"),
        "freshness": result["freshness"],
    }


async def write_cells(address: str, token: str | None, wanted: Wanted, zone: ZoneInfo, write: Writer) -> None:
    """DomainError: there is no such KPI, or no such cells."""
    start, end = wanted.moments(zone)
    request = kpi_pb2.ExportCellsRequest(
        kpi=wanted.key,
        period=kpi_pb2.Period(start=to_timestamp(start), end=to_timestamp(end)),
        by=wanted.by,
    )
    async with connected(address, token) as metrics:
        async for answer in metrics.stream(kpi_pb2_grpc.KpiServiceStub, "ExportCells", request):
            for cell in answer.cells:
                write(
                    {
                        "kpi": wanted.key,
                        "day": cell.day,
                        **{one.dimension: one.value for one in cell.values},
                        "days_until_end": cell.days_until_end if cell.HasField("days_until_end") else None,
                        "n": cell.n,
                        "sum": cell.sum,
                        "sum_of_squares": cell.sum_of_squares,
                        "within_target": cell.within_target,
                        "open": cell.open,
                        "closed_unanswered": cell.closed_unanswered,
                        "bins": dict(sorted(cell.bins.items())),
                        "excluded": dict(sorted(cell.excluded.items())),
                    }
                )
