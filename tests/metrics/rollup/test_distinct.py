"""Different customers: exact while few, within the known error when many, and right after corrections and merges."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from rundblick.metrics.v1 import event_pb2, rollup_pb2
from rundblick.metrics.v1 import kpi_pb2 as pb
from rundblick.shared.v1 import alias_pb2

from chassis.caller import service_caller
from chassis.mongo import Database, in_transaction
from services.metrics.rollup.distinct import FEW, Distinct
from services.metrics.rollup.members import MongoMemberRepository
from tests.metrics.conftest import START, Running, event, observation, period
from tests.metrics.kpi.test_defining import value_of, work


@given(st.lists(st.text(max_size=4)), st.lists(st.text(max_size=4)))
def test_few_are_exact_and_unions_are_those_of_sets(one: list[str], two: list[str]) -> None:
    both = Distinct.of(one)
    both.update(Distinct.of(two))
    assert len(both) == len({*one, *two})
    assert Distinct.from_bytes(both.to_bytes()).to_bytes() == both.to_bytes() == Distinct.of([*two, *one]).to_bytes()


@pytest.mark.parametrize("count", [FEW, FEW + 1, 1_000, 5_000, 20_000, 200_000])
def test_many_are_within_four_standard_errors(count: int) -> None:
    distinct = Distinct.of(f"cus_{n}" for n in range(count))
    assert distinct.exact is (count <= FEW)
    assert len(distinct) == pytest.approx(count, rel=4 * 1.04 / 2048**0.5)
    assert len(distinct.to_bytes()) <= 2049


def test_a_union_is_the_same_in_any_grouping_and_order() -> None:
    chance = random.Random(7)  # noqa: S311  # a seed, no secret
    members = [f"cus_{chance.randrange(3_000)}" for _ in range(9_000)]
    whole = Distinct.of(members).to_bytes()
    for parts in (2, 7, 100):
        chance.shuffle(members)
        union = Distinct()
        for part in range(parts):
            union.update(Distinct.of(members[part::parts]))
        assert union.to_bytes() == whole


def contact(id: str, customer: str, *, days: int = 0, touchpoint: str = "tou_1") -> event_pb2.Event:
    at = START + timedelta(days=days)
    said = observation(state="COMPLETE", at=at, customer=customer, dimensions={"touchpoint": touchpoint})
    return event(id, said, name="interaction.recorded")


def belonging(fact: event_pb2.Event, golden: str) -> event_pb2.Event:
    """The same as its producer says it after a merge or a split."""
    today = event_pb2.Event()
    today.CopyFrom(fact)
    today.after.source_record_id, today.after.customer_id = fact.after.customer_id, golden
    return today


async def checked(metrics: Running, *facts: event_pb2.Event) -> rollup_pb2.CheckFiguresResponse:
    """facts: what their producer would say today."""

    async def told() -> AsyncIterator[rollup_pb2.CheckFiguresRequest]:
        yield rollup_pb2.CheckFiguresRequest(events=facts)

    (answer,) = [one async for one in metrics.rollups.CheckFigures(told(), timeout=10)]
    found: rollup_pb2.CheckFiguresResponse = answer
    return found


async def clean(metrics: Running, *facts: event_pb2.Event) -> None:
    answer = await checked(metrics, *facts)
    assert list(answer.differences) == []
    assert answer.examined > 0


async def test_a_customer_counts_once_however_often_and_where(metrics: Running, database: Database) -> None:
    facts = [contact(f"a{i}", f"cus_{i % 5}", days=i % 3, touchpoint=f"tou_{i % 2}") for i in range(30)]
    await metrics.ingest(*facts)
    await work(metrics)
    total = await value_of(metrics, "customers_reached")
    assert (total.value, total.n) == (5, 30)
    rows = await metrics.call(
        "GetBreakdown",
        pb.GetBreakdownRequest(query=pb.ResultQuery(kpi="customers_reached", period=period()), by=["touchpoint"]),
    )
    assert {row.key[0].value: row.result.value for row in rows.rows} == {"tou_0": 5, "tou_1": 5}
    series = await metrics.call(
        "GetSeries",
        pb.GetSeriesRequest(
            query=pb.ResultQuery(kpi="customers_reached", period=period()), granularity=pb.GRANULARITY_MONTH
        ),
    )
    assert sorted(point.result.value for point in series.points)[-2:] == [0, 5]
    await clean(metrics, *facts)
    await database["distinct_sets"].update_one({}, {"$set": {"h": b"f"}})
    wrong = await checked(metrics, *facts)
    assert [one.what for one in wrong.differences] == ["distinct"]


async def test_a_correction_takes_a_customer_out_again(metrics: Running) -> None:
    first, second, third = contact("1", "cus_1"), contact("2", "cus_1"), contact("3", "cus_2")
    await metrics.ingest(first, second, third)
    await work(metrics)
    await metrics.ingest(event("4", None, before=first.after, subject="1", name="interaction.recorded"))
    await work(metrics)
    assert (await value_of(metrics, "customers_reached")).value == 2, "there was another contact"
    await metrics.ingest(event("5", None, before=second.after, subject="2", name="interaction.recorded"))
    await work(metrics)
    assert (await value_of(metrics, "customers_reached")).value == 1
    await clean(metrics, third)


async def test_what_is_taken_back_before_it_comes_leaves_nothing(metrics: Running) -> None:
    late = contact("1", "cus_1")
    await metrics.ingest(event("2", None, before=late.after, subject="1", name="interaction.recorded"))
    await work(metrics)
    assert (await value_of(metrics, "customers_reached")).value == 0
    await metrics.ingest(late)
    await work(metrics)
    assert (await value_of(metrics, "customers_reached")).value == 0
    await clean(metrics)


async def test_a_merge_makes_two_one_and_a_split_two_again(metrics: Running) -> None:
    one, others = contact("1", "cus_1"), [contact("2", "cus_2"), contact("3", "cus_2", days=1)]
    await metrics.ingest(one, *others)
    await work(metrics)
    for version, (golden, expected) in enumerate((("cus_1", 1), ("cus_2", 2), ("cus_1", 1)), start=1):
        moved = alias_pb2.Alias(id="cus_2", customer_id=golden, version=version)
        await metrics.aliases.MoveAliases(alias_pb2.MoveAliasesRequest(aliases=[moved]), timeout=10)
        await work(metrics)
        assert (await value_of(metrics, "customers_reached")).value == expected
        await clean(metrics, one, *(belonging(fact, golden) for fact in others))
    others.append(contact("4", "cus_2", days=2))
    await metrics.ingest(others[-1])
    await work(metrics)
    assert (await value_of(metrics, "customers_reached")).value == 1, "what comes later follows the merge too"
    await clean(metrics, one, *(belonging(fact, "cus_1") for fact in others))


async def test_a_set_that_is_made_anew_while_a_member_changes_hands_is_made_anew_again(
    metrics: Running, database: Database
) -> None:
    facts = [contact(str(number), f"cus_{number}") for number in range(3)]
    await metrics.ingest(*facts)
    await work(metrics)
    members, caller = MongoMemberRepository(database), service_caller("metrics")
    await in_transaction(database, lambda session: members.move(caller, session, "cus_1", "cus_0"))
    async with await database.client.start_session() as session:
        session.start_transaction(read_concern=ReadConcern("snapshot"))
        await database["distinct_sets"].find_one({}, session=session)
        await in_transaction(database, lambda other: members.move(caller, other, "cus_2", "cus_0"))
        with pytest.raises(OperationFailure, match="WriteConflict"):
            await members.refresh_one(caller, session)
    while await in_transaction(database, lambda session: members.refresh_one(caller, session)):
        pass
    assert (await value_of(metrics, "customers_reached")).value == 1
