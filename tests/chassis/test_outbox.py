"""What other processes must learn reaches them: at least once, in order per aggregate, and blocked by nobody."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import Conflict, DeadlineExceeded, Exhausted, Fault, Unavailable
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import MAX_ATTEMPTS, Backlog, Entry, Outbox
from chassis.relay import Relay
from chassis.times import utc_now

REFUSED = Fault("CONFLICT", "not now")


class Receiver:
    """Keeps what it took; refuses the payloads named in `refuses`, and everything while `away`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.calls: list[list[bytes]] = []
        self.refuses: set[bytes] = set()
        self.away: Exception | None = None
        # Payloads with which no call ends well, and how it ends.
        self.poison: dict[bytes, Exception] = {}
        self.complete = asyncio.Event()
        self.expected = 0

    async def __call__(self, entries: Sequence[Entry]) -> Mapping[str, Fault]:
        if self.away is not None:
            raise self.away
        self.calls.append([entry.payload for entry in entries])
        for payload in self.calls[-1]:
            if payload in self.poison:
                raise self.poison[payload]
        faults = {entry.id: REFUSED for entry in entries if entry.payload in self.refuses}
        self.taken += [(entry.aggregate, entry.sequence) for entry in entries if entry.id not in faults]
        if len(self.taken) >= self.expected:
            self.complete.set()
        return faults


class Clock:
    """Moves only when told, so that no test waits for a pause to end."""

    def __init__(self) -> None:
        self.at = utc_now()

    def __call__(self) -> datetime:
        return self.at

    def later(self, **amount: float) -> None:
        self.at += timedelta(**amount)


@pytest.fixture
async def outbox(database: Database) -> Outbox:
    outbox = Outbox(database)
    await outbox.ensure_indexes()
    return outbox


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def relay_of(
    outbox: Outbox, receiver: Receiver, clock: Clock | None = None, *, holder: str = "a", batch: int = 500
) -> Relay:
    return Relay(outbox, "metrics", receiver, holder=holder, batch=batch, now=clock or utc_now)


def entry(aggregate: str, sequence: int, destination: str = "metrics") -> Entry:
    return Entry(destination, aggregate, sequence, "events", f"{aggregate}/{sequence}".encode())


async def append(outbox: Outbox, *entries: Entry) -> None:
    async def work(session: Session) -> None:
        await outbox.append(session, entries)

    await in_transaction(outbox.database, work)


async def deliver_all(relay: Relay) -> None:
    while await relay.deliver_once():
        pass


async def test_entries_arrive_in_the_order_of_their_aggregate(outbox: Outbox, receiver: Receiver) -> None:
    # Stored out of order, as ids of one millisecond are.
    await append(outbox, entry("enq_a", 3), entry("enq_b", 2), entry("enq_a", 1), entry("enq_a", 2), entry("enq_b", 1))
    await deliver_all(relay_of(outbox, receiver))
    assert [sequence for aggregate, sequence in receiver.taken if aggregate == "enq_a"] == [1, 2, 3]
    assert [sequence for aggregate, sequence in receiver.taken if aggregate == "enq_b"] == [1, 2]
    assert await outbox.is_empty("metrics")


async def test_many_aggregates_travel_in_one_call(outbox: Outbox, receiver: Receiver) -> None:
    await append(outbox, *(entry(f"enq_{number}", 1) for number in range(40)))
    await deliver_all(relay_of(outbox, receiver))
    assert [len(call) for call in receiver.calls] == [40]


async def test_more_than_a_batch_is_delivered_batch_by_batch(outbox: Outbox, receiver: Receiver) -> None:
    await append(outbox, *(entry(f"enq_{number}", 1) for number in range(25)))
    await deliver_all(relay_of(outbox, receiver, batch=10))
    assert [len(call) for call in receiver.calls] == [10, 10, 5]


async def test_a_relay_takes_its_own_destination_only(outbox: Outbox, receiver: Receiver) -> None:
    await append(outbox, entry("enq_a", 1), entry("enq_a", 1, "customers"))
    await deliver_all(relay_of(outbox, receiver))
    assert receiver.taken == [("enq_a", 1)]
    assert not await outbox.is_empty("customers")


async def test_an_entry_of_an_aborted_transaction_is_never_delivered(outbox: Outbox, receiver: Receiver) -> None:
    async def work(session: Session) -> None:
        await outbox.append(session, [entry("enq_a", 1)])
        raise Conflict("changed my mind")

    with pytest.raises(Conflict):
        await in_transaction(outbox.database, work)
    await deliver_all(relay_of(outbox, receiver))
    assert receiver.taken == []


async def test_a_failing_entry_holds_back_its_aggregate_and_no_other(
    outbox: Outbox, receiver: Receiver, clock: Clock
) -> None:
    relay = relay_of(outbox, receiver, clock)
    receiver.refuses = {b"enq_a/1"}
    await append(outbox, entry("enq_a", 1), entry("enq_a", 2), entry("enq_b", 1))
    await deliver_all(relay)
    await append(outbox, entry("enq_a", 3), entry("enq_b", 2))
    await deliver_all(relay)
    assert receiver.taken == [("enq_b", 1), ("enq_b", 2)]
    receiver.refuses.clear()
    clock.later(minutes=10)
    await deliver_all(relay)
    assert [place for place in receiver.taken if place[0] == "enq_a"] == [("enq_a", 1), ("enq_a", 2), ("enq_a", 3)]


