"""Who asked for what a measure brings: found over links, duplicates and topics, each once, without who was told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.caller import Caller
from chassis.mongo import Database, in_transaction
from chassis.page import Page
from services.feedback.feedback.domain import Feedback, FeedbackKind
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.measure.domain import Asking, Kind, Measure, Status, Step, Told
from services.feedback.measure.repository import CREATED, DUE, MongoMeasureRepository
from services.feedback.measure.told import MongoToldRepository
from tests.commands import Commands

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def measure(id: str, **said: Any) -> Measure:
    history = (Step(Status.INTRODUCED, NOW),)
    return Measure(**{"id": id, "title": id, "kind": Kind.PROCESS, "created_at": NOW, "history": history, **said})


def said(id: str, who: str | None, *, day: int = 0, kind: FeedbackKind = FeedbackKind.WISH, **more: Any) -> Feedback:
    at = NOW + timedelta(days=day)
    record = None if who is None else f"rec_{who}"
    return Feedback(
        id=f"fbk_{id}", source="shop", received_at=at, kind=kind, customer=who, source_record=record, **more
    )


async def test_everybody_who_asked_is_found_once_and_with_what_they_said(
    database: Database, caller: Caller, commands: Commands
) -> None:
    feedback, measures, told = (
        MongoFeedbackRepository(database),
        MongoMeasureRepository(database),
        MongoToldRepository(database),
    )
    for one in (feedback, measures, told):
        await one.ensure_indexes()
    bikes = measure("mea_bikes", topics=("bikes",), introduced_at=NOW)
    trains = measure("mea_trains", owner="emp_1", team="tea_1")
    there = [
        said("linked", "cus_a", day=-9, language="de"),
        said("repeated", "cus_b", day=-8, duplicate_of="fbk_linked"),
        said("topic", "cus_a", day=-3, topics=("bikes", "roads")),
        said("other", "cus_c", day=-3, topics=("bikes",), language="en"),
        said("praise", "cus_d", day=-3, topics=("bikes",), kind=FeedbackKind.PRAISE),
        said("later", "cus_e", day=1, topics=("bikes",)),
        said("nobody", None, day=-2, topics=("bikes",)),
        said("elsewhere", "cus_f", day=-2, topics=("roads",)),
        *(said(f"many{n}", f"cus_m{n:02}", day=-2, topics=("many",)) for n in range(30)),
    ]

    async def seed(session: Any) -> None:
        await feedback.add(caller, there, session)
        for one in (bikes, trains):
            await measures.add(caller, one, session)
        await measures.link(caller, bikes.id, ["fbk_linked", "fbk_elsewhere"], NOW, session)
        await measures.link(caller, trains.id, ["fbk_linked"], NOW, session)
        await told.add(caller, [Told(bikes.id, "cus_f", "rec_cus_f", NOW, "de")], session)

    await in_transaction(database, seed)
    with commands.recorded():
        asking = await told.asking(caller, [bikes, trains], "", 100, NOW)
    assert len(commands.found) == 1
    assert await commands.unindexed() == []
    assert asking == {
        bikes.id: [
            Asking("cus_a", "rec_cus_a", ("fbk_topic", "fbk_linked"), "de"),
            Asking("cus_b", "rec_cus_b", ("fbk_repeated",)),
            Asking("cus_c", "rec_cus_c", ("fbk_other",), "en"),
        ],
        trains.id: [
            Asking("cus_a", "rec_cus_a", ("fbk_linked",), "de"),
            Asking("cus_b", "rec_cus_b", ("fbk_repeated",)),
        ],
    }
    part = await told.asking(caller, [bikes], "cus_a", 1, NOW)
    assert [one.customer for one in part[bikes.id]] == ["cus_b"]

    async def lists(page: Page) -> None:
        await measures.page(caller, page, CREATED, {"status": {"$in": ["INTRODUCED", "PLANNED"]}})
        await measures.page(caller, page, CREATED, {"owner": "emp_1"})
        await measures.page(caller, page, CREATED, {"kind": {"$in": ["PROCESS"]}})
        await measures.page(caller, page, CREATED, {"team": "tea_1"})
        await measures.page(caller, page, CREATED, {"topics": {"$in": ["bikes"]}})
        await measures.page(caller, page, DUE, {"due": {"$lt": "2026-01-01"}})
        await measures.of_feedback(caller, ["fbk_linked", "fbk_other"])
        await measures.pages_of_feedback(caller, [bikes.id], page, {})
        await told.pages(caller, [bikes.id, trains.id], page)
        await measures.lost_links(caller, [bikes.id])
        await told.of_measures(caller, [bikes.id])

    with commands.recorded():
        await lists(Page(2))
        await lists(Page(2, boundary=None, backward=True))
        await in_transaction(database, lambda session: told.give(caller, "rec_cus_f", "cus_g", session))
    assert await commands.unindexed() == []
    found = await measures.of_feedback(caller, ["fbk_linked", "fbk_other"])
    assert {id: {one.id for one in some} for id, some in found.items()} == {
        "fbk_linked": {bikes.id, trains.id},
        "fbk_other": set(),
    }
    shown = await measures.pages_of_feedback(caller, [bikes.id], Page(5), {"source": {"$in": ["fair"]}})
    assert shown[bikes.id].items == (), "of what the caller does not see there is nothing"
    assert [one.customer for one in (await told.pages(caller, [bikes.id], Page(5)))[bikes.id].items] == ["cus_g"]
