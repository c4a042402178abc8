"""As of a past day: what a recomputation from the facts that had happened by then gives."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rundblick.metrics.v1 import kpi_pb2

from services.metrics.event.messages import event_from_proto
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.domain import Group, Query, month_of
from services.metrics.rollup.gathering import gather
from services.metrics.rollup.sketch import value_of
from services.metrics.rollup.sums import Sums
from tests.metrics.conftest import NOW, START, Running, event, observation, query

DAY = 86_400.0
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def gathered(waits: list[Any], as_of: date) -> Group:
    """What the cells of these waits give."""
    kpi = Catalogue().get("first_response_time")
    sums = Sums(Catalogue())
    for number, wait in enumerate(waits):
        sums.take(event_from_proto(event(f"e{number}", wait)))
    group = Group()
    for (name, dimensions, _, month), places in sums.cells.items():
        if name.startswith("first_response") and dimensions == ():
            days: dict[str, dict[str, Any]] = {}
            for (day, later), flat in places.items():
                part = days.setdefault(str(day), {}).setdefault(later, {})
                for key, value in flat.items():
                    outer, _, inner = key.partition(".")
                    if inner:
                        part.setdefault(outer, {})[inner] = value
                    else:
                        part[outer] = value
            gather(group, Query(kpi, (), (), date(2026, 1, 1), as_of, as_of=as_of), {"t": month, "d": days})
    assert month_of(BEGIN) == "2026-03"
    return group


@given(
    st.lists(st.tuples(st.integers(0, 40 * 86_400), st.integers(0, 30 * 86_400)), min_size=1, max_size=30),
    st.integers(1, 60),
)
@settings(max_examples=200)
def test_it_is_what_had_happened_by_then(facts: list[tuple[int, int]], days: int) -> None:
    as_of = (BEGIN + timedelta(days=days)).date()
    moment = BEGIN + timedelta(days=days)
    waits = [observation(float(length), at=BEGIN + timedelta(seconds=start)) for start, length in facts]
    group = gathered(waits, as_of)
    ended = [length for start, length in facts if BEGIN + timedelta(seconds=start + length) < moment]
    waiting = [
        (moment - BEGIN).total_seconds() - start
        for start, length in facts
        if BEGIN + timedelta(seconds=start) < moment <= BEGIN + timedelta(seconds=start + length)
    ]
    assert (group.parts.n, group.parts.sum) == (len(ended), sum(ended) * 1_000_000)
    assert group.parts.open == len(waiting)
    assert group.parts.hit == sum(length <= DAY for length in ended)
    bins = group.waiting[None].bins if waiting else {}
    assert sum(bins.values()) == len(waiting)
    # When it ended is known to half a day, how long it lasted in the end, and how long by then, to 1 % each.
    longest = max(length for _, length in facts)
    guessed = sorted(value_of(key) for key, count in bins.items() for _ in range(count))
    for guess, true in zip(guessed, sorted(waiting), strict=True):
        assert abs(guess - true) <= DAY / 2 + 0.01 * longest + 0.01 * true + 1
    if waiting:
        assert group.waiting[None].due_later == sum(true <= DAY for true in waiting)


async def test_every_figure_can_be_asked_as_of_a_past_day(metrics: Running) -> None:
    still = observation(at=START, dimensions={"source": "shop"})
    later = observation(3 * DAY, at=START, dimensions={"source": "shop"})
    soon = observation(600.0, at=START, dimensions={"source": "web"})
    await metrics.ingest(event("still", still), event("later", later), event("soon", soon))
    await metrics.fold()
    asked = query()
    asked.as_of.FromDatetime(START + timedelta(days=1))
    result = await metrics.result(asked)
    assert (result.n, result.open.open, result.open.received) == (1, 2, 3)
    assert result.as_of.ToDatetime(UTC) == datetime(2026, 3, 4, tzinfo=UTC), "the end of the day that was asked for"
    assert (result.within_target.hit, result.within_target.missed, result.within_target.not_yet_due) == (1, 2, 0)
    # 9 o'clock on the second until midnight after the third.
    assert result.open.oldest_seconds == pytest.approx(39 * 3600, abs=DAY / 2)
    first_day = query()
    first_day.as_of.FromDatetime(datetime(2026, 3, 3, tzinfo=UTC))
    assert (await metrics.result(first_day)).within_target.not_yet_due == 2
    now = await metrics.result(query())
    assert (now.n, now.open.open, now.HasField("as_of")) == (2, 1, False)

    series = await metrics.call(
        "GetSeries", kpi_pb2.GetSeriesRequest(query=asked, granularity=kpi_pb2.GRANULARITY_MONTH)
    )
    assert [(p.result.n, p.result.open.open) for p in series.points if p.result.open.received] == [(1, 2)]
    rows = await metrics.call("GetBreakdown", kpi_pb2.GetBreakdownRequest(query=asked, by=["source"]))
    assert [(row.key[0].value, row.result.n, row.result.open.open) for row in rows.rows] == [
        ("shop", 0, 2),
        ("web", 1, 0),
    ]


async def test_what_has_not_happened_yet_cannot_be_asked_for(metrics: Running) -> None:
    asked = query()
    asked.as_of.FromDatetime(NOW + timedelta(seconds=1))
    answer = await metrics.call("BatchGetResults", kpi_pb2.BatchGetResultsRequest(queries=[asked]))
    assert (answer.answers[0].error.code, list(answer.answers[0].error.path)) == ("INVALID", ["as_of"])
    with pytest.raises(grpc.aio.AioRpcError):
        await metrics.call("GetBreakdown", kpi_pb2.GetBreakdownRequest(query=asked, by=["source"]))


async def test_before_everything_there_is_nothing(metrics: Running) -> None:
    await metrics.ingest(event("e", observation(60.0)))
    await metrics.fold()
    asked = query()
    asked.as_of.FromDatetime(datetime(2025, 1, 1, tzinfo=UTC))
    result = await metrics.result(asked)
    assert (result.n, result.open.received) == (0, 0)
