"""KPIs over gRPC: results, series, breakdowns and the figures of customers and touchpoints."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.caller import Caller
from chassis.times import to_timestamp
from tests.callers import partner
from tests.metrics.conftest import NOW, START, Running, Serve, event, observation, period, query

TOU = {"source": "shop", "touchpoint": "tou_1", "category": "parts"}
OTHER = {"source": "fair", "touchpoint": "tou_2"}


async def filled(metrics: Running) -> None:
    await metrics.ingest(
        event("a", observation(100, dimensions=TOU, customer="cus_1")),
        event("b", observation(200_000, dimensions=TOU, customer="cus_1")),
        event("c", observation(300, dimensions=OTHER, at=START + timedelta(days=40), customer="cus_2")),
        event("d", observation(dimensions={"source": "shop"}, at=NOW - timedelta(hours=1), customer="cus_1")),
        event("e", observation(state="NEGATIVE", dimensions=TOU)),
        event("f", observation(state="EXCLUDED", reason="SPAM", dimensions=TOU)),
    )
    await metrics.fold()


async def test_a_result_counts_what_is_in_the_period_and_names_the_one_used(metrics: Running) -> None:
    await filled(metrics)
    result = await metrics.result(query(selection={"quantiles": [0.5], "histogram_bins": [4], "curve_points": [10]}))
    assert (result.n, result.open.received, result.open.open) == (3, 4, 1)
    assert result.value == pytest.approx(300, rel=0.01)
    assert result.value == result.quantiles[0].value
    assert {(one.reason, one.count) for one in result.excluded} == {("NEGATIVE", 1), ("SPAM", 1)}
    assert (result.within_target.hit, result.within_target.missed, result.within_target.not_yet_due) == (2, 1, 1)
    assert sum(one.count for one in result.histograms[0].values) == 3
    assert result.open.curves[0].values[0].at_risk == 4
    part = period(START + timedelta(hours=3), START + timedelta(hours=4))
    narrow = await metrics.result(query(period=part))
    assert narrow.n == 2
    assert narrow.period.start.ToDatetime(UTC) == START.replace(hour=0)
    assert narrow.period.end.ToDatetime(UTC) == START.replace(hour=0) + timedelta(days=1)


async def test_conditions_choose_and_undeclared_ones_are_refused_singly(metrics: Running) -> None:
    await filled(metrics)
    answers = (
        await metrics.call(
            "BatchGetResults",
            pb.BatchGetResultsRequest(
                queries=[
                    query(where={"touchpoint": ["tou_1"]}),
                    query(where={"team": ["x"], "category": ["y"]}),
                    query(kpi="no_such_kpi"),
                    query(where={"category": ["parts"], "touchpoint": ["tou_1", "tou_2"]}),
                ]
            ),
        )
    ).answers
    assert answers[0].value.n == 2
    assert answers[1].error.code == "INVALID"
    assert "touchpoint, category" in answers[1].error.message
    assert answers[2].error.code == "NOT_FOUND"
    assert answers[3].value.n == 2


async def test_a_series_has_every_point_also_the_empty_ones(metrics: Running) -> None:
    await filled(metrics)
    request = pb.GetSeriesRequest(query=query(), granularity=pb.GRANULARITY_MONTH)
    found = (await metrics.call("GetSeries", request)).points
    assert [point.result.n for point in found] == [0, 0, 2, 1, 0, 0]
    assert found[-1].result.open.open == 1
    days = pb.GetSeriesRequest(
        query=query(period=period(START, START + timedelta(days=2))), granularity=pb.GRANULARITY_DAY
    )
    assert [point.result.n for point in (await metrics.call("GetSeries", days)).points] == [2, 0, 0]
    with pytest.raises(grpc.aio.AioRpcError, match="by day"):
        await metrics.call("GetSeries", pb.GetSeriesRequest(query=query(), granularity=pb.GRANULARITY_HOUR))


async def test_a_breakdown_adds_up_and_shows_what_is_not_known(metrics: Running) -> None:
    await filled(metrics)
    rows = (await metrics.call("GetBreakdown", pb.GetBreakdownRequest(query=query(), by=["touchpoint"]))).rows
    found = {row.key[0].value: (row.result.n, row.result.open.open) for row in rows}
    assert found == {"tou_1": (2, 0), "tou_2": (1, 0), "": (0, 1)}
    assert sum(row.result.open.received for row in rows) == 4
    first = await metrics.call("GetBreakdown", pb.GetBreakdownRequest(query=query(), by=["touchpoint"], first=1))
    assert [row.key[0].value for row in first.rows] == ["tou_1"]
    chosen = pb.GetBreakdownRequest(query=query(where={"category": ["parts"]}), by=["touchpoint"])
    assert [row.result.n for row in (await metrics.call("GetBreakdown", chosen)).rows] == [2]


async def test_customers_and_touchpoints_have_figures_of_their_own(metrics: Running) -> None:
    await filled(metrics)
    request = pb.BatchGetSubjectResultsRequest(
        kind=pb.SUBJECT_KIND_CUSTOMER,
        ids=["cus_1", "cus_2", "cus_3"],
        keys=["first_response_time"],
        selection=pb.ResultSelection(open=True, quantiles=[1]),
    )
    answers = (await metrics.call("BatchGetSubjectResults", request)).answers
    results = {id: answers[id].value.results[0] for id in request.ids}
    assert {id: (r.n, r.open.open) for id, r in results.items()} == {"cus_1": (2, 1), "cus_2": (1, 0), "cus_3": (0, 0)}
    assert results["cus_1"].within_target.not_yet_due == 1
    assert results["cus_1"].quantiles[0].value == pytest.approx(200_000, rel=0.01)

    request.period.CopyFrom(period(datetime(2026, 4, 1, tzinfo=UTC)))
    answers = (await metrics.call("BatchGetSubjectResults", request)).answers
    assert [answers[id].value.results[0].n for id in request.ids] == [0, 1, 0]

    touchpoints = pb.BatchGetSubjectResultsRequest(kind=pb.SUBJECT_KIND_TOUCHPOINT, ids=["tou_1", "tou_9"])
    answers = (await metrics.call("BatchGetSubjectResults", touchpoints)).answers
    assert {r.kpi_key: r.n for r in answers["tou_1"].value.results}["first_response_time"] == 2
    kept = [result.kpi_key for result in answers["tou_9"].value.results]
    assert {"first_response_time_within_target", "enquiries", "spend"} <= set(kept)
    assert "customers_reached" in kept
    assert "retention_rate" not in kept, "that one is not kept by touchpoint"


async def test_beyond_what_is_kept_of_one_customer_figures_are_withheld(metrics: Running) -> None:
    await metrics.ingest(
        *(event(f"e{i}", observation(1, at=START + timedelta(days=i), customer="cus_1")) for i in range(60))
    )
    await metrics.fold()

    async def asked(start: datetime) -> pb.KpiResult:
        request = pb.BatchGetSubjectResultsRequest(
            kind=pb.SUBJECT_KIND_CUSTOMER,
            ids=["cus_1"],
            keys=["first_response_time"],
            period=pb.Period(start=to_timestamp(start), end=to_timestamp(START + timedelta(days=100))),
        )
        answer = await metrics.call("BatchGetSubjectResults", request)
        result: pb.KpiResult = answer.answers["cus_1"].value.results[0]
        return result

    assert (await asked(START)).withheld.code == "PERIOD_NOT_KEPT"
    assert (await asked(START + timedelta(days=30))).n == 30


async def test_employees_are_protected_as_a_dimension_wherever_they_appear(serve: Serve) -> None:
    somebody = Caller("somebody", frozenset({"metrics:read"}), employee="emp_1")
    async with serve(somebody) as metrics:
        refused = await metrics.call(
            "BatchGetResults", pb.BatchGetResultsRequest(queries=[query(where={"employee": ["emp_2"]})])
        )
        assert refused.answers[0].error.code == "FORBIDDEN"
        own = await metrics.result(query(where={"employee": ["emp_1"]}))
        assert own.n == 0
        with pytest.raises(grpc.aio.AioRpcError) as by:
            await metrics.call("GetBreakdown", pb.GetBreakdownRequest(query=query(), by=["employee"]))
        assert by.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_partner_sees_its_own_sources_alone(serve: Serve) -> None:
    async with serve() as everything:
        await filled(everything)
    outside = partner("fair")
    async with serve(outside) as metrics:
        assert (await metrics.result(query())).n == 1
        assert (await metrics.result(query(where={"source": ["shop"]}))).n == 0
        with pytest.raises(grpc.aio.AioRpcError):
            await metrics.call(
                "BatchGetSubjectResults",
                pb.BatchGetSubjectResultsRequest(kind=pb.SUBJECT_KIND_CUSTOMER, ids=["cus_1"]),
            )
