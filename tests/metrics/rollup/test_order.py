"""Corrections may come in any order: sums, open waits and the figures of customers end the same."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.mongo import Database
from services.metrics.event.messages import event_from_proto
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.periods import Days
from services.metrics.rollup.customers import KEPT, all_time, changed, within
from services.metrics.rollup.sums import Sums
from tests.metrics.conftest import START, Running, event, observation

STATES = st.one_of(
    st.integers(0, 1000).map(lambda seconds: observation(float(seconds), customer="cus_1")),
    st.just(observation(customer="cus_1")),
    st.just(observation(50, state="CLOSED_UNANSWERED", customer="cus_1")),
    st.just(observation(state="EXCLUDED", reason="SPAM", customer="cus_1")),
)


def corrections(subject: str, history: list[Any]) -> list[Any]:
    befores = [None, *history]
    return [
        event(f"{subject}/{version}", after, before=before, subject=subject)
        for version, (before, after) in enumerate(zip(befores, history, strict=False))
    ]


def folded(events: list[Any], parts: int) -> tuple[Any, ...]:
    """As so many batches: what is kept of customers and of open waits."""
    catalogue = Catalogue()
    document: dict[str, Any] = {"_id": "cus_1", "k": {}}
    waits: dict[str, int] = {}
    for start in range(0, len(events), parts):
        sums = Sums(catalogue)
        for one in events[start : start + parts]:
            sums.take(event_from_proto(one))
        document = changed(document, sums.customers["cus_1"])
        for wait in sums.open.values():
            waits[wait.id] = waits.get(wait.id, 0) + wait.count
    kpi = catalogue.get("first_response_time")
    period = within([document], kpi, Days(START.date(), START.date().replace(year=2027)))
    return all_time([document], kpi), period, {id: count for id, count in waits.items() if count}


@given(st.lists(st.lists(STATES, min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_any_order_and_any_batches_end_the_same(histories: list[list[Any]], data: st.DataObject) -> None:
    events = [one for number, history in enumerate(histories) for one in corrections(f"s{number}", history)]
    last = [event(f"s{n}/only", history[-1], subject=f"s{n}") for n, history in enumerate(histories)]
    shuffled = data.draw(st.permutations(events))
    assert folded(shuffled, data.draw(st.integers(1, 5))) == folded(last, 100)


def test_of_many_observations_the_newest_are_kept_one_by_one_and_the_sum_of_all() -> None:
    events = [
        event(f"e{n}", observation(5.0, at=START + timedelta(days=n), customer="cus_1")) for n in range(KEPT + 20)
    ]
    events = [*events[1::2], *reversed(events[0::2])]
    for parts in (1, 7, 1000):
        everything, old, _ = folded(events, parts)
        assert everything.n == KEPT + 20
        assert old is None, "that far back only the sum is known"
    sums = Sums(Catalogue())
    for one in events:
        sums.take(event_from_proto(one))
    document = changed({"_id": "cus_1", "k": {}}, sums.customers["cus_1"])
    since = (START + timedelta(days=21)).date()
    recent = within([document], Catalogue().get("first_response_time"), Days(since, since.replace(year=2027)))
    assert recent is not None
    assert recent.n == KEPT - 1


async def test_an_open_wait_that_ended_before_it_was_told_leaves_nothing(metrics: Running, database: Database) -> None:
    waiting, answered = observation(), observation(60)
    await metrics.ingest(event("w/2", answered, before=waiting, subject="w"))
    await metrics.fold()
    assert [one["c"] async for one in database["open_waits"].find()] == [-1]
    await metrics.ingest(event("w/1", waiting, subject="w"))
    await metrics.fold()
    assert await database["open_waits"].count_documents({}) == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_a_wait_reopened_out_of_order_is_open_once(
    metrics: Running, database: Database, order: tuple[int, ...]
) -> None:
    waiting, answered, again = observation(), observation(60), observation(dimensions={"source": "shop"})
    history = [
        event("w/1", waiting, subject="w"),
        event("w/2", answered, before=waiting, subject="w"),
        event("w/3", again, before=answered, subject="w"),
    ]
    for place in order:
        await metrics.ingest(history[place])
        await metrics.fold()
    expected = {"source": "shop", "segment": []}
    assert [(one["c"], one["dimensions"]) async for one in database["open_waits"].find()] == [(1, expected)]