async def test_a_failing_entry_is_left_alone_until_its_pause_is_over(
    outbox: Outbox, receiver: Receiver, clock: Clock
) -> None:
    relay = relay_of(outbox, receiver, clock)
    receiver.refuses = {b"enq_a/1"}
    await append(outbox, entry("enq_a", 1))
    await deliver_all(relay)
    await deliver_all(relay)
    assert len(receiver.calls) == 1
    clock.later(minutes=10)
    await deliver_all(relay)
    assert len(receiver.calls) == 2


async def test_after_bounded_tries_an_entry_is_parked_with_an_alarm_and_its_aggregate_goes_on(
    outbox: Outbox, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    relay = relay_of(outbox, receiver, clock)
    receiver.refuses = {b"enq_a/1"}
    await append(outbox, entry("enq_a", 1), entry("enq_a", 2))
    for _ in range(MAX_ATTEMPTS):
        assert not caplog.records
        await deliver_all(relay)
        clock.later(minutes=10)
    assert "is parked after 12 tries: CONFLICT" in caplog.text
    await deliver_all(relay)
    assert receiver.taken == [("enq_a", 2)]
    assert len(receiver.calls) == MAX_ATTEMPTS + 1
    parked = await outbox.database["outbox"].find({"parked": True}).to_list(None)
    assert [(document["aggregate"], document["error"]["code"]) for document in parked] == [("enq_a", "CONFLICT")]
    assert await outbox.is_empty("metrics"), "what is parked is not pending"


@pytest.mark.parametrize("away", [Unavailable("down"), Exhausted("too much")])
async def test_a_receiver_that_is_away_costs_no_entry_a_try(
    outbox: Outbox, receiver: Receiver, clock: Clock, away: Exception
) -> None:
    relay = relay_of(outbox, receiver, clock)
    await append(outbox, entry("enq_a", 1))
    receiver.away = away
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(type(away)):
            await relay.deliver_once()
    receiver.away = None
    await deliver_all(relay)
    assert receiver.taken == [("enq_a", 1)]


async def test_a_refusal_of_the_whole_call_counts_for_each_entry(
    outbox: Outbox, receiver: Receiver, clock: Clock
) -> None:
    relay = relay_of(outbox, receiver, clock)
    await append(outbox, entry("enq_a", 1), entry("enq_b", 1))
    receiver.away = Conflict("not like this")
    await deliver_all(relay)
    assert {document["attempts"] for document in await outbox.database["outbox"].find().to_list(None)} == {1}


@pytest.mark.parametrize("fault", [Conflict("not like this"), ValueError("no such thing"), DeadlineExceeded("late")])
async def test_what_makes_a_whole_call_fail_holds_up_nobody_else_and_is_parked(
    outbox: Outbox, receiver: Receiver, clock: Clock, fault: Exception
) -> None:
    relay = relay_of(outbox, receiver, clock)
    aggregates = [f"enq_{letter}" for letter in "abcdefg"]
    await append(outbox, *(entry(aggregate, 1) for aggregate in aggregates))
    receiver.poison[b"enq_d/1"] = fault
    for _ in range(MAX_ATTEMPTS * 5):
        with suppress(DeadlineExceeded):
            await relay.deliver_once()
        clock.later(minutes=10)
    assert sorted(receiver.taken) == [(aggregate, 1) for aggregate in aggregates if aggregate != "enq_d"]
    (left,) = await outbox.database["outbox"].find().to_list(None)
    assert (left["aggregate"], left["parked"]) == ("enq_d", True)
    assert "no such thing" not in str(left["error"])


async def test_two_relays_deliver_each_entry_once(outbox: Outbox) -> None:
    all_taken: list[tuple[str, int]] = []
    complete = asyncio.Event()

    async def take(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        all_taken.extend((entry.aggregate, entry.sequence) for entry in entries)
        if len(all_taken) >= 60:
            complete.set()
        return {}

    relays = [Relay(outbox, "metrics", take, holder=holder, batch=7, look=0.01) for holder in ("a", "b")]
    running = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        for sequence in range(1, 7):
            await append(outbox, *(entry(f"enq_{number}", sequence) for number in range(10)))
            outbox.wake()
        await asyncio.wait_for(complete.wait(), 30)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert sorted(all_taken) == sorted((f"enq_{number}", sequence) for number in range(10) for sequence in range(1, 7))


async def test_a_relay_that_ends_leaves_its_work_to_the_next_at_once(outbox: Outbox) -> None:
    for holder in ("a", "b"):
        receiver = Receiver()
        receiver.expected = 1
        await append(outbox, entry("enq_a", 1))
        task = asyncio.create_task(relay_of(outbox, receiver, holder=holder).run())
        await asyncio.wait_for(receiver.complete.wait(), 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_relay_outlives_whatever_its_receiver_does_and_complains(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    receiver.expected = 1
    tries = 0

    async def take(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        nonlocal tries
        tries += 1
        if tries < 2:
            raise RuntimeError("a bug")
        return await receiver(entries)

    await append(outbox, entry("enq_a", 1))
    task = asyncio.create_task(Relay(outbox, "metrics", take, holder="a", look=0.01).run())
    await asyncio.wait_for(receiver.complete.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert receiver.taken == [("enq_a", 1)]
    assert [record.getMessage() for record in caplog.records] == ["outbox: metrics: RuntimeError: a bug"]


async def test_looking_for_work_scans_no_collection(outbox: Outbox) -> None:
    await append(outbox, *(entry(f"enq_{number}", 1) for number in range(20)))
    base = {"destination": "metrics", "parked": False}
    now = datetime.now(UTC)
    for command in (
        {"find": "outbox", "filter": base, "sort": {"_id": 1}, "limit": 10},
        {"distinct": "outbox", "key": "aggregate", "query": {**base, "next": {"$gt": now}}},
    ):
        plan = await outbox.database.command({"explain": command, "verbosity": "queryPlanner"})
        winning = str(plan["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in winning
        assert "COLLSCAN" not in winning


async def test_the_order_of_an_aggregate_holds_beyond_a_batch_whatever_the_ids_say(
    outbox: Outbox, receiver: Receiver
) -> None:
    # Two processes whose clocks differ: the later entry has the older id.
    first, second = entry("enq_a", 1), entry("enq_a", 2)
    await append(
        outbox, replace(first, id=second.id), replace(second, id="out_0"), entry("enq_b", 1), entry("enq_c", 1)
    )
    await deliver_all(relay_of(outbox, receiver, batch=1))
    assert [sequence for aggregate, sequence in receiver.taken if aggregate == "enq_a"] == [1, 2]
    assert len(receiver.taken) == 4


async def test_what_commits_late_is_not_skipped(outbox: Outbox, receiver: Receiver) -> None:
    late = entry("enq_late", 1)
    begun, others_done = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> None:
        await outbox.append(session, [late])
        begun.set()
        await others_done.wait()

    relay = relay_of(outbox, receiver)
    writing = asyncio.create_task(in_transaction(outbox.database, slow))
    await begun.wait()
    await append(outbox, entry("enq_b", 1))
    await deliver_all(relay)
    assert receiver.taken == [("enq_b", 1)]
    others_done.set()
    await writing
    await deliver_all(relay)
    assert receiver.taken == [("enq_b", 1), ("enq_late", 1)]


async def test_the_backlog_says_until_when_everything_arrived(outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    before = utc_now()
    empty = await outbox.backlog("metrics")
    assert (empty.pending, empty.parked) == (0, 0)
    assert empty.delivered_until == empty.complete_until >= before
    await append(outbox, entry("enq_a", 1), entry("enq_b", 1), entry("enq_c", 1, "customers"))
    oldest = (await outbox.database["outbox"].find().sort("_id", 1).to_list(1))[0]["at"]
    waiting = await outbox.backlog("metrics")
    assert (waiting.pending, waiting.delivered_until) == (2, oldest)
    relay = relay_of(outbox, receiver, clock)
    receiver.refuses = {b"enq_a/1"}
    for _ in range(MAX_ATTEMPTS):
        await deliver_all(relay)
        clock.later(minutes=10)
    parked = await outbox.backlog("metrics")
    assert (parked.pending, parked.parked) == (0, 1)
    assert parked.delivered_until > oldest, "what is parked holds up nobody's figures"
    assert parked.complete_until == oldest, "but it may still come"


async def test_a_relay_reports_how_far_it_came_also_when_nothing_happens(outbox: Outbox, receiver: Receiver) -> None:
    told: list[Backlog] = []
    complete = asyncio.Event()

    async def report(backlog: Backlog) -> None:
        told.append(backlog)
        if len(told) == 3:
            complete.set()

    relay = Relay(outbox, "metrics", receiver, holder="a", report=report, look=0.05)
    task = asyncio.create_task(relay.run())
    await asyncio.wait_for(complete.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    moments = [backlog.delivered_until for backlog in told]
    assert moments == sorted(moments)
    assert moments[0] < moments[-1]


async def test_what_several_make_of_the_same_entries_in_their_transactions_is_made_once(outbox: Outbox) -> None:
    entries = [entry(f"enq_{number}", 1) for number in range(5)]
    await append(outbox, *entries)
    ids = [one.id for one in entries]
    made = outbox.database["made"]

    async def make(session: Session) -> None:
        taken = await outbox.take(session, ids)
        if taken:
            await made.insert_many([{"of": id} for id in taken], session=session)

    await asyncio.gather(*(in_transaction(outbox.database, make) for _ in range(4)))
    assert sorted(document["of"] for document in await made.find().to_list(None)) == sorted(ids)
    assert await outbox.is_empty("metrics")
