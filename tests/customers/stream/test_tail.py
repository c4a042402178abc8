"""What a reader gets is the same from memory and from the database, and who hears nothing hears that."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rundblick.customers.v1 import stream_pb2, stream_pb2_grpc

from chassis.caller import Caller, service_caller
from chassis.channel import open_channel
from chassis.ids import new_id
from chassis.mongo import Database, in_transaction
from chassis.page import decode_cursor
from chassis.server import running_server
from chassis.tail import Tail
from chassis.times import utc_now
from services.customers.stream.domain import DomainEvent, DomainEventKind, Wanted
from services.customers.stream.repository import MongoEventRepository
from services.customers.stream.servicer import StreamServicer
from tests.callers import partner
from tests.customers.stream.conftest import Replica

EVERYBODY = service_caller("test")
CUSTOMERS, PLACES = [new_id("cus") for _ in range(3)], [new_id("tou") for _ in range(2)]
EVENTS = st.builds(
    DomainEvent,
    kind=st.sampled_from(DomainEventKind),
    customer=st.sampled_from([*CUSTOMERS, None]),
    interaction=st.just("int_1"),
    touchpoint=st.sampled_from([*PLACES, None]),
    sources=st.sampled_from([frozenset(), frozenset({"shop"}), frozenset({"fair", "shop"})]),
)
WANTED = st.sampled_from(
    [
        *(Wanted(DomainEventKind.CUSTOMER_CHANGED, one, customers=frozenset({one})) for one in CUSTOMERS),
        Wanted(DomainEventKind.INTERACTION_RECORDED),
        Wanted(DomainEventKind.INTERACTION_RECORDED, touchpoint=PLACES[0]),
        Wanted(DomainEventKind.INTERACTION_RECORDED, CUSTOMERS[0], PLACES[1], frozenset(CUSTOMERS[:2])),
    ]
)
VISITS, VISIT = Wanted(DomainEventKind.INTERACTION_RECORDED), DomainEvent(DomainEventKind.INTERACTION_RECORDED)
# Events that are written, or None: the tail looks, which it does not do while nobody watches.
STEPS = st.lists(st.one_of(st.none(), st.lists(EVENTS, min_size=1, max_size=6)), min_size=1, max_size=8)
CALLERS = st.sampled_from([EVERYBODY, partner("shop"), partner("fair")])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[None, [VISIT] * 4, None, [VISIT] * 4, None], wanted=VISITS, caller=EVERYBODY)
@given(steps=STEPS, wanted=WANTED, caller=CALLERS)
async def test_a_reader_gets_all_that_is_wanted_once_wherever_it_begins(
    database: Database, steps: list[Any], wanted: Wanted, caller: Caller
) -> None:
    for name in ("domain_events", "counters"):
        await database[name].delete_many({})
    events = MongoEventRepository(database)
    tail = Tail(events, most=5, at_once=2)
    written: list[DomainEvent] = []
    heard: list[tuple[int, DomainEvent]] = []
    place = 0

    async def read() -> None:
        nonlocal place
        while True:
            found, until = await tail.since(caller, wanted, place)
            heard.extend((one.sequence, one.event) for one in found)
            assert until >= place
            place = until
            if not found:
                return

    for step in steps:
        if step is None:
            await tail._read()
            await read()
        else:
            until = utc_now() + timedelta(days=1)
            await in_transaction(database, lambda session: events.add(EVERYBODY, step, until, session))  # noqa: B023
            written += step
    await tail._read()
    await read()
    expected = [(n, event) for n, event in enumerate(written, 1) if wanted.takes(event, caller.sources)]
    assert heard == expected
    # From within memory, from before it, and from just where it begins.
    for begin in range(max(0, len(written) - 8), len(written) + 1):
        place = begin
        heard.clear()
        await read()
        assert heard == [(n, event) for n, event in expected if n > begin]


@pytest.mark.parametrize("kind", DomainEventKind)
async def test_who_hears_nothing_gets_signs_of_life_with_the_place_that_was_reached(
    running: Replica, kind: DomainEventKind
) -> None:
    service = running.service
    servicer = StreamServicer(service._customers, service._touchpoints, service._tail, sign_of_life=0.01)
    ada, ben = await running.created(), await running.created(name="Ben")
    of_ada: dict[str, Any] = (
        {"customer_changed": stream_pb2.CustomerChanged(customer_id=ada)}
        if kind is DomainEventKind.CUSTOMER_CHANGED
        else {"interaction_recorded": stream_pb2.InteractionRecorded(customer_id=ada)}
    )
    async with (
        running_server(
            "127.0.0.1:0",
            lambda server: stream_pb2_grpc.add_StreamServiceServicer_to_server(servicer, server),
            rights=service.rights,
            authenticator=running.authenticator,
            grace=0.1,
        ) as server,
        open_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        call: Any = stream_pb2_grpc.StreamServiceStub(channel).Watch(stream_pb2.WatchRequest(**of_ada), timeout=15)
        begin = (await call.read()).cursor
        await running.rename(ben, "Benjamin")
        while (answer := await call.read()).cursor == begin:
            pass
        assert (answer.customer_id, answer.interaction_id) == ("", "")
        assert decode_cursor(answer.cursor, [int], "after") > decode_cursor(begin, [int], "after")
        call.cancel()
