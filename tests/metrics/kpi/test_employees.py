"""Figures of employees over the wire: every subtraction is tried, and what is protected stays unknown."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import comparison_pb2
from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.caller import Caller
from tests.commands import Commands
from tests.metrics.conftest import Running, Serve, event, observation, query
from tests.metrics.conftest import period as period_of
from tests.metrics.kpi.test_defining import define, refused, work
from tests.metrics.kpi.test_rights import refused as forbidden
from tests.metrics.kpi.test_rights import result, seen_by

LEAD = Caller("lead", frozenset({"metrics:read", "metrics:employees"}), employee="emp_dee")
OF_TEAM = Caller(
    "of_team", frozenset({"metrics:read:team", "metrics:employees:team"}), employee="emp_dee", team="north"
)
NOBODY = Caller("nobody", frozenset({"metrics:read"}), employee="emp_dee")

SETS = [
    *(["employee"], ["team"], ["touchpoint"], ["team", "employee"], ["employee", "touchpoint"]),
    ["employee", "touchpoint", "category"],
]
JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4))
# employee -> team, and how many cases in January, February and March.
CASES = {
    "emp_ann": ("north", (9, 2, 8)),
    "emp_ben": ("north", (7, 9, 9)),
    "emp_cas": ("north", (8, 6, 8)),
    "emp_dee": ("north", (1, 1, 1)),
    "emp_eve": ("south", (9, 9, 9)),
    "emp_fay": ("south", (9, 9, 9)),
}
# Of Ann in February alone.
SECRET = 7777.0


@pytest.fixture
async def filled(metrics: Running) -> Running:
    """The durations of cases in three months; in February Ann has too few, and Cas the next fewest of her team."""
    for key in ("length", "cases"):
        mean = key == "length"
        aggregation = pb.AGGREGATION_MEAN if mean else pb.AGGREGATION_COUNT
        await define(metrics, key=key, unit="s", aggregation=aggregation, sets=SETS)
    await define(
        metrics, key="per_case", event="", sets=[], aggregation=pb.AGGREGATION_RATIO, of=["enquiries", "cases"]
    )
    await work(metrics)
    for employee, (team, counts) in CASES.items():
        for start, count in zip((JANUARY, FEBRUARY, MARCH), counts, strict=True):
            for number in range(count):
                seconds = SECRET if employee == "emp_ann" and start == FEBRUARY else 100.0
                touchpoint = "tou_1" if number % 2 else "tou_2"
                dimensions = {"team": team, "employee": employee, "touchpoint": touchpoint, "category": "c"}
                at = start + timedelta(days=number, hours=9)
                id = f"{employee}-{start.month}-{number}"
                seen = observation(seconds, at=at, dimensions=dimensions)
                opened = observation(0, at=at, dimensions=dimensions)
                await metrics.ingest(event(id, seen), event(f"{id}-e", opened, name="enquiry.opened"))
    await metrics.fold()
    return metrics


@pytest.fixture
def lead(filled: Running) -> Running:
    return seen_by(filled, LEAD)


def asked(start: datetime = FEBRUARY, end: datetime = MARCH, kpi: str = "length", **fields: Any) -> pb.ResultQuery:
    asked = query(kpi, period=period_of(start, end), where=fields.pop("where", {}))
    asked.MergeFrom(pb.ResultQuery(**fields))
    return asked


async def rows(metrics: Running, *by: str, **fields: Any) -> dict[tuple[str, ...], pb.KpiResult]:
    answer = await metrics.call("GetBreakdown", pb.GetBreakdownRequest(query=asked(**fields), by=by))
    return {tuple(one.value for one in row.key): row.result for row in answer.rows}


def shown(found: dict[tuple[str, ...], pb.KpiResult]) -> dict[str, int]:
    return {"/".join(key): one.n for key, one in found.items() if not one.HasField("withheld")}


def is_withheld(result: pb.KpiResult) -> bool:
    """As a whole: with no number that would say anything."""
    if not result.HasField("withheld"):
        return False
    said = {field.name for field, _ in result.ListFields()} - {"open"}
    return said == {"kpi_id", "kpi_key", "period", "unit", "freshness", "definition_version", "withheld"}


async def test_the_small_one_and_the_next_smallest_of_the_team_are_hidden_in_that_month(lead: Running) -> None:
    found = await rows(lead, "employee")
    assert shown(found) == {"emp_ben": 9, "emp_dee": 1, "emp_eve": 9, "emp_fay": 9}
    assert list(found)[-2:] == [("emp_ann",), ("emp_cas",)], "last, and not by their size"
    assert is_withheld(found["emp_ann",])
    assert is_withheld(found["emp_cas",])
    total = await result(lead, asked())
    assert total.n - sum(shown(found).values()) == 8, "two of them together"
    north = await result(lead, asked(where={"team": ["north"]}))
    assert north.n - sum(found[one,].n for one in ("emp_ben", "emp_dee")) == 8


async def test_a_withheld_result_says_why_in_words(lead: Running) -> None:
    english = await result(lead, asked(where={"employee": ["emp_ann"]}))
    german = await result(lead, asked(where={"employee": ["emp_ann"]}, language="de"))
    for said, text in ((english, "from 5 observations in a month on"), (german, "ab 5 Beobachtungen im Monat")):
        assert is_withheld(said)
        assert said.withheld.code == "EMPLOYEES_PROTECTED"
        assert dict(said.withheld.parameters) == {"months": "1", "minimum": "5"}
        assert text in said.withheld.text


@pytest.mark.parametrize(
    ("employees", "n"),
    [
        (["emp_ann"], 0),
        (["emp_ann", "emp_cas"], 0),
        (["emp_ann", "emp_ben"], 9),
        (["emp_cas", "emp_ben"], 9),
        (["emp_ann", "emp_dee"], 1),
        (sorted(CASES), 28),
    ],
)
async def test_no_choice_of_employees_counts_the_hidden_in(lead: Running, employees: list[str], n: int) -> None:
    found = await result(lead, asked(where={"employee": employees}))
    assert (found.n, found.HasField("withheld")) == (n, True)
    assert found.mean == (100.0 if n else 0.0)


@pytest.mark.parametrize(
    ("start", "end", "n"),
    [
        (JANUARY, APRIL, 17),
        (JANUARY.replace(year=1950), APRIL, 17),
        (JANUARY, MARCH, 9),
        (FEBRUARY, APRIL, 8),
        (FEBRUARY, MARCH, 0),
        (JANUARY, FEBRUARY + timedelta(days=1), 9),
        (FEBRUARY + timedelta(days=1), FEBRUARY + timedelta(days=2), 0),
        (MARCH - timedelta(days=1), MARCH + timedelta(days=1), 8),
    ],
)
async def test_periods_are_whole_months_and_leave_the_hidden_one_out(
    lead: Running, start: datetime, end: datetime, n: int
) -> None:
    """Ann's other months alone: so no two periods differ by her February."""
    found = await result(lead, asked(start, end, where={"employee": ["emp_ann"]}))
    assert found.n == n
    assert found.withheld.parameters["months"] == "1"
    used = (found.period.start.ToDatetime(UTC), found.period.end.ToDatetime(UTC))
    assert used == (start.replace(day=1), end if end.day == 1 else (end + timedelta(days=31)).replace(day=1))
    row = (await rows(lead, "employee", start=start, end=end))["emp_ann",]
    assert (row.n, row.period) == (n, found.period)


