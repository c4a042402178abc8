"""Alerts as they are asked for: in the order of what happened, by an index each, and kept from partners."""

from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import alert_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.mongo import Database
from tests.callers import partner
from tests.commands import Commands
from tests.customers.plans import faults_of_winners
from tests.metrics.alert.conftest import TODAY, Running, Serve

PARTNER = partner("rundblick")


async def refused(metrics: Running, request: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await metrics.call(request)
    code: grpc.StatusCode = raised.value.code()
    return code


async def several(database: Database, count: int = 40) -> None:
    """As if so many had opened and all but each fifth closed since."""
    await database["alerts"].insert_many(
        {
            "_id": f"alt_{number:026}",
            "kpi": ("enquiries", "nps", "csat")[number % 3],
            "kind": "TARGET",
            "day": "2026-05-01",
            "value": 1.0,
            "n": 9,
            "lower": 2.0,
            "upper": None,
            "centre": None,
            "opened_at": TODAY,
            "opened_sequence": number,
            "sequence": 100 + number,
            "open": not number % 5,
            "closed_day": "2026-05-03",
            "closed_at": TODAY,
            "ending": "BACK_INSIDE",
            "source": "rundblick",
        }
        for number in range(count)
    )


@pytest.mark.parametrize("backward", [False, True])
async def test_pages_give_each_once_what_happened_last_first(
    metrics: Running, database: Database, backward: bool
) -> None:
    await several(database)
    seen: list[int] = []
    page = page_pb2.PageRequest(last=7) if backward else page_pb2.PageRequest(first=7)
    while True:
        answer = await metrics.call(pb.ListAlertsRequest(page=page))
        found = [edge.node.sequence for edge in answer.edges]
        seen = [*found, *seen] if backward else [*seen, *found]
        info = answer.page_info
        if not (info.has_previous_page if backward else info.has_next_page):
            break
        page = (
            page_pb2.PageRequest(last=7, before=info.start_cursor)
            if backward
            else page_pb2.PageRequest(first=7, after=info.end_cursor)
        )
    assert seen == list(range(139, 99, -1))


async def test_what_happens_can_be_followed_in_its_order_without_a_gap(metrics: Running, database: Database) -> None:
    await several(database)
    seen: list[int] = []
    while True:
        filter = pb.AlertFilter(after_sequence=seen[-1] if seen else 0)
        answer = await metrics.call(pb.ListAlertsRequest(page=page_pb2.PageRequest(last=9), filter=filter))
        if not answer.edges:
            break
        seen += reversed([edge.node.sequence for edge in answer.edges])
    assert seen == list(range(100, 140))


async def test_filters_leave_what_they_name(metrics: Running, database: Database) -> None:
    await several(database, 10)
    for filter, expected in (
        ({"kpi_keys": ["nps"]}, [107, 104, 101]),
        ({"kpi_keys": ["nps", "csat", "nps", "unknown"], "open_only": True}, [105]),
        ({"open_only": True}, [105, 100]),
        ({"after_sequence": 107}, [109, 108]),
        ({"after_sequence": 103, "kpi_keys": ["enquiries"]}, [109, 106]),
    ):
        assert [alert.sequence for alert in await metrics.listed(**filter)] == expected, filter


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"kpi_keys": ["nps"]},
        {"kpi_keys": ["nps", "csat"]},
        {"open_only": True},
        {"open_only": True, "kpi_keys": ["nps"]},
        {"open_only": True, "kpi_keys": ["nps", "csat"]},
        {"after_sequence": 150},
        {"after_sequence": 150, "kpi_keys": ["nps", "csat"], "open_only": True},
    ],
)
@pytest.mark.parametrize("way", ["first", "last"])
async def test_every_list_is_one_command_in_the_order_of_an_index(
    metrics: Running, database: Database, commands: Commands, filter: dict[str, Any], way: str
) -> None:
    await several(database, 300)
    size: dict[str, Any] = {way: 5}
    middle = (await metrics.call(pb.ListAlertsRequest(page=page_pb2.PageRequest(first=100)))).page_info.end_cursor
    beyond = {"after" if way == "first" else "before": middle}
    for page in (page_pb2.PageRequest(**size), page_pb2.PageRequest(**size, **beyond)):
        with commands.recorded():
            await metrics.call(pb.ListAlertsRequest(page=page, filter=pb.AlertFilter(**filter)))
        assert len(commands.found) == 1
        assert await faults_of_winners(database, commands) == []


