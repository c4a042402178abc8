"""Answers ComparisonService calls."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from rundblick.metrics.v1 import comparison_pb2 as pb
from rundblick.metrics.v1 import comparison_pb2_grpc, kpi_pb2

from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.times import from_timestamp
from services.metrics.change.domain import Change, ChangeNotFound, NoAim, change_of, check_company
from services.metrics.change.repository import MongoChangeRepository
from services.metrics.comparison import messages
from services.metrics.comparison.comparing import Comparing, Wanted, apart
from services.metrics.comparison.domain import Finding
from services.metrics.kpi import messages as kpis
from services.metrics.kpi.access import forced_on
from services.metrics.kpi.catalogue import Catalogue, Catalogues
from services.metrics.kpi.periods import Days

_SHORTEST, _LONGEST = 7, 1_000
_NAMED = 5
_MIX = "category"


class ComparisonServicer(comparison_pb2_grpc.ComparisonServiceServicer):
    def __init__(
        self,
        catalogues: Catalogues,
        comparing: Comparing,
        changes: MongoChangeRepository,
        freshness: Callable[[], datetime],
        now: Callable[[], datetime],
    ) -> None:
        self._catalogues = catalogues
        self._comparing = comparing
        self._changes = changes
        self._freshness = freshness
        self._now = now

    async def ComparePeriods(self, request: pb.ComparePeriodsRequest, context: Any) -> pb.ComparePeriodsResponse:
        catalogue = await self._catalogues.knowing([request.kpi])
        asked = kpi_pb2.ResultQuery()
        if request.HasField("as_of"):
            asked.as_of.CopyFrom(request.as_of)
        baseline, current = apart(
            _moments(request.baseline, "baseline"),
            _moments(request.current, "current"),
            (
                kpis.days_from_proto(request.baseline, catalogue.zone),
                kpis.days_from_proto(request.current, catalogue.zone),
            ),
        )
        wanted = Wanted(
            kpi=catalogue.get(request.kpi),
            baseline=baseline,
            current=current,
            where=kpis.where_from_proto(request.where),
            stratify_by=tuple(request.stratify_by),
            as_of=kpis.as_of_from_proto(asked, self._now(), catalogue.zone),
            selections=(
                kpis.asked_from_proto(request.baseline_selection),
                kpis.asked_from_proto(request.current_selection),
            ),
        )
        return pb.ComparePeriodsResponse(
            comparison=await self._compare(current_caller(), catalogue, wanted, [], request.language)
        )

    async def CompareChange(self, request: pb.CompareChangeRequest, context: Any) -> pb.CompareChangeResponse:
        caller = current_caller()
        check_company(caller)
        if not _SHORTEST <= request.days <= _LONGEST:
            raise InvalidInput(f"a window has {_SHORTEST} to {_LONGEST} days", ("window",))
        id = change_of(request.change_id)
        change = (await self._changes.of_ids(caller, [id])).get(id)
        if change is None:
            raise ChangeNotFound(request.change_id)
        asked = request.kpi or change.aims_at
        if asked is None:
            raise NoAim(request.change_id)
        catalogue = await self._catalogues.knowing([asked])
        baseline, current = around(change, request.days, catalogue)
        kpi = catalogue.get(asked)
        where = {"touchpoint": change.touchpoints} if change.touchpoints else {}
        kept_by = {*where, *forced_on(caller, where)}
        wanted = Wanted(
            kpi=kpi,
            baseline=baseline,
            current=current,
            where=where,
            # With the mix of categories held constant smaller effects can be seen: where the figure is kept so.
            stratify_by=(_MIX,) if kept_by | {_MIX} in map(set, catalogue.sets_of(kpi)) else (),
            selections=(
                kpis.asked_from_proto(request.baseline_selection),
                kpis.asked_from_proto(request.current_selection),
            ),
        )
        others = await self._changes.overlapping(caller, baseline.moments[0], current.moments[1], change.id)
        return pb.CompareChangeResponse(
            comparison=await self._compare(caller, catalogue, wanted, _named(change, others), request.language)
        )

    async def _compare(
        self, caller: Caller, catalogue: Catalogue, wanted: Wanted, more: list[Finding], language: str
    ) -> pb.Comparison:
        freshness = self._freshness()
        compared = await self._comparing.compare(caller, catalogue, wanted)
        results = [
            kpis.result_to_proto(wanted.kpi, days, result, freshness, wanted.as_of, language)
            for days, result in ((wanted.baseline, compared.baseline), (wanted.current, compared.current))
        ]
        return messages.to_proto(compared.comparison, results[0], results[1], wanted.stratify_by, more, language)


def _moments(period: kpi_pb2.Period, name: str) -> tuple[datetime, datetime]:
    if not period.HasField("start") or not period.HasField("end"):
        raise InvalidInput("a period has a start and an end", (name,))
    return from_timestamp(period.start, (name, "start")), from_timestamp(period.end, (name, "end"))


def around(change: Change, days: int, catalogue: Catalogue) -> tuple[Days, Days]:
    """So many days before and after. The day on which it came belongs to neither, unless it came as that day began."""
    zone = catalogue.zone
    day = zone.day(change.introduced_at)
    first = day if zone.midnight(day) == change.introduced_at else day + timedelta(days=1)
    return _days(day - timedelta(days=days), day, catalogue), _days(first, first + timedelta(days=days), catalogue)


def _days(start: date, end: date, catalogue: Catalogue) -> Days:
    return Days(start, end, catalogue.zone)


def _named(change: Change, others: list[Change]) -> list[Finding]:
    """Those that could have done it too: at the same touchpoints, or everywhere."""
    here = set(change.touchpoints)
    same = [one for one in others if not here or not one.touchpoints or here.intersection(one.touchpoints)]
    if not same:
        return []
    names = ", ".join(one.name for one in same[:_NAMED]) + (" ..." if len(same) > _NAMED else "")
    return [Finding("OTHER_CHANGES", words={"names": names, "ids": " ".join(one.id for one in same[:_NAMED])})]