async def test_a_series_is_by_month_or_coarser(lead: Running) -> None:
    question = asked(JANUARY, APRIL, where={"employee": ["emp_ann"]})

    async def points(granularity: Any) -> list[tuple[int, bool]]:
        request = pb.GetSeriesRequest(query=question, granularity=granularity)
        found = (await lead.call("GetSeries", request)).points
        return [(point.result.n, point.result.HasField("withheld")) for point in found]

    assert await points(pb.GRANULARITY_MONTH) == [(9, False), (0, True), (8, False)]
    assert await points(pb.GRANULARITY_QUARTER) == [(17, True)]
    for finer in (pb.GRANULARITY_DAY, pb.GRANULARITY_WEEK):
        await forbidden(points(finer), "by MONTH, QUARTER or YEAR")


async def test_by_a_further_dimension_rows_are_shown_whole_or_not_at_all(lead: Running) -> None:
    found = await rows(lead, "employee", "touchpoint")
    hidden = {key[0] for key, one in found.items() if one.HasField("withheld")}
    assert {"emp_ann", "emp_cas"} < hidden, "cells of fewer than five hide a whole row"
    assert {key for key in found if key[0] in hidden} == {(employee, "") for employee in hidden}
    assert {key[0] for key in found if key[0] not in hidden} >= {"emp_dee"}
    for touchpoint in ("tou_1", "tou_2"):
        one = await rows(lead, "employee", where={"touchpoint": [touchpoint]})
        assert {key[0] for key, row in one.items() if row.HasField("withheld")} == hidden
    of_ann = await rows(lead, "touchpoint", where={"employee": ["emp_ann"]})
    assert [is_withheld(one) for one in of_ann.values()] == [True]


