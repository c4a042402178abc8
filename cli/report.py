"""Asks the graph for all that a report of a month needs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cli.exporting import Wanted, reporting_zone
from cli.graph import Graph
from cli.report_model import (
    BACK,
    NOT_COMPARABLE,
    Effect,
    Figure,
    Look,
    Month,
    Point,
    Report,
    ReportFault,
    Side,
    Subject,
    adjusted,
    settled,
    usable_p,
)

# A comparison takes some tenths of a second, and an operation has ten: so few of them do not run into its end.
_AT_ONCE = 4
_TOUCHPOINT = "touchpoint"
# How far back the picture reaches, the month itself among them.
MONTHS_SHOWN = 13

_DEFINITION = "key name description unit direction definition { aggregation of dimensionSets { dimensions } }"
_KPIS = f"{{ kpis {{ {_DEFINITION} }} }}"
_KPI = f"query($key: String!) {{ kpi(key: $key) {{ {_DEFINITION} }} }}"
_DATA = """query($keys: [String!], $month: PeriodInput!, $asOf: DateTime) { kpis(keys: $keys) { key
  result(period: $month, asOf: $asOf) { n open { received } target { value } } } }"""
_OVERVIEW = """query($key: String!, $past: PeriodInput!, $month: PeriodInput!, $previousMonth: PeriodInput!,
    $yearBefore: PeriodInput!, $asOf: DateTime, $parts: Boolean!) { kpi(key: $key) {
  series(period: $past, granularity: WEEK, asOf: $asOf) { period { start end } result { n value } }
  month: breakdown(period: $month, by: ["touchpoint"], asOf: $asOf) @include(if: $parts) { ...part }
  previousMonth: breakdown(period: $previousMonth, by: ["touchpoint"], asOf: $asOf) @include(if: $parts) { ...part }
  yearBefore: breakdown(period: $yearBefore, by: ["touchpoint"], asOf: $asOf) @include(if: $parts) { ...part } } }
