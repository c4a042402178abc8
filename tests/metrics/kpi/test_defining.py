"""Definitions: what is refused and where, what a dry run says, versions, and stored events counted beside live ones."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import event_pb2, rollup_pb2
from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Conflict
from chassis.mongo import Database
from chassis.times import from_timestamp
from tests.metrics.conftest import NOW, START, Running, Serve, event, observation, period

Draft = dict[str, Any]


def draft(**fields: Any) -> pb.KpiDraft:
    """The number of waits of a touchpoint, unless said otherwise."""
    sets = fields.pop("sets", [["touchpoint"]])
    said: Draft = {
        "key": "waits",
        "name": "Waits",
        "unit": "1",
        "direction": pb.KPI_DIRECTION_HIGHER_IS_BETTER,
        "aggregation": pb.AGGREGATION_COUNT,
        "event": "wait.first",
        **fields,
    }
    return pb.KpiDraft(**said, dimension_sets=[pb.DimensionSet(dimensions=one) for one in sets])


async def define(metrics: Running, /, *, dry_run: bool = False, version: int | None = None, **fields: Any) -> Any:
    request = pb.DefineKpiRequest(draft=draft(**fields), dry_run=dry_run, version=version)
    return await metrics.call("DefineKpi", request)


async def work(metrics: Running) -> None:
    while await metrics.service.folder.work_once():
        pass


async def value_of(metrics: Running, key: str, where: dict[str, str] | None = None) -> pb.KpiResult:
    filters = [pb.DimensionFilter(dimension=name, values=[value]) for name, value in (where or {}).items()]
    return await metrics.result(pb.ResultQuery(kpi=key, period=period(), where=filters))


async def refused(metrics: Running, **fields: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await define(metrics, **fields)
    return raised.value


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"key": "Not a key"}, "a key is made of"),
        ({"name": " "}, "name has 1 to 120"),
        ({"event": "wait.frist"}, "wait.first"),
        ({"filter": 'event.touchpont == "x"'}, "line 1, column 6: undefined field 'touchpont'"),
        ({"filter": "event.value"}, "must be true or false"),
        ({"value": "event.value"}, "a COUNT has no value"),
        ({"aggregation": pb.AGGREGATION_RATE}, "needs a value that is true or false"),
        ({"aggregation": pb.AGGREGATION_MEAN, "event": "enquiry.opened"}, "have no value of their own"),
        ({"aggregation": pb.AGGREGATION_QUANTILE, "quantile": 1.0}, "between 0 and 1"),
        ({"quantile": 0.5}, "only a QUANTILE"),
        ({"aggregation": pb.AGGREGATION_UNSPECIFIED}, "DISTINCT_CUSTOMERS"),
        ({"direction": 0}, "LOWER_IS_BETTER"),
        ({"sets": [["planet"]]}, "touchpoint, channel"),
        ({"sets": [["team"], ["team"]]}, "comes twice"),
        ({"sets": [["team", "team"]]}, "each once"),
        ({"target": pb.KpiTarget(value=float("inf"))}, "finite"),
        ({"target": pb.KpiTarget(value=1, since="yesterday")}, "2026-12-31"),
        ({"target": pb.KpiTarget(value=1, since="2026-02-01", until="2026-01-01")}, "ends after"),
        ({"aggregation": pb.AGGREGATION_RATIO, "event": "", "of": ["spend"]}, "a numerator and a denominator"),
        ({"aggregation": pb.AGGREGATION_RATIO, "event": "", "of": ["spend", "nothing"]}, "there is no KPI nothing"),
        ({"aggregation": pb.AGGREGATION_RATIO, "of": ["spend", "enquiries"], "sets": []}, "no events of its own"),
        ({"of": ["spend"]}, "only a RATIO or a RATE"),
        (
            {"aggregation": pb.AGGREGATION_RATE, "event": "", "of": ["enquiries"], "sets": []},
            "no single values",
        ),
        ({"key": "spend", "event": "", "aggregation": pb.AGGREGATION_RATIO, "of": ["reach", "enquiries"], "sets": []},
         "derived from it"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_its_place(metrics: Running, fields: Draft, says: str) -> None:
    error = await refused(metrics, **fields)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert says in (error.details() or "")


async def test_definitions_need_their_scope(serve: Serve) -> None:
    async with serve(Caller("clerk", frozenset({"metrics:read"}))) as metrics:
        assert (await refused(metrics)).code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_dry_run_says_what_stored_events_would_give_and_saves_nothing(metrics: Running) -> None:
    await metrics.ingest(
        event("1", observation(60.0, dimensions={"touchpoint": "tou_1", "team": "a"})),
        event("2", observation(600.0, dimensions={"touchpoint": "tou_1"})),
        event("3", observation(30.0, dimensions={"touchpoint": "tou_2", "team": "b"})),
        event("4", observation(5.0, state="EXCLUDED", reason="SPAM", dimensions={"team": "a"})),
    )
    fields: Draft = {
        "aggregation": pb.AGGREGATION_MEAN,
        "unit": "s",
        "filter": 'event.team.startsWith("a") || event.touchpoint == "tou_2"',
        "value": "event.value * 2.0",
    }
    answer = await define(metrics, dry_run=True, **fields)
    trial = answer.trial
    assert (trial.examined, trial.counted, trial.filtered) == (4, 2, 0)
    assert {one.reason: one.count for one in trial.left_out} == {"RULE_ERROR": 1, "SPAM": 1}
    (fault,) = trial.faults
    assert (fault.count, fault.event_id) == (1, "2")
    assert [(one.event_id, one.value) for one in trial.values] == [("3", 60.0), ("1", 120.0)]
    assert trial.result == 90.0
    assert {change.field for change in answer.changes} >= {"name", "event", "filter", "value", "aggregation"}
    gone = await metrics.call("BatchGetKpis", pb.BatchGetKpisRequest(keys=["waits"]))
    assert gone.answers["waits"].error.code == "NOT_FOUND"


async def test_a_new_definition_counts_what_is_stored_and_what_comes_each_once(metrics: Running) -> None:
    await metrics.ingest(*(event(f"a{i}", observation(1.0)) for i in range(10)))
    await metrics.fold()
    kpi = (await define(metrics)).kpi
    assert (kpi.definition.version, kpi.definition.back_fill.state) == (1, pb.JOB_STATE_WAITING)
    partial = await value_of(metrics, "waits")
    assert (partial.value, partial.partial.code) == (0, "BACK_FILL_RUNNING")

    await metrics.ingest(*(event(f"b{i}", observation(1.0)) for i in range(5)))
    # What comes now is counted live, what was stored is filled in; a correction of a stored one comes in between.
    await metrics.fold()
    assert (await value_of(metrics, "waits")).value == 5
    await metrics.ingest(event("c", None, before=observation(1.0), subject="a3"))
    await work(metrics)
    done = await value_of(metrics, "waits")
    assert (done.value, done.HasField("partial")) == (14, False)
    assert (await value_of(metrics, "waits", {"touchpoint": "tou_1"})).value == 14
    jobs = await metrics.call("ListJobs", pb.ListJobsRequest())
    newest = jobs.edges[0].node
    assert (newest.subject, newest.state, newest.done, newest.total) == ("waits", pb.JOB_STATE_DONE, 10, 10)


async def test_a_back_fill_goes_on_where_a_killed_process_left_it(serve: Serve) -> None:
    async with serve(batch=3) as one:
        await one.ingest(*(event(f"a{i}", observation(1.0)) for i in range(20)))
        await one.fold()
        await define(one)
        for _ in range(4):
            await one.service.folder.work_once()
        half = (await one.call("BatchGetKpis", pb.BatchGetKpisRequest(keys=["waits"]))).answers["waits"].value
        assert 0 < half.definition.back_fill.done < 20
        async with serve() as other:
            # The first one still believes it is at work.
            await asyncio.gather(work(one), work(other))
            assert (await value_of(other, "waits")).value == 20


async def test_the_old_version_answers_until_the_new_one_is_complete(metrics: Running, database: Database) -> None:
    await metrics.ingest(*(event(f"a{i}", observation(100.0 * i)) for i in range(1, 11)))
    await work(metrics)
    await define(metrics)
    await work(metrics)
    assert (await value_of(metrics, "waits")).value == 10
    second = await define(metrics, version=1, filter="event.value > 500.0")
    assert (second.kpi.definition.version, [c.field for c in second.changes]) == (2, ["filter"])
    old = await value_of(metrics, "waits")
    assert (old.value, old.definition_version) == (10, 1)
    await work(metrics)
    new = await value_of(metrics, "waits")
    assert (new.value, new.definition_version) == (5, 2)
    assert await database["cells"].count_documents({"k": "waits/1"}) == 0, "what no longer answers is gone"

    stale = await refused(metrics, version=1)
    assert stale.code() == grpc.StatusCode.ABORTED
    same = await define(metrics, filter="event.value > 500.0")
    assert (list(same.changes), same.kpi.definition.version) == ([], 2)
    renamed = await define(metrics, filter="event.value > 500.0", name="Long waits")
    assert renamed.kpi.definition.version == 3
    assert not renamed.kpi.definition.HasField("back_fill"), "another name makes no other figures"
    assert (await value_of(metrics, "waits")).value == 5


async def test_an_archived_one_counts_no_more_and_what_it_counted_stays(metrics: Running) -> None:
    await define(metrics)
    await metrics.ingest(event("1", observation(1.0)))
    await work(metrics)
    archived = await metrics.call("ArchiveKpi", pb.ArchiveKpiRequest(key="waits", version=1))
    assert archived.kpi.HasField("archived_at")
    await metrics.ingest(event("2", observation(1.0)))
    await work(metrics)
    assert (await value_of(metrics, "waits")).value == 1
    listed = [kpi.key for kpi in (await metrics.call("ListKpis", pb.ListKpisRequest())).kpis]
    assert "waits" not in listed
    everything = await metrics.call("ListKpis", pb.ListKpisRequest(archived=True))
    assert "waits" in [kpi.key for kpi in everything.kpis]
    with pytest.raises(grpc.aio.AioRpcError, match="derived"):
        await metrics.call("ArchiveKpi", pb.ArchiveKpiRequest(key="spend"))
    await define(metrics)
    await work(metrics)
    assert (await value_of(metrics, "waits")).value == 2, "defined again, it counts everything"


async def test_rates_ratios_and_shares_within_a_target(metrics: Running) -> None:
    await define(
        metrics,
        key="long_share",
        aggregation=pb.AGGREGATION_RATE,
        value="event.value > 86400.0",
        filter='event.state == "COMPLETE"',
    )
    spent = observation(state="COMPLETE")
    spent.value = 200.0
    await metrics.ingest(
        *(event(f"{i}", observation(40_000.0 * i)) for i in range(1, 5)),
        event("open", observation(at=NOW - timedelta(hours=1))),
        *(event(f"o{i}", observation(state="COMPLETE"), name="enquiry.opened") for i in range(8)),
        event("s", spent, name="spend.recorded"),
    )
    await work(metrics)
    share = await value_of(metrics, "long_share")
    assert (share.n, share.value) == (4, 0.5)
    assert share.interval.lower < 0.5 < share.interval.upper
    within = await value_of(metrics, "first_response_time_within_target", {"touchpoint": "tou_1"})
    assert (within.n, within.value) == (4, 0.5), "the open one is not due yet"
    cost = await value_of(metrics, "cost_per_enquiry")
    assert cost.value == 25.0
    rows = await metrics.call(
        "GetBreakdown", pb.GetBreakdownRequest(query=pb.ResultQuery(kpi="cost_per_enquiry", period=period()),
                                               by=["touchpoint"])
    )  # fmt: skip
    assert [(row.key[0].value, row.result.value) for row in rows.rows] == [("tou_1", 25.0)]
    series = await metrics.call(
        "GetSeries",
        pb.GetSeriesRequest(
            query=pb.ResultQuery(kpi="cost_per_enquiry", period=period()), granularity=pb.GRANULARITY_MONTH
        ),
    )
    assert [point.result.value for point in series.points if point.result.HasField("value")] == [25.0]
    nothing = await value_of(metrics, "cost_per_contact")
    assert not nothing.HasField("value"), "nothing by nothing is nothing that could be shown"


async def test_targets_have_a_direction_and_dates(metrics: Running) -> None:
    higher: Draft = {"aggregation": pb.AGGREGATION_SUM, "target": pb.KpiTarget(value=50, since="2026-03-01")}
    await define(metrics, **higher)
    await metrics.ingest(*(event(f"{i}", observation(10.0 * i)) for i in range(1, 8)))
    await work(metrics)
    result = await value_of(metrics, "waits")
    assert (result.within_target.hit, result.within_target.missed) == (3, 4)
    assert result.target.since == "2026-03-01"
    before = pb.ResultQuery(kpi="waits", period=period(end=datetime(2026, 2, 1, tzinfo=NOW.tzinfo)))
    assert not (await metrics.result(before)).HasField("target"), "it is not meant for that time"


async def test_a_rule_that_fails_leaves_out_and_says_so(metrics: Running) -> None:
    await define(metrics, filter='event.team == "a" || event.team.size() / 0 > 1')
    await metrics.ingest(
        event("1", observation(1.0, dimensions={"team": "a", "touchpoint": "tou_1"})),
        event("2", observation(1.0, dimensions={"team": "b", "touchpoint": "tou_1"})),
        event("3", observation(1.0)),
    )
    await work(metrics)
    result = await value_of(metrics, "waits", {"touchpoint": "tou_1"})
    assert result.value == 1
    assert {one.reason: one.count for one in result.excluded} == {"RULE_ERROR": 2}


async def test_what_expired_is_not_counted_for_a_new_definition_and_it_says_so(
    serve: Serve, database: Database
) -> None:
    async with serve(event_days=30) as metrics:
        await metrics.ingest(*(event(f"a{i}", observation(1.0, at=NOW - timedelta(days=i))) for i in range(60)))
        await work(metrics)
        await database["event_counters"].update_one(
            {"_id": "expired"}, {"$set": {"until": NOW - timedelta(days=30), "gone": True}}, upsert=True
        )
        await define(metrics)
        await work(metrics)
        result = await value_of(metrics, "waits")
        assert result.value == 31
        assert result.partial.code == "COUNTED_FROM"
        long_ago = NOW - timedelta(days=45)
        corrected = event("x", observation(9.0, at=long_ago), before=observation(1.0, at=long_ago), subject="a45")
        await metrics.ingest(corrected)
        await work(metrics)
        assert (await value_of(metrics, "waits")).value == 31, "a correction of what it never counted changes nothing"


async def test_cells_can_be_exported_as_they_are_kept(metrics: Running) -> None:
    await metrics.ingest(
        event("1", observation(5.0)), event("2", observation(200_000.0)), event("3", observation(at=START))
    )
    await work(metrics)
    request = pb.ExportCellsRequest(kpi="first_response_time", period=period(), by=["touchpoint"])
    cells = [cell async for answer in metrics.kpis.ExportCells(request, timeout=10) for cell in answer.cells]
    shown = [(c.day, c.values[0].value, c.days_until_end if c.HasField("days_until_end") else None, c.n, c.open)
             for c in cells]  # fmt: skip
    assert sorted(shown, key=str) == [
        ("2026-03-02", "tou_1", 0, 1, 0),
        ("2026-03-02", "tou_1", 2, 1, 0),
        ("2026-03-02", "tou_1", None, 0, 1),
    ]
    assert {c.sum for c in cells} == {5.0, 200_000.0, 0.0}
    assert sum(count for c in cells for count in c.bins.values()) == 2
    derived = pb.ExportCellsRequest(kpi="cost_per_contact", period=period())
    with pytest.raises(grpc.aio.AioRpcError, match="derived"):
        [_ async for _ in metrics.kpis.ExportCells(derived, timeout=10)]


async def _no_requests() -> AsyncIterator[rollup_pb2.CheckFiguresRequest]:
    return
    yield rollup_pb2.CheckFiguresRequest()


async def test_a_companys_own_events_are_declared_counted_and_checked(metrics: Running, database: Database) -> None:
    async def declared(**fields: Any) -> event_pb2.EventType:
        attributes = {"seconds_down": event_pb2.ATTRIBUTE_KIND_NUMBER, "planned": event_pb2.ATTRIBUTE_KIND_FLAG}
        said = {
            "name": "machine.stopped",
            "description": "",
            "dimensions": ["plant"],
            "attributes": attributes,
            **fields,
        }
        request = event_pb2.DefineEventTypeRequest(type=event_pb2.EventType(**said))
        answer: event_pb2.DefineEventTypeResponse = await metrics.events.DefineEventType(request, timeout=10)
        return answer.type

    unknown = await metrics.ingest(event("1", observation(1.0), name="machine.stopped"))
    assert "no events named" in unknown.rejected[0].error.message
    await declared()
    with pytest.raises(grpc.aio.AioRpcError, match="added to, not changed"):
        await declared(dimensions=[])
    with pytest.raises(grpc.aio.AioRpcError, match="comes with Rundblick"):
        await declared(name="wait.first")
    with pytest.raises(grpc.aio.AioRpcError, match="comes twice"):
        await declared(dimensions=["plant", "team"])
    listed = (await metrics.events.ListEventTypes(event_pb2.ListEventTypesRequest(), timeout=10)).types
    assert "machine.stopped" in [one.name for one in listed]

    def stopped(id: str, seconds: float, planned: object) -> event_pb2.Event:
        said = observation(state="COMPLETE", dimensions={"plant": "Ulm"})
        said.attributes["seconds_down"].number = seconds
        if isinstance(planned, bool):
            said.attributes["planned"].flag = planned
        else:
            said.attributes["planned"].text = str(planned)
        return event(id, said, name="machine.stopped")

    answer = await metrics.ingest(stopped("1", 60.0, False), stopped("2", 30.0, True), stopped("3", 1.0, "yes"))
    assert answer.accepted == 2
    assert [(r.id, ".".join(r.error.path)) for r in answer.rejected] == [("3", "after.attributes.planned")]
    await define(
        metrics,
        key="downtime",
        event="machine.stopped",
        filter="!event.planned",
        value="event.seconds_down",
        unit="s",
        aggregation=pb.AGGREGATION_SUM,
        sets=[["plant"]],
    )
    await work(metrics)
    assert (await value_of(metrics, "downtime", {"plant": "Ulm"})).value == 60
    # Nobody else can say these again: the stored events are the facts that figures are held against.
    (clean,) = [a async for a in metrics.rollups.CheckFigures(_no_requests(), timeout=10)]
    assert list(clean.differences) == []
    await database["cells"].update_one({"k": "downtime/1", "s": "plant"}, {"$inc": {"m.n": 1}})
    (wrong,) = [a async for a in metrics.rollups.CheckFigures(_no_requests(), timeout=10)]
    assert [one.what for one in wrong.differences] == ["cell"]


async def test_figures_are_kept_in_the_days_of_one_zone(serve: Serve) -> None:
    def at(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 3, day, hour, minute, tzinfo=NOW.tzinfo)

    async with serve(zone="Asia/Kolkata") as metrics:
        await metrics.ingest(
            event("1", observation(5.0, at=at(1, 18))),
            event("2", observation(5.0, at=at(1, 19))),
            event("3", observation(at=at(1, 19))),
        )
        await work(metrics)
        selection = pb.ResultSelection(open=True)
        noon = period(at(1, 12), at(1, 13))
        result = await metrics.result(pb.ResultQuery(kpi="first_response_time", period=noon, selection=selection))
        assert (result.n, result.period.time_zone) == (1, "Asia/Kolkata")
        assert from_timestamp(result.period.end) == at(1, 18, 30)
        whole = pb.ResultQuery(kpi="first_response_time", period=period(at(1, 0), at(2, 18, 30)), selection=selection)
        series = await metrics.call("GetSeries", pb.GetSeriesRequest(query=whole, granularity=pb.GRANULARITY_DAY))
        assert [(point.result.n, point.result.open.open) for point in series.points] == [(1, 0), (1, 1)]
    with pytest.raises(Conflict, match="Asia/Kolkata"):
        async with serve(zone="Europe/Berlin"):
            pass