async def test_by_two_further_dimensions_or_as_of_a_past_day_others_are_not_shown(lead: Running) -> None:
    two = {"where": {"touchpoint": ["tou_1"], "category": ["c"]}}
    await forbidden(rows(lead, "employee", **two), "at most one further dimension")
    await forbidden(rows(lead, "employee", "touchpoint", "category"), "at most one further dimension")
    past = asked(where={"employee": ["emp_ann"]})
    past.as_of.FromDatetime(MARCH)
    await forbidden(result(lead, past), "as things stand now")


async def exported(metrics: Running, by: list[str], **where: list[str]) -> int:
    conditions = [pb.DimensionFilter(dimension=name, values=values) for name, values in where.items()]
    request = pb.ExportCellsRequest(kpi="length", period=period_of(JANUARY, APRIL), by=by, where=conditions)
    call: Any = metrics.kpis.ExportCells(request, timeout=10, metadata=metrics.metadata)
    return sum([cell.n async for answer in call for cell in answer.cells])


async def compared(metrics: Running, **fields: Any) -> int:
    request = comparison_pb2.ComparePeriodsRequest(
        kpi="length", baseline=period_of(JANUARY, FEBRUARY), current=period_of(FEBRUARY, MARCH), **fields
    )
    answer = await metrics.comparisons.ComparePeriods(request, timeout=30, metadata=metrics.metadata)
    return int(answer.comparison.current.n)


def of(*employees: str) -> list[pb.DimensionFilter]:
    return [pb.DimensionFilter(dimension="employee", values=employees)]


async def test_day_by_day_and_compared_others_are_not_shown(lead: Running) -> None:
    ways: list[Awaitable[int]] = [
        exported(lead, ["employee"]),
        exported(lead, ["employee"], employee=["emp_ann"]),
        exported(lead, [], employee=["emp_ann", "emp_dee"]),
        compared(lead, where=of("emp_ann")),
        compared(lead, stratify_by=["employee"]),
        compared(lead, where=of("emp_ann", "emp_dee")),
    ]
    for way in ways:
        await forbidden(way, "over whole months: neither by day, nor compared")