fragment part on KpiBreakdownRow { key { value } result { n } }"""
_NAMES = """query($after: String) { touchpoints(first: 100, after: $after) {
  edges { node { id name } } pageInfo { hasNextPage endCursor } } }"""
_SAID = """verdict because { text } warnings { text } baseline { n value } current { n value withheld { text }
  partial { text } } nBaseline nCurrent measure effect { value lower upper } effectSize pValue test"""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """keys: of KPIs; none: all that have anything in the month."""

    month: Month
    keys: tuple[str, ...] = ()
    language: str = "en"


class Gathering:
    """all_touchpoints, unknown: what the total, and facts without a touchpoint, are called."""

    def __init__(
        self, graph: Graph, asked: Asked, now: datetime, all_touchpoints: str, unknown: str, progress: Progress
    ) -> None:
        self._graph = graph
        self._asked = asked
        self._now = now
        self._all = all_touchpoints
        self._unknown = unknown
        self._progress = progress

    def report(self) -> Report:
        """ReportFault, GraphError: why there is none."""
        asked, month = self._asked, self._asked.month
        known = {kpi["key"]: kpi for kpi in self._graph.ask(_KPIS)["kpis"]}
        kpis = {key: known.get(key) or self._kpi(key) for key in sorted(asked.keys or known)}
        if not kpis:
            raise ReportFault("there are no KPIs: see rundblick kpi apply")
        day = self._now.date()
        zone = reporting_zone(self._graph, Wanted(min(kpis), day, day + timedelta(days=1)))
        today = self._now.astimezone(zone).date()
        if month > Month.of(today):
            raise ReportFault(f"{month} lies in the future: this month is {Month.of(today)}")
        settles = settled(month)
        # Of this month and the last one it is never past.
        as_of = settles if settles <= today else None
        periods = {
            "month": _period(month.first, month.plus(1).first, zone),
            **{name: _period(month.plus(-back).first, month.plus(1 - back).first, zone) for name, back in BACK.items()},
            "asOf": _moment(as_of, zone) if as_of is not None else None,
        }
        data = self._graph.ask(_DATA, keys=list(kpis), month=periods["month"], asOf=periods["asOf"])["kpis"]
        results = {kpi["key"]: kpi["result"] for kpi in data}
        wanted = [key for key in kpis if asked.keys or _any(results[key])]
        divided = self._divided([kpis[key] for key in wanted], known)
        names = self._names() if divided else {}
        past = _period(month.plus(1 - MONTHS_SHOWN).first, month.plus(1).first, zone)
        end = min(month.plus(1).first, as_of or today)
        figures = []
        for place, key in enumerate(wanted, 1):
            self._progress(f"{place} of {len(wanted)}: {key}")
            parts = key in divided
            seen = self._graph.ask(_OVERVIEW, key=key, past=past, parts=parts, **periods)["kpi"]
            touchpoints = _touchpoints(seen) if parts else []
            looks = self._looks(key, touchpoints, periods, by_touchpoint=parts)
            labels = {None: self._all, "": self._unknown, **names}
            target = results[key]["target"]
            figures.append(
                Figure(
                    key=key,
                    name=kpis[key]["name"],
                    description=kpis[key]["description"] or "",
                    unit=kpis[key]["unit"],
                    direction=kpis[key]["direction"],
                    aggregation=kpis[key]["definition"]["aggregation"],
                    target=target["value"] if target else None,
                    series=tuple(_points(seen["series"], month.plus(1 - MONTHS_SHOWN).first, end, zone)),
                    subjects=tuple(
                        Subject(touchpoint, labels.get(touchpoint) or str(touchpoint), found)
                        for touchpoint, found in looks.items()
                    ),
                )
            )
        over = month < Month.of(today)
        return adjusted(Report(month, asked.language, zone.key, over, as_of, settles, tuple(figures)))

    def _kpi(self, key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = self._graph.ask(_KPI, key=key)["kpi"]
        if found is None:
            raise ReportFault(f"there is no KPI {key}: see rundblick kpi list")
        return found

    def _divided(self, wanted: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """The keys of those that are kept by touchpoint; of a derived one, when all are that it is derived from."""
        found = set()
        for kpi in wanted:
            kept = [known.get(key) or self._kpi(key) for key in kpi["definition"]["of"]] or [kpi]
            sets = [[one["dimensions"] for one in operand["definition"]["dimensionSets"]] for operand in kept]
            if all([_TOUCHPOINT] in those for those in sets):
                found.add(kpi["key"])
        return found

    def _names(self) -> dict[str | None, str]:
        names: dict[str | None, str] = {}
        after = None
        while True:
            page = self._graph.ask(_NAMES, after=after)["touchpoints"]
            names |= {edge["node"]["id"]: edge["node"]["name"] for edge in page["edges"]}
            if not page["pageInfo"]["hasNextPage"]:
                return names
            after = page["pageInfo"]["endCursor"]

    def _looks(
        self, key: str, touchpoints: Sequence[str], periods: Mapping[str, Any], *, by_touchpoint: bool
    ) -> dict[str | None, tuple[Look, ...]]:
        wanted = [(touchpoint, against) for touchpoint in (None, *touchpoints) for against in BACK]
        found: dict[str | None, tuple[Look, ...]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            names = {f"c{place}": one for place, one in enumerate(some)}
            where = {
                f"where{name}": None if touchpoint is None else [{"dimension": _TOUCHPOINT, "in": [touchpoint]}]
                for name, (touchpoint, _) in names.items()
            }
            # Within the total the mix of touchpoints can say the opposite; within one there is none.
            by = {f"by{name}": [_TOUCHPOINT] if t is None and by_touchpoint else None for name, (t, _) in names.items()}
            query = _comparing({name: against for name, (_, against) in names.items()})
            data, refused = self._graph.ask_each(query, key=key, **periods, **where, **by)
            for name, (touchpoint, against) in names.items():
                kpi = data.get(name)
                look = _look(against, kpi["compare"]) if kpi else _refused(against, refused[name])
                found[touchpoint] = (*found.get(touchpoint, ()), look)
        return found


def _comparing(names: Mapping[str, str]) -> str:
    """names: of a field, and of what the month is compared with."""
    declared = " ".join(f"$where{name}: [DimensionFilter!] $by{name}: [String!]" for name in names)
    periods = " ".join(f"${against}: PeriodInput!" for against in sorted(set(names.values())))
    fields = "\n".join(
        f"{name}: kpi(key: $key) {{ compare(baseline: ${against}, current: $month, where: $where{name}, "
        f"stratifyBy: $by{name}, asOf: $asOf) {{ ...said }} }}"
        for name, against in names.items()
    )
    return f"""query($key: String!, $month: PeriodInput!, $asOf: DateTime {periods} {declared}) {{ {fields} }}
      fragment said on Comparison {{ {_SAID} }}"""


def _any(result: Mapping[str, Any]) -> bool:
    return result["n"] > 0 or bool(result["open"] and result["open"]["received"])


def _moment(day: date, zone: ZoneInfo) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).isoformat()


def _period(first: date, end: date, zone: ZoneInfo) -> dict[str, str]:
    return {"start": _moment(first, zone), "end": _moment(end, zone)}


def _touchpoints(seen: Mapping[str, Any]) -> list[str]:
    """Those with anything in one of the three months; busiest of this month first."""
    counts: dict[str, int] = {}
    for name in ("month", *BACK):
        for row in seen[name]:
            counts.setdefault(row["key"][0]["value"], row["result"]["n"] if name == "month" else 0)
    return sorted(counts, key=lambda value: (-counts[value], value))


def _points(series: Iterable[Mapping[str, Any]], first: date, end: date, zone: ZoneInfo) -> Iterable[Point]:
    """Whole weeks. Before the first in which there was anything nothing is known, not even that there was nothing."""
    begun = False
    for one in series:
        days = [datetime.fromisoformat(one["period"][name]).astimezone(zone).date() for name in ("start", "end")]
        if days[0] < first or days[1] > end:
            continue
        n, value = one["result"]["n"], one["result"]["value"]
        begun = begun or n > 0
        yield Point(days[0], days[1], n, value if begun else None)


def _look(against: str, said: Mapping[str, Any]) -> Look:
    effect, current = said["effect"], said["current"]
    more = [current[name] for name in ("withheld", "partial") if current[name]]
    return Look(
        against=against,
        verdict=said["verdict"],
        because=said["because"][0]["text"] if said["because"] else "",
        then=Side(said["nBaseline"], said["baseline"]["value"]),
        now=Side(said["nCurrent"], current["value"]),
        measure=said["measure"],
        effect=Effect(effect["value"], effect["lower"], effect["upper"]) if effect else None,
        test=said["test"],
        p_value=said["pValue"],
        p=usable_p(said["test"], said["pValue"], said["effectSize"]),
        warnings=tuple(one["text"] for one in [*said["warnings"], *more]),
    )


def _refused(against: str, why: str) -> Look:
    return Look(against, NOT_COMPARABLE, why, Side(0, None), Side(0, None))
