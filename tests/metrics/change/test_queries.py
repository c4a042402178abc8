"""What reads of changes cost: one command each, in the order of an index, whatever is asked."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rundblick.metrics.v1 import change_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2
from rundblick.shared.v1 import page_pb2

from chassis.caller import DEVELOPMENT_CALLER
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction
from chassis.times import to_timestamp
from services.metrics.change.domain import PREFIX, Change, ChangeKind
from services.metrics.change.repository import MongoChangeRepository
from tests.commands import Commands
from tests.customers.plans import faults_of_winners
from tests.metrics.change.conftest import ELSEWHERE, HERE, THERE, Changes
from tests.metrics.conftest import NOW, START


def made(*, at: datetime = START, **fields: Any) -> Change:
    said = {"name": "Chatbot", "kind": ChangeKind.TOOL, **fields}
    return Change(id=new_id(PREFIX), introduced_at=at, recorded_at=NOW, recorded_by="clerk", **said)


async def keep(database: Database, *changes: Change) -> None:
    async def work(session: Session) -> None:
        for change in changes:
            await MongoChangeRepository(database).add(DEVELOPMENT_CALLER, session, change)

    await in_transaction(database, work)


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"kinds": [pb.CHANGE_KIND_TOOL]},
        {"kinds": [pb.CHANGE_KIND_TOOL, pb.CHANGE_KIND_PRICE]},
        {"touchpoint_ids": [HERE, THERE]},
        {"touchpoint_ids": [HERE, *(new_id("tou") for _ in range(99))]},
        {"period": kpi_pb2.Period(start=to_timestamp(START), end=to_timestamp(NOW))},
        {
            "kinds": [pb.CHANGE_KIND_TOOL, pb.CHANGE_KIND_PRICE],
            "touchpoint_ids": [HERE, THERE],
            "period": kpi_pb2.Period(start=to_timestamp(START), end=to_timestamp(NOW)),
        },
    ],
)
@pytest.mark.parametrize("way", ["first", "last"])
async def test_every_list_is_one_command_in_the_order_of_an_index(
    changes: Changes, database: Database, commands: Commands, filter: dict[str, Any], way: str
) -> None:
    # Of every filter more than a page on either side of the middle: the few of less are sorted faster than looked up.
    await keep(
        database,
        *(
            made(
                kind=list(ChangeKind)[number % 6],
                at=START + timedelta(hours=number),
                touchpoints=(HERE, THERE, ELSEWHERE)[: number % 4],
            )
            for number in range(240)
        ),
    )
    # A place in the middle; whatever the filter, the list goes on from there.
    middle = (await changes.call(pb.ListChangesRequest(page=page_pb2.PageRequest(first=100)))).page_info.end_cursor
    size: dict[str, Any] = {way: 5}
    beyond = {"after" if way == "first" else "before": middle}
    for page in (page_pb2.PageRequest(**size), page_pb2.PageRequest(**size, **beyond)):
        with commands.recorded():
            await changes.call(pb.ListChangesRequest(page=page, filter=pb.ChangeFilter(**filter)))
        assert len(commands.found) == 1
        assert await faults_of_winners(database, commands) == []


@pytest.mark.parametrize("filter", [{"kinds": [pb.CHANGE_KIND_OFFER]}, {"touchpoint_ids": [HERE]}])
async def test_the_few_of_a_kind_or_a_touchpoint_are_found_without_the_others(
    changes: Changes, database: Database, commands: Commands, filter: dict[str, Any]
) -> None:
    others = (made(at=START + timedelta(hours=number), touchpoints=(THERE, ELSEWHERE)) for number in range(60))
    await keep(database, made(name="the one", kind=ChangeKind.OFFER, touchpoints=(HERE,)), *others)
    with commands.recorded():
        assert await changes.listed(**filter) == ["the one"]
    ((_, command),) = commands.found
    asked = {key: command[key] for key in ("find", "filter", "sort", "limit")}
    plan = await database.command("explain", asked, verbosity="executionStats")
    assert plan["executionStats"]["totalDocsExamined"] == 1


async def test_what_is_asked_by_id_or_window_is_one_command_by_index(
    changes: Changes, database: Database, commands: Commands
) -> None:
    all = [made(at=START + timedelta(hours=number)) for number in range(20)]
    await keep(database, *all)
    with commands.recorded():
        await changes.call(pb.BatchGetChangesRequest(ids=[one.id for one in all]))
        await MongoChangeRepository(database).overlapping(DEVELOPMENT_CALLER, START, NOW, all[0].id)
    assert len(commands.found) == 2
    assert await faults_of_winners(database, commands) == []
