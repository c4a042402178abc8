"""What reads cost: two commands at most, whatever is asked, and none without an index."""

from datetime import timedelta

import pytest
from rundblick.metrics.v1 import kpi_pb2 as pb

from tests.commands import Commands
from tests.metrics.alias.test_servicer import move
from tests.metrics.conftest import START, Running, event, observation, query
from tests.metrics.kpi.test_defining import define, work
from tests.metrics.rollup.test_joining import said

ONE_MONTH = 30


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_every_read_costs_at_most_two_indexed_commands(metrics: Running, commands: Commands, count: int) -> None:
    await metrics.ingest(
        *(
            event(
                f"e{i}",
                observation(
                    i if i % 3 else None,
                    at=START + timedelta(days=i % ONE_MONTH),
                    customer=f"cus_{i % 50}",
                    dimensions={"source": "shop", "touchpoint": f"tou_{i % 50}", "category": f"c{i % 7}"},
                ),
            )
            for i in range(300)
        )
    )
    await metrics.fold()
    selection = pb.ResultSelection(open=True)
    reads = {
        "BatchGetResults": pb.BatchGetResultsRequest(
            queries=[query(where={"touchpoint": [f"tou_{i}"]}) for i in range(count)]
        ),
        "GetSeries": pb.GetSeriesRequest(query=query(), granularity=pb.GRANULARITY_DAY),
        "GetBreakdown": pb.GetBreakdownRequest(query=query(), by=["touchpoint", "category"]),
        "BatchGetKpis": pb.BatchGetKpisRequest(keys=["first_response_time"] * count),
        "ListKpis": pb.ListKpisRequest(),
    }
    subjects = {
        kind: pb.BatchGetSubjectResultsRequest(
            kind=kind, ids=[f"{prefix}_{i}" for i in range(count)], selection=selection
        )
        for kind, prefix in ((pb.SUBJECT_KIND_CUSTOMER, "cus"), (pb.SUBJECT_KIND_TOUCHPOINT, "tou"))
    }
    for name, request in [*reads.items(), *(("BatchGetSubjectResults", one) for one in subjects.values())]:
        with commands.recorded():
            await metrics.call(name, request)
        assert len(commands.found) <= 2, name
        assert await commands.unindexed() == [], name


async def test_the_folder_reads_by_index(metrics: Running, commands: Commands) -> None:
    await metrics.ingest(*(event(f"e{i}", observation(i, customer=f"cus_{i}")) for i in range(50)))
    with commands.recorded():
        await metrics.fold()
    assert commands.found
    assert await commands.unindexed() == []


async def test_definitions_that_join_and_tell_apart_read_by_index(metrics: Running, commands: Commands) -> None:
    """A back-fill, facts about stages that move what was counted, and a merge."""
    await metrics.ingest(*(event(f"e{i}", observation(i, customer=f"cus_{i}")) for i in range(30)))
    await metrics.fold()
    with commands.recorded():
        await define(metrics, key="by_stage", sets=[["stage"], ["segment"]])
        await define(metrics, key="different", aggregation=pb.AGGREGATION_DISTINCT_CUSTOMERS, sets=[["stage"]])
        await work(metrics)
        for i in range(10):
            fact = said(f"cus_{i}", START, stage="LEAD")
            await metrics.ingest(event(f"s{i}", fact, name="customer.stage_changed"))
        await work(metrics)
        await move(metrics, ("cus_1", "cus_2", 1))
        await work(metrics)
    read = {command[name] for name, command in commands.found}
    assert {"members", "distinct_sets", "record_figures", "events"} <= read
    assert await commands.unindexed() == []
