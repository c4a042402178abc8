"""What operators see of an outbox, and how they set it going again."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import grpc
import pytest
from rundblick.shared.v1 import outbox_pb2 as pb
from rundblick.shared.v1 import outbox_pb2_grpc, page_pb2

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.errors import Fault
from chassis.mongo import Database, in_transaction
from chassis.outbox import MAX_ATTEMPTS, Entry, Outbox
from chassis.outbox_servicer import OutboxServicer
from chassis.relay import Relay
from chassis.server import running_server
from chassis.times import utc_now
from tests import tokens
from tests.callers import EVERYWHERE
from tests.commands import Commands


@pytest.fixture
async def outbox(database: Database) -> Outbox:
    outbox = Outbox(database)
    await outbox.ensure_indexes()
    return outbox


@pytest.fixture
async def stub(outbox: Outbox) -> AsyncIterator[Any]:
    def register(server: grpc.aio.Server) -> None:
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(outbox), server)

    async with (
        running_server(
            "localhost:0", register, rights=EVERYWHERE, authenticator=tokens.authenticator(), grace=0.1
        ) as running,
        open_channel(f"localhost:{running.port}") as channel,
    ):
        yield outbox_pb2_grpc.OutboxServiceStub(channel)


async def appended(outbox: Outbox, *entries: Entry) -> None:
    await in_transaction(outbox.database, lambda session: outbox.append(session, entries))


def entry(aggregate: str, **fields: Any) -> Entry:
    return Entry("metrics", aggregate, 1, "events", b"somebody's secret", **fields)


async def park(outbox: Outbox, one: Entry) -> None:
    tried = Entry(**{**{name: getattr(one, name) for name in one.__slots__}, "attempts": MAX_ATTEMPTS - 1})
    await outbox.failed(tried, Fault("INVALID", "no such thing"), utc_now())


async def test_what_was_given_up_is_listed_with_its_reason_and_without_its_payload(outbox: Outbox, stub: Any) -> None:
    entries = [entry(f"enq_{number}") for number in range(3)]
    await appended(outbox, *entries)
    await park(outbox, entries[1])
    everything = await stub.ListOutboxEntries(pb.ListOutboxEntriesRequest(), timeout=5)
    assert [edge.node.id for edge in everything.edges] == [one.id for one in entries]
    assert b"secret" not in everything.SerializeToString()
    parked = await stub.ListOutboxEntries(pb.ListOutboxEntriesRequest(parked=True), timeout=5)
    (edge,) = parked.edges
    assert (edge.node.aggregate, edge.node.attempts) == ("enq_1", MAX_ATTEMPTS)
    assert (edge.node.last_error.code, edge.node.last_error.message) == ("INVALID", "no such thing")


async def test_pages_of_entries_follow_each_other(outbox: Outbox, stub: Any, commands: Commands) -> None:
    await appended(outbox, *(entry(f"enq_{number}") for number in range(5)))
    seen: list[str] = []
    after: str | None = None
    while True:
        page = page_pb2.PageRequest(first=2, after=after)
        answer = await stub.ListOutboxEntries(
            pb.ListOutboxEntriesRequest(page=page, destination="metrics", parked=False), timeout=5
        )
        seen += [edge.node.aggregate for edge in answer.edges]
        if not answer.page_info.has_next_page:
            break
        after = answer.page_info.end_cursor
    assert seen == [f"enq_{number}" for number in range(5)]


async def test_a_parked_entry_is_delivered_after_it_was_set_going_again(outbox: Outbox, stub: Any) -> None:
    delivered: list[str] = []

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        delivered.extend(one.aggregate for one in entries)
        return {}

    relay = Relay(outbox, "metrics", deliver, holder="here")
    entries = [entry("enq_1"), entry("enq_2")]
    await appended(outbox, *entries)
    for one in entries:
        await park(outbox, one)
    await relay.deliver_once()
    assert delivered == []
    for number, request in enumerate(
        (pb.RetryOutboxEntriesRequest(ids=[entries[0].id]), pb.RetryOutboxEntriesRequest(all=True)), start=1
    ):
        assert (await stub.RetryOutboxEntries(request, timeout=5)).retried == 1
        await relay.deliver_once()
        assert len(delivered) == number
    assert not (await stub.ListOutboxEntries(pb.ListOutboxEntriesRequest(), timeout=5)).edges


async def test_it_is_for_operators_alone_and_wants_to_know_what(stub: Any) -> None:
    token = tokens.token_for(Caller("somebody", frozenset({"feedback:read"})))
    metadata = (("authorization", f"Bearer {token}"),)
    for request, status in (
        (pb.RetryOutboxEntriesRequest(all=True), grpc.StatusCode.PERMISSION_DENIED),
        (pb.ListOutboxEntriesRequest(), grpc.StatusCode.PERMISSION_DENIED),
    ):
        method = getattr(stub, type(request).__name__.removesuffix("Request"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(request, timeout=5, metadata=metadata)
        assert refused.value.code() is status
    for vague in (pb.RetryOutboxEntriesRequest(), pb.RetryOutboxEntriesRequest(ids=["out_1"], all=True)):
        with pytest.raises(grpc.aio.AioRpcError) as unclear:
            await stub.RetryOutboxEntries(vague, timeout=5)
        assert unclear.value.code() is grpc.StatusCode.INVALID_ARGUMENT