async def test_a_ratio_is_hidden_where_one_of_its_parts_is(filled: Running, lead: Running) -> None:
    """Of Gil enough enquiries were opened in April, but too few were answered."""
    for employee, answered in (("emp_gil", 2), ("emp_hal", 6), ("emp_ivy", 9)):
        for number in range(9):
            seen = observation(60, at=APRIL + timedelta(days=number), dimensions={"employee": employee})
            id = f"{employee}-{number}"
            await filled.ingest(event(f"{id}-e", seen, name="enquiry.opened"))
            await filled.ingest(*([event(id, seen)] if number < answered else []))
    await filled.fold()
    april = {"start": APRIL, "end": APRIL + timedelta(days=30)}
    assert shown(await rows(lead, "employee", kpi="enquiries", **april)) == {"emp_gil": 9, "emp_hal": 9, "emp_ivy": 9}
    assert shown(await rows(lead, "employee", kpi="cases", **april)) == {"emp_ivy": 9}
    found = await rows(lead, "employee", kpi="per_case", **april)
    assert shown(found) == {"emp_ivy": 9}
    assert [is_withheld(found[one,]) for one in ("emp_gil", "emp_hal")] == [True, True]
    both = await result(
        lead, asked(JANUARY, APRIL + timedelta(days=30), kpi="per_case", where={"employee": ["emp_gil"]})
    )
    assert is_withheld(both)


async def test_figures_of_employees_are_those_of_results(lead: Running) -> None:
    ids = sorted(CASES)
    request = pb.BatchGetSubjectResultsRequest(
        kind=pb.SUBJECT_KIND_EMPLOYEE,
        ids=ids,
        keys=["length", "cases", "per_case"],
        period=period_of(FEBRUARY, FEBRUARY + timedelta(days=3)),
        language="de",
    )
    answers = (await lead.call("BatchGetSubjectResults", request)).answers
    found = {id: list(answers[id].value.results) for id in ids}
    assert {id: [one.n for one in those] for id, those in found.items()} == {
        "emp_ann": [0, 0, 0],
        "emp_ben": [9, 9, 9],
        "emp_cas": [0, 0, 0],
        "emp_dee": [1, 1, 1],
        "emp_eve": [9, 9, 9],
        "emp_fay": [9, 9, 9],
    }
    assert all(is_withheld(one) for id in ("emp_ann", "emp_cas") for one in found[id])
    assert "Beobachtungen" in found["emp_ann"][0].withheld.text
    ends = {id: those[0].period.end.ToDatetime(UTC) for id, those in found.items()}
    assert ends["emp_ann"] == MARCH
    assert ends["emp_dee"] == FEBRUARY + timedelta(days=3), "one's own are shown of the very days"
    del request.keys[:]
    everything = (await lead.call("BatchGetSubjectResults", request)).answers["emp_eve"].value.results
    assert {one.n for one in everything if one.kpi_key in ("length", "cases", "enquiries")} == {9}


async def test_without_the_scope_others_are_not_shown_on_any_way(filled: Running) -> None:
    nobody = seen_by(filled, NOBODY)
    others = pb.GetSeriesRequest(query=asked(where={"employee": ["emp_eve"]}), granularity=pb.GRANULARITY_MONTH)
    ways: list[Awaitable[Any]] = [
        result(nobody, asked(where={"employee": ["emp_eve"]})),
        result(nobody, asked(where={"employee": ["emp_dee", "emp_eve"]})),
        rows(nobody, "employee"),
        rows(nobody, "touchpoint", where={"employee": ["emp_eve"]}),
        nobody.call("GetSeries", others),
        exported(nobody, ["employee"]),
        compared(nobody, where=of("emp_eve")),
        compared(nobody, stratify_by=["employee"]),
    ]
    for way in ways:
        await forbidden(way, "metrics:employees")
    request = pb.BatchGetSubjectResultsRequest(
        kind=pb.SUBJECT_KIND_EMPLOYEE, ids=["emp_dee", "emp_eve"], keys=["cases"]
    )
    answers = (await nobody.call("BatchGetSubjectResults", request)).answers
    assert answers["emp_dee"].value.results[0].n == 3
    assert answers["emp_eve"].error.code == "FORBIDDEN"


