"""The figures of a customer follow its source records through merges and splits, in whatever order they are told."""

from itertools import permutations
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import kpi_pb2
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller
from tests.metrics.conftest import Running, Serve, event, observation

MOVES = (
    ("src_b", "cus_a", 1),
    ("cus_b", "cus_a", 1),
    ("src_b", "cus_b", 2),
    ("cus_b", "cus_b", 2),
    ("src_b", "cus_c", 3),
)


def of(record: str | None, customer: str, seconds: float | None = 60.0) -> Any:
    one = observation(seconds, customer=customer)
    if record:
        one.source_record_id = record
    return one


async def move(metrics: Running, *aliases: tuple[str, str, int]) -> None:
    request = alias_pb2.MoveAliasesRequest(
        aliases=[alias_pb2.Alias(id=id, customer_id=customer, version=version) for id, customer, version in aliases]
    )
    await metrics.aliases.MoveAliases(request, timeout=10, metadata=metrics.metadata)


async def counts(metrics: Running, *ids: str) -> list[tuple[int, int]]:
    """Of each customer: answered, and waiting still."""
    request = kpi_pb2.BatchGetSubjectResultsRequest(
        kind=kpi_pb2.SUBJECT_KIND_CUSTOMER,
        ids=ids,
        keys=["first_response_time"],
        selection=kpi_pb2.ResultSelection(open=True),
    )
    answers = (await metrics.call("BatchGetSubjectResults", request)).answers
    results = [answers[id].value.results[0] for id in ids]
    return [(result.n, result.open.open) for result in results]


async def test_figures_go_with_the_record_and_come_back(metrics: Running) -> None:
    await metrics.ingest(
        event("1", of("src_a", "cus_a")), event("2", of("src_b", "cus_b")), event("3", of("src_b", "cus_b", None))
    )
    await metrics.fold()
    assert await counts(metrics, "cus_a", "cus_b") == [(1, 0), (1, 1)]
    await move(metrics, ("src_b", "cus_a", 1), ("cus_b", "cus_a", 1))
    assert await counts(metrics, "cus_a", "cus_b") == [(2, 1), (2, 1)], "the old id answers the present customer"
    await metrics.ingest(event("4", of("src_b", "cus_b")))
    await metrics.fold()
    assert await counts(metrics, "cus_a") == [(3, 1)], "told late for an old id it is the present customer's"
    await move(metrics, ("src_b", "cus_b", 2), ("cus_b", "cus_b", 2))
    assert await counts(metrics, "cus_a", "cus_b") == [(1, 0), (2, 1)]


@pytest.mark.parametrize("order", list(permutations(range(len(MOVES))))[::7])
async def test_moves_told_in_any_order_end_the_same(metrics: Running, order: tuple[int, ...]) -> None:
    for place in order[:3]:
        await move(metrics, MOVES[place])
    await metrics.ingest(event("1", of("src_a", "cus_a")), event("2", of("src_b", "cus_b")))
    await metrics.fold()
    for place in (*order[3:], order[0]):
        await move(metrics, MOVES[place])
    assert await counts(metrics, "cus_a", "cus_b", "cus_c") == [(1, 0), (0, 0), (1, 0)]


async def test_what_was_recorded_for_a_golden_id_alone_follows_that(metrics: Running) -> None:
    await metrics.ingest(event("1", of(None, "cus_b")))
    await metrics.fold()
    await move(metrics, ("cus_b", "cus_a", 1))
    assert await counts(metrics, "cus_a", "cus_b") == [(1, 0), (1, 0)]
    await move(metrics, ("cus_b", "cus_b", 2))
    assert await counts(metrics, "cus_a", "cus_b") == [(0, 0), (1, 0)]


async def test_only_who_looks_after_the_system_moves_anything(serve: Serve) -> None:
    async with serve(Caller("somebody", frozenset({"customers:write"}))) as metrics:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await move(metrics, ("src_b", "cus_a", 1))
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
