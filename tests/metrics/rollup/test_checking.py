"""The check of figures names what differs from what the producers say, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any

from rundblick.metrics.v1 import rollup_pb2

from chassis.mongo import Database
from tests.metrics.conftest import NOW, Running, event, observation

FACTS = (
    event("1", observation(60.0, customer="cus_1")),
    event("2", observation(customer="cus_1")),
    event("3", observation(600.0, dimensions={"source": "web"})),
)


async def differences(metrics: Running, *facts: Any) -> list[tuple[str, str]]:
    async def told() -> AsyncIterator[rollup_pb2.CheckFiguresRequest]:
        for fact in facts:
            yield rollup_pb2.CheckFiguresRequest(events=[fact])

    [answer] = [one async for one in metrics.rollups.CheckFigures(told(), timeout=20, metadata=metrics.metadata)]
    return [(difference.what, difference.detail) for difference in answer.differences]


async def taken(metrics: Running) -> None:
    await metrics.ingest(*FACTS)
    await metrics.fold()


async def test_what_is_right_differs_in_nothing(metrics: Running) -> None:
    await taken(metrics)
    assert await differences(metrics, *FACTS) == []


async def test_what_was_lost_and_what_was_doubled_is_named(metrics: Running) -> None:
    await taken(metrics)
    lost = event("4", observation(5.0, customer="cus_2"))
    found = await differences(metrics, *FACTS, lost)
    assert {what for what, _ in found} == {"cell", "customer_figures"}
    assert any("m.n should be 3, is 2" in detail for _, detail in found)
    doubled = await differences(metrics, *FACTS[1:])
    assert any("m.n should be 1, is 2" in detail for _, detail in doubled)


async def test_each_kind_of_figure_is_looked_at(metrics: Running, database: Database) -> None:
    await taken(metrics)
    await database["open_waits"].delete_many({})
    assert [what for what, _ in await differences(metrics, *FACTS)] == ["open_wait"]
    await database["record_figures"].update_many({}, {"$set": {"customer": "cus_9"}})
    kinds = [what for what, _ in await differences(metrics, *FACTS)]
    assert sorted(kinds) == ["customer_figures", "open_wait"]
    await database["cells"].update_many({"k": "first_response_time/1", "s": "source"}, {"$inc": {"d.2.0.s": 1}})
    assert sum(what == "cell" for what, _ in await differences(metrics, *FACTS)) == 2


async def test_what_cannot_be_recomputed_is_named_as_such(metrics: Running, database: Database) -> None:
    await taken(metrics)
    until = {"$set": {"until": NOW, "gone": True}}
    await database["event_counters"].update_one({"_id": "expired"}, until, upsert=True)
    [answer] = [one async for one in metrics.rollups.CheckFigures(_nothing(), timeout=20)]
    assert "reach" in answer.left_out, "nobody can tell those events again"
    assert "first_response_time" not in answer.left_out, "feedback can"


async def _nothing() -> AsyncIterator[rollup_pb2.CheckFiguresRequest]:
    return
    yield rollup_pb2.CheckFiguresRequest()
