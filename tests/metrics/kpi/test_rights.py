"""What of a KPI a limited caller is shown: the same on every way to a figure."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import change_pb2, comparison_pb2
from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.times import to_timestamp
from tests import tokens
from tests.callers import partner
from tests.metrics.conftest import NOW, Running, event, observation, period, query
from tests.metrics.kpi.test_defining import define, work

BEGIN = NOW - timedelta(days=20)
MIDDLE = NOW - timedelta(days=10)
TOU = "tou_01HZZZZZZZZZZZZZZZZZZZZZZZ"
READ = frozenset({"metrics:read"})
TEAM = Caller("lead", frozenset({"metrics:read:team"}), employee="emp_ann", team="north")
OWN = Caller("agent", frozenset({"metrics:read:own"}), employee="emp_ann", team="north")
PARTNER = partner("fair")
SETS = [
    *(["team"], ["employee"], ["source"], ["touchpoint"]),
    *(["team", "touchpoint"], ["employee", "touchpoint"], ["source", "touchpoint"]),
    ["touchpoint", "category"],
]
# source, team, employee -> how many
FACTS = {("shop", "north", "emp_ann"): 3, ("shop", "north", "emp_ben"): 2, ("fair", "south", "emp_cas"): 4}


def seen_by(metrics: Running, caller: Caller) -> Running:
    return replace(metrics, metadata=(("authorization", f"Bearer {tokens.token_for(caller)}"),))


@pytest.fixture
async def filled(metrics: Running) -> Running:
    """A KPI of cases by what callers are limited to, also together with the touchpoint."""
    await define(metrics, key="cases", sets=SETS, per_customer=True)
    await work(metrics)
    for (source, team, employee), count in FACTS.items():
        dimensions = {"source": source, "team": team, "employee": employee, "touchpoint": TOU, "category": "c"}
        await metrics.ingest(
            *(
                event(
                    f"{employee}-{number}",
                    observation(60, at=BEGIN + timedelta(days=4 * number), dimensions=dimensions, customer="cus_1"),
                )
                for number in range(count)
            )
        )
    await metrics.fold()
    return metrics


def cases(**fields: Any) -> pb.ResultQuery:
    return query("cases", **fields)


class Refused(Exception):
    """One of several questions of a call."""


async def result(metrics: Running, asked: pb.ResultQuery) -> pb.KpiResult:
    (answer,) = (await metrics.call("BatchGetResults", pb.BatchGetResultsRequest(queries=[asked]))).answers
    if answer.HasField("error"):
        raise Refused(answer.error.code, answer.error.message)
    found: pb.KpiResult = answer.value
    return found


async def refused(asked: Awaitable[Any], says: str, code: str = "FORBIDDEN") -> None:
    with pytest.raises((grpc.aio.AioRpcError, Refused)) as raised:
        await asked
    error = raised.value
    statuses = {grpc.StatusCode.PERMISSION_DENIED: "FORBIDDEN", grpc.StatusCode.INVALID_ARGUMENT: "INVALID"}
    found = (statuses.get(error.code()), error.details()) if isinstance(error, grpc.aio.AioRpcError) else error.args
    assert found[0] == code, error
    assert says in str(found[1])


async def by_result(metrics: Running) -> int:
    return (await result(metrics, cases())).n


async def by_series(metrics: Running) -> int:
    request = pb.GetSeriesRequest(query=cases(period=period(BEGIN, NOW)), granularity=pb.GRANULARITY_DAY)
    return sum(point.result.n for point in (await metrics.call("GetSeries", request)).points)


async def by_breakdown(metrics: Running) -> int:
    rows = (await metrics.call("GetBreakdown", pb.GetBreakdownRequest(query=cases(), by=["touchpoint"]))).rows
    return sum(row.result.n for row in rows)


async def by_touchpoint(metrics: Running) -> int:
    request = pb.BatchGetSubjectResultsRequest(kind=pb.SUBJECT_KIND_TOUCHPOINT, ids=[TOU], keys=["cases"])
    answer = (await metrics.call("BatchGetSubjectResults", request)).answers[TOU]
    return int(answer.value.results[0].n)


async def by_export(metrics: Running) -> int:
    request = pb.ExportCellsRequest(kpi="cases", period=period())
    call: Any = metrics.kpis.ExportCells(request, timeout=10, metadata=metrics.metadata)
    return sum([cell.n async for answer in call for cell in answer.cells])


async def by_watching(metrics: Running) -> int:
    call: Any = metrics.kpis.WatchResult(pb.WatchResultRequest(kpi="cases"), timeout=10, metadata=metrics.metadata)
    async for answer in call:
        call.cancel()
        return int(answer.result.n)
    raise AssertionError


async def by_comparison(metrics: Running) -> int:
    request = comparison_pb2.ComparePeriodsRequest(
        kpi="cases", baseline=period(BEGIN, MIDDLE), current=period(MIDDLE, NOW)
    )
    call = metrics.comparisons.ComparePeriods(request, timeout=30, metadata=metrics.metadata)
    comparison = (await call).comparison
    return int(comparison.baseline.n + comparison.current.n)


async def effect(metrics: Running) -> comparison_pb2.Comparison:
    said = change_pb2.RecordChangeRequest(
        name="New tool",
        kind=change_pb2.CHANGE_KIND_TOOL,
        introduced_at=to_timestamp(MIDDLE.replace(hour=0)),
        touchpoint_ids=[TOU],
    )
    change = (await metrics.changes.RecordChange(said, timeout=10)).change
    request = comparison_pb2.CompareChangeRequest(change_id=change.id, kpi="cases", days=20)
    found = (await metrics.comparisons.CompareChange(request, timeout=30, metadata=metrics.metadata)).comparison
    assert isinstance(found, comparison_pb2.Comparison)
    return found


Way = Callable[[Running], Awaitable[int]]
WAYS: list[Way] = [by_result, by_series, by_breakdown, by_touchpoint, by_export, by_watching, by_comparison]


@pytest.mark.parametrize(
    ("caller", "n"), [(DEVELOPMENT_CALLER, 9), (Caller("all", READ), 9), (TEAM, 5), (OWN, 3), (PARTNER, 4)]
)
async def test_on_every_way_a_caller_is_shown_their_part(filled: Running, caller: Caller, n: int) -> None:
    metrics = seen_by(filled, caller)
    assert {way.__name__: await way(metrics) for way in WAYS} == {way.__name__: n for way in WAYS}


@pytest.mark.parametrize(
    ("caller", "where", "n"),
    [
        (TEAM, {"team": ["north", "south"]}, 5),
        (TEAM, {"team": ["south"]}, 0),
        (PARTNER, {"source": ["shop", "fair"]}, 4),
        (PARTNER, {"source": ["shop"]}, 0),
        (OWN, {"employee": ["emp_ann", "emp_cas"]}, 3),
        (TEAM, {"employee": ["emp_ann"]}, 3),
    ],
)
async def test_of_what_lies_beyond_nothing_is_counted(
    filled: Running, caller: Caller, where: dict[str, list[str]], n: int
) -> None:
    assert (await result(seen_by(filled, caller), cases(where=where))).n == n


async def test_partners_see_nothing_by_employee_whatever_scopes_they_have(filled: Running) -> None:
    await define(filled, key="cases", version=1, sets=[*SETS, ["source", "employee"]])
    await work(filled)
    caller = replace(PARTNER, scopes=READ | {"metrics:employees"})
    request = pb.GetBreakdownRequest(query=cases(), by=["employee"])
    await refused(seen_by(filled, caller).call("GetBreakdown", request), "metrics:employees")


async def test_of_somebody_else_it_is_not_said_that_there_is_nothing(filled: Running) -> None:
    await refused(result(seen_by(filled, OWN), cases(where={"employee": ["emp_cas"]})), "metrics:employees")


@pytest.mark.parametrize(
    ("caller", "missing"),
    [(TEAM, "team"), (OWN, "employee"), (partner("fair"), "source")],
    ids=lambda one: str(one)[:20],
)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_where_a_kpi_is_not_kept_by_what_limits_them_it_is_refused(
    metrics: Running, caller: Caller, missing: str, way: Way
) -> None:
    await define(metrics, key="cases", sets=[["touchpoint"]])
    await work(metrics)
    await refused(way(seen_by(metrics, caller)), f"cases is not kept by {missing}")


async def test_the_missing_dimension_is_named_beside_what_was_asked(filled: Running) -> None:
    team = seen_by(filled, TEAM)
    await refused(result(team, cases(where={"source": ["shop"]})), "is not kept by team together with source")
    await refused(result(team, cases(where={"weather": ["wet"]})), "is not kept by weather", "INVALID")
    share = await define(
        filled, key="share", aggregation=pb.AGGREGATION_RATIO, of=["cases", "spend"], event="", sets=[]
    )
    assert share.kpi.key == "share"
    await refused(result(team, query("share")), "share is not kept by team")


async def test_without_a_team_or_an_employee_nothing_is_shown(filled: Running) -> None:
    nobody = replace(TEAM, team=None)
    await refused(by_result(seen_by(filled, nobody)), "limited to a team and belongs to none")
    await refused(by_export(seen_by(filled, replace(OWN, employee=None))), "no employee")


@pytest.mark.parametrize("caller", [TEAM, OWN, PARTNER], ids=["team", "own", "partner"])
async def test_figures_of_customers_are_of_everybody_and_so_refused(filled: Running, caller: Caller) -> None:
    request = pb.BatchGetSubjectResultsRequest(kind=pb.SUBJECT_KIND_CUSTOMER, ids=["cus_1"], keys=["cases"])
    await refused(seen_by(filled, caller).call("BatchGetSubjectResults", request), "figures of a customer")
    answer = await seen_by(filled, Caller("all", READ)).call("BatchGetSubjectResults", request)
    assert answer.answers["cus_1"].value.results[0].n == 9


async def test_without_keys_the_limited_get_what_is_kept_by_their_limit(filled: Running) -> None:
    request = pb.BatchGetSubjectResultsRequest(kind=pb.SUBJECT_KIND_TOUCHPOINT, ids=[TOU])
    answer = await seen_by(filled, TEAM).call("BatchGetSubjectResults", request)
    assert [(one.kpi_key, one.n) for one in answer.answers[TOU].value.results] == [("cases", 5)]


@pytest.mark.parametrize(("caller", "n"), [(DEVELOPMENT_CALLER, 9), (TEAM, 5), (OWN, 3)])
async def test_the_effect_of_a_change_is_shown_of_their_part(filled: Running, caller: Caller, n: int) -> None:
    """Without strata, where a KPI is not kept by these and what limits the caller."""
    found = await effect(seen_by(filled, caller))
    assert found.baseline.n + found.current.n == n
    assert bool(found.strata) == (caller is DEVELOPMENT_CALLER)


async def test_a_dry_run_on_everybodys_events_needs_the_right_to_everything(filled: Running) -> None:
    for caller in (
        Caller("a", frozenset({"metrics:write:team", "metrics:read"}), team="north", employee="emp_ann"),
        Caller("b", frozenset({"metrics:write", "metrics:read"}), sources=frozenset({"fair"})),
    ):
        await refused(define(seen_by(filled, caller), key="tried", dry_run=True), "metrics:write")
