"""Measures that were introduced are changes: told in any order and any number of times, the newest holds."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import change_pb2 as pb

from chassis.caller import ALL_SCOPES, Caller
from chassis.ids import new_id, with_prefix
from chassis.times import to_timestamp
from tests.metrics.change.conftest import Changes, Serve
from tests.metrics.conftest import START

PROCESS = Caller("process", frozenset({ALL_SCOPES}))


def introduced(id: str, version: int, **said: Any) -> pb.IntroducedMeasure:
    fields = {
        "title": f"Version {version}",
        "kind": pb.CHANGE_KIND_SERVICE,
        "introduced_at": to_timestamp(START),
        **said,
    }
    return pb.IntroducedMeasure(id=id, version=version, **fields)


async def test_the_newest_that_was_told_of_a_measure_holds(serve: Serve) -> None:
    one, other = new_id("mea"), new_id("mea")
    later = to_timestamp(START + timedelta(days=1))
    async with serve(PROCESS) as process:
        await process.call(pb.PutMeasuresRequest(measures=[introduced(one, 2, aims_at="reach"), introduced(other, 9)]))
        await process.call(pb.PutMeasuresRequest(measures=[introduced(one, 3, introduced_at=later)]))
        await process.call(pb.PutMeasuresRequest(measures=[introduced(one, 2, aims_at="reach"), introduced(other, 8)]))
        assert await process.listed() == ["Version 3", "Version 9"]
        id = with_prefix("chg", one)
        found = (await process.call(pb.BatchGetChangesRequest(ids=[id]))).answers[id].value
    assert (found.measure_id, found.aims_at, found.introduced_at) == (one, "", later)
    assert found.recorded_by == "process"


async def test_nobody_but_a_process_tells_of_measures(changes: Changes) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await changes.call(pb.PutMeasuresRequest(measures=[introduced(new_id("mea"), 1)]))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