@pytest.mark.parametrize("caller", [NOBODY, LEAD, OF_TEAM], ids=lambda caller: caller.subject)
async def test_ones_own_figures_are_shown_in_every_detail(filled: Running, caller: Caller) -> None:
    """However few they are."""
    own, mine = seen_by(filled, caller), {"employee": ["emp_dee"]}
    assert (await result(own, asked(where=mine))).n == 1
    assert (await result(own, asked(FEBRUARY, FEBRUARY + timedelta(days=1), where=mine))).value == 100
    assert (await result(own, asked(FEBRUARY + timedelta(days=1), MARCH, where=mine))).n == 0
    past = asked(JANUARY, APRIL, where=mine)
    past.as_of.FromDatetime(FEBRUARY)
    assert (await result(own, past)).n == 1
    days = pb.GetSeriesRequest(query=asked(where=mine), granularity=pb.GRANULARITY_DAY)
    assert [point.result.n for point in (await own.call("GetSeries", days)).points][:2] == [1, 0]
    two = await rows(own, "employee", "touchpoint", "category", where=mine)
    assert shown(two) == {"emp_dee/tou_2/c": 1}
    assert await exported(own, ["employee"], employee=["emp_dee"]) == 3
    assert await compared(own, where=of("emp_dee")) == 1


@pytest.mark.parametrize(
    "scopes",
    [
        {"metrics:read:team", "metrics:employees:team"},
        {"metrics:read:team", "metrics:employees"},
        {"metrics:read", "metrics:employees:team"},
    ],
)
async def test_who_leads_a_team_sees_its_employees_alone(filled: Running, scopes: set[str]) -> None:
    of_team = seen_by(filled, replace(OF_TEAM, scopes=frozenset(scopes)))
    found = await rows(of_team, "employee")
    assert shown(found) == {"emp_ben": 9, "emp_dee": 1}
    assert {key[0] for key, one in found.items() if is_withheld(one)} == {"emp_ann", "emp_cas"}
    assert shown(await rows(of_team, "team", "employee")) == {"north/emp_ben": 9, "north/emp_dee": 1}
    assert (await result(of_team, asked(where={"employee": ["emp_ben", "emp_eve"]}))).n == 9
    south = await result(of_team, asked(where={"team": ["south"], "employee": ["emp_ann"]}))
    assert (south.n, south.HasField("withheld")) == (0, False)
    await forbidden(rows(of_team, "employee", "touchpoint"), "length is not kept by team together with")


async def test_a_company_may_set_another_minimum(filled: Running, serve: Serve) -> None:
    assert shown(await rows(filled, "employee")).keys() == {"emp_ben", "emp_eve", "emp_fay"}
    async with serve(employee_minimum=2) as generous:
        assert shown(await rows(generous, "employee")).keys() == {"emp_ben", "emp_cas", "emp_eve", "emp_fay"}


async def test_others_cost_two_commands_by_index_however_many_are_asked_for(lead: Running, commands: Commands) -> None:
    requests = {
        "BatchGetResults": pb.BatchGetResultsRequest(
            queries=[
                asked(kpi="first_response_time", where={"employee": [one]}) for one in CASES if one != LEAD.employee
            ]
        ),
        "GetBreakdown": pb.GetBreakdownRequest(query=asked(), by=["employee", "touchpoint"]),
        "BatchGetSubjectResults": pb.BatchGetSubjectResultsRequest(
            kind=pb.SUBJECT_KIND_EMPLOYEE, ids=["emp_ann", "emp_ben"], selection=pb.ResultSelection(open=True)
        ),
    }
    for name, request in requests.items():
        with commands.recorded():
            await lead.call(name, request)
        assert 1 <= len(commands.found) <= 2, name
        assert await commands.unindexed() == [], name


async def test_nobody_defines_a_kpi_of_one_employee(metrics: Running) -> None:
    """Its total would be a figure of theirs in which no employee appears."""
    for fields in ({"filter": 'event.employee == "emp_ann"'}, {"filter": "has(event.employee)"}):
        error = await refused(metrics, **fields)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "employee" in (error.details() or "")
