"""The folder: exactly once, exactly invertible, whoever folds."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.mongo import Database
from services.metrics.event.messages import event_from_proto
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.sums import Sums
from services.metrics.wiring import MetricsService
from tests.metrics.conftest import NOW, START, Running, event, observation, query


def sums_of(events: list[Any]) -> dict[Any, Any]:
    sums = Sums(Catalogue())
    for one in events:
        sums.take(event_from_proto(one))
    return {
        (key, day): {name: value for name, value in flat.items() if value}
        for key, days in sums.cells.items()
        for day, flat in days.items()
        if any(flat.values())
    }


states = st.one_of(
    st.floats(0, 1e6).map(lambda seconds: observation(round(seconds, 3))),
    st.just(observation()),
    st.just(observation(50, state="CLOSED_UNANSWERED")),
    st.just(observation(state="EXCLUDED", reason="SPAM")),
    st.just(observation(state="NEGATIVE")),
)


@given(st.lists(states, min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_corrections_leave_what_the_last_state_alone_gives(history: list[Any]) -> None:
    corrections = [
        event(f"e{version}", after, before=before, subject="s")
        for version, (before, after) in enumerate(zip([None, *history], history, strict=False))
    ]
    assert sums_of(corrections) == sums_of([event("only", history[-1], subject="s")])


@given(st.lists(states, min_size=2, max_size=8))
def test_the_order_of_different_facts_does_not_matter(facts: list[Any]) -> None:
    events = [event(f"e{number}", fact) for number, fact in enumerate(facts)]
    assert sums_of(events) == sums_of(events[::-1])


async def test_an_event_taken_back_leaves_no_trace_in_any_figure(metrics: Running) -> None:
    await metrics.ingest(event("a/1", observation(60, customer="cus_1"), subject="a"))
    await metrics.ingest(event("a/2", None, before=observation(60, customer="cus_1"), subject="a"))
    await metrics.fold()
    result = await metrics.result(query())
    assert result.n == 0
    assert result.open.received == 0
    assert not result.HasField("value")


async def test_two_folders_at_once_count_once(database: Database, metrics: Running) -> None:
    await metrics.ingest(*(event(f"e{number}", observation(number + 1.0)) for number in range(300)))
    other = MetricsService(database, lambda: NOW)
    await asyncio.gather(metrics.fold(), other.folder.fold_once(), other.folder.fold_once())
    await metrics.fold()
    assert (await metrics.result(query())).n == 300


async def test_an_open_wait_that_is_answered_is_open_no_more(metrics: Running) -> None:
    at = NOW - timedelta(hours=2)
    await metrics.ingest(event("w/1", observation(at=at), subject="w"), event("v/1", observation(at=START)))
    await metrics.fold()
    waiting = await metrics.result(query())
    assert (waiting.open.open, waiting.within_target.not_yet_due, waiting.within_target.missed) == (2, 1, 1)
    assert waiting.open.oldest_seconds == (NOW - START).total_seconds()
    await metrics.ingest(event("w/2", observation(600, at=at), before=observation(at=at), subject="w"))
    await metrics.fold()
    answered = await metrics.result(query())
    assert (answered.n, answered.open.open, answered.within_target.hit) == (1, 1, 1)
    assert answered.within_target.not_yet_due == 0


async def test_the_sums_are_exact_over_many_batches(metrics: Running) -> None:
    values = [0.001 * number for number in range(1, 2001)]
    for part in range(0, 2000, 500):
        await metrics.ingest(*(event(f"e{i}", observation(values[i])) for i in range(part, part + 500)))
        await metrics.fold()
    result = await metrics.result(query())
    assert result.n == 2000
    assert result.mean == pytest.approx(sum(values) / 2000, rel=1e-12)
    assert result.standard_deviation == pytest.approx(0.001 * (2000 * 2001 / 12) ** 0.5, rel=1e-9)


async def test_what_is_not_counted_yet_shows_in_freshness(metrics: Running) -> None:
    await metrics.service.freshness.look()
    assert metrics.service.freshness.until == NOW
    await metrics.ingest(event("late", observation(5)))
    await metrics.service.freshness.look()
    assert metrics.service.freshness.until <= NOW
    await metrics.fold()
    assert (await metrics.result(query())).n == 1