async def test_what_is_asked_by_id_or_kpi_is_one_command_by_index(
    metrics: Running, database: Database, commands: Commands
) -> None:
    await several(database, 300)
    with commands.recorded():
        await metrics.call(pb.BatchGetAlertsRequest(ids=[f"alt_{number:026}" for number in range(20)]))
        answers = (await metrics.call(pb.BatchGetOpenAlertsRequest(kpi_keys=["nps", "csat", "ces"]))).answers
        await metrics.service._alerts.position(DEVELOPMENT_CALLER)
    assert [len(answers[key].value.alerts) for key in ("nps", "csat", "ces")] == [20, 20, 0]
    assert len(commands.found) == 3
    assert await faults_of_winners(database, commands) == []


async def test_what_is_closed_is_found_by_index(metrics: Running, database: Database, commands: Commands) -> None:
    await several(database, 300)
    condition = {"kpi": "nps", "kind": "TARGET", "open": True}
    plan = await database.command("explain", {"find": "alerts", "filter": condition}, verbosity="queryPlanner")
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_an_unknown_id_has_an_error_of_its_own(metrics: Running, database: Database) -> None:
    await several(database, 1)
    known, unknown = f"alt_{0:026}", f"alt_{9:026}"
    answers = (await metrics.call(pb.BatchGetAlertsRequest(ids=[unknown, known, "nonsense"]))).answers
    assert answers[known].value.id == known
    assert [answers[id].error.code for id in (unknown, "nonsense")] == ["NOT_FOUND", "NOT_FOUND"]


@pytest.mark.parametrize(
    "request_",
    [
        pb.BatchGetAlertsRequest(ids=["alt_1"] * 501),
        pb.BatchGetOpenAlertsRequest(kpi_keys=["nps"] * 501),
        pb.ListAlertsRequest(filter=pb.AlertFilter(kpi_keys=[f"k{number}" for number in range(101)])),
        pb.ListAlertsRequest(page=page_pb2.PageRequest(first=1, after="nonsense")),
    ],
)
async def test_too_much_or_nonsense_is_refused(metrics: Running, request_: Any) -> None:
    assert await refused(metrics, request_) is grpc.StatusCode.INVALID_ARGUMENT


async def test_partners_see_no_alerts(serve: Serve, database: Database) -> None:
    await several(database, 3)
    async with serve(PARTNER) as partner:
        for request in (pb.ListAlertsRequest(), pb.BatchGetAlertsRequest(ids=[f"alt_{0:026}"])):
            assert await refused(partner, request) is grpc.StatusCode.PERMISSION_DENIED
        answers = (await partner.call(pb.BatchGetOpenAlertsRequest(kpi_keys=["enquiries"]))).answers
        assert list(answers["enquiries"].value.alerts) == []


@pytest.mark.parametrize("limit", ["team", "own"])
async def test_for_who_is_limited_to_a_part_there_are_none(serve: Serve, database: Database, limit: str) -> None:
    """They are about everything together: as if they did not exist."""
    await several(database, 3)
    id, limited = f"alt_{0:026}", frozenset({f"metrics:read:{limit}"})
    async with serve(Caller("limited", limited, employee="emp_1", team="north")) as metrics:
        assert await metrics.listed() == []
        answers = (await metrics.call(pb.BatchGetAlertsRequest(ids=[id]))).answers
        assert answers[id].error.code == "NOT_FOUND"
        answers = (await metrics.call(pb.BatchGetOpenAlertsRequest(kpi_keys=["enquiries"]))).answers
        assert list(answers["enquiries"].value.alerts) == []
