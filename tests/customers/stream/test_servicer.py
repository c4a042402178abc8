"""Watching over gRPC: every change is told once, in one order, to who may know of it, and over a restart too."""

import asyncio
from typing import Any

from rundblick.customers.v1 import (
    consent_pb2,
    customer_pb2,
    employee_pb2,
    interaction_pb2,
    reference_pb2,
    stream_pb2,
    touchpoint_pb2,
)

from chassis.caller import Caller, service_caller
from chassis.calls import error_of
from chassis.ids import new_id
from chassis.mongo import Database, in_transaction
from chassis.page import decode_cursor, encode_cursor
from chassis.times import utc_now
from services.customers.stream.domain import DomainEvent, DomainEventKind, Wanted
from services.customers.stream.outgoing import changed_customers
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY
from tests.customers.interaction.test_servicer import fact
from tests.customers.stream.conftest import Replica, replica

ALL_CONTACTS = stream_pb2.InteractionRecorded()


def changes_of(id: str) -> stream_pb2.CustomerChanged:
    return stream_pb2.CustomerChanged(customer_id=id)


async def record(customers: Replica, *facts: Any) -> list[str]:
    answer = await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=facts))
    return [one.value.id for one in answer.answers]


async def agree(customers: Replica, id: str, source: str) -> None:
    statement = consent_pb2.ConsentStatement(
        customer_id=id,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        purpose=consent_pb2.CONSENT_PURPOSE_MARKETING,
        source=source,
        wording_version="1",
    )
    await customers.call(consent_pb2.RecordConsentRequest(statement=statement))


async def test_what_changes_while_nobody_listens_is_told_afterwards_over_a_restart(database: Database) -> None:
    async with replica(database) as first:
        ada, ben = await first.created(), await first.created(name="Ben")
        async with first.watching(changes_of(ada)) as watcher, first.watching(ALL_CONTACTS) as contacts:
            await first.rename(ben, "Benjamin")
            await first.rename(ada, "Ada L.")
            assert await watcher.event() == ada
            (visit,) = await record(first, fact(ben))
            assert await contacts.event() == visit
        owner = (await first.call(employee_pb2.CreateEmployeeRequest(display_name="Ann"))).employee.id
        await first.call(customer_pb2.AssignOwnerRequest(id=ada, owner_id=owner))
        await agree(first, ada, "rundblick")
    async with replica(database) as second:
        await second.rename(ada, "Ada Lovelace")
        calls = await record(second, *(fact(one, minute) for minute, one in enumerate((ada, ben))))
        async with second.watching(changes_of(ada), watcher.cursor) as again:
            assert await again.events(3) == [ada] * 3
            async with second.watching(changes_of(ada), again.cursor) as newer:
                await second.rename(ada, "Augusta Ada")
                assert [await again.event(), await newer.event()] == [ada] * 2
                assert again.cursor == newer.cursor, "what the one has heard, the other does not hear again"
        async with second.watching(ALL_CONTACTS, contacts.cursor) as others:
            assert sorted(await others.events(2)) == sorted(calls)


async def test_two_replicas_that_write_at_once_are_told_without_a_gap_and_each_contact_once(database: Database) -> None:
    async with replica(database) as one, replica(database) as other:
        id = await one.created()
        async with one.watching(ALL_CONTACTS) as here, other.watching(changes_of(id)) as changes:
            facts = [[fact(id, minute) for minute in range(5)] for _ in range(24)]
            written = await asyncio.gather(*(record((one, other)[n % 2], *part) for n, part in enumerate(facts)))
            ids = [id for part in written for id in part]
            heard, cursors = [], []
            for _ in ids:
                heard.append(await here.event())
                cursors.append(here.cursor)
            assert sorted(heard) == sorted(ids)
            async with other.watching(ALL_CONTACTS, cursors[49]) as late:
                assert await late.events(70) == heard[50:], "all see one order"
            await one.rename(id, "Ada L.")
            assert await changes.event() == id
        places = [event["_id"] async for event in database["domain_events"].find().sort("_id", 1)]
        assert places == list(range(1, len(places) + 1))


async def test_what_two_relays_deliver_at_once_is_told_once(running: Replica, database: Database) -> None:
    id = await running.created()
    service = running.service

    entries = [entry for _ in range(20) for entry in changed_customers([id])]
    await in_transaction(database, lambda session: service._outbox.append(session, entries))
    await asyncio.gather(*(service._numbering.deliver(entries) for _ in range(4)))
    assert await database["domain_events"].count_documents({"customer": id}) == 20


async def test_who_watches_a_former_customer_hears_of_the_present_one(running: Replica) -> None:
    ada, double, third = [await running.created(name=name) for name in ("Ada", "A. L.", "Lovelace")]
    async with running.watching(changes_of(double)) as watcher, running.watching(changes_of(third)) as of_third:
        before = watcher.cursor
        await running.call(customer_pb2.MergeCustomersRequest(id=ada, duplicate_ids=[double]))
        await running.rename(ada, "Ada Lovelace")
        assert await watcher.events(3) == [double, ada, ada]
        async with running.watching(changes_of(double), before) as again:
            assert await again.events(3) == [double, ada, ada]
        await running.call(customer_pb2.SplitCustomerRequest(id=ada, former_id=double))
        assert await watcher.event() == double
        await running.rename(ada, "Ada again")
        await running.rename(double, "The double")
        assert await watcher.event() == double, "it leads nowhere any more"
        await running.rename(third, "Third")
        assert await of_third.event() == third


async def test_partners_and_who_is_limited_to_rows_hear_of_their_own_alone(
    running: Replica, database: Database
) -> None:
    shop, fair = await running.created("shop"), await running.created("fair", "Ben")
    ann = (await running.call(employee_pb2.CreateEmployeeRequest(display_name="Ann", team_key="sales"))).employee
    await running.call(customer_pb2.AssignOwnerRequest(id=shop, owner_id=ann.id))
    own = Caller("ann", frozenset({"customers:read:own"}), employee=ann.id)
    at_shop = partner("shop")
    async with (
        running.watching(ALL_CONTACTS, caller=at_shop) as partners,
        running.watching(ALL_CONTACTS, caller=own) as anns,
        running.watching(changes_of(shop), caller=at_shop) as changes,
    ):
        begun = partners.cursor
        hidden = [fact(fair), fact(shop), fact(None)]
        seen = [fact(shop, 1, source="shop"), fact(fair, 2, source="shop"), fact(None, 3, employee_id=ann.id)]
        await record(running, *hidden)
        await record(running, *seen)
        assert sorted(await partners.events(2)) == sorted([seen[0].id, seen[1].id])
        assert set(await anns.events(3)) == {hidden[1].id, seen[0].id, seen[2].id}
        # Where nobody watched before, they are read from the database: the same.
        async with (
            replica(database) as other,
            other.watching(ALL_CONTACTS, encode_cursor((0,)), at_shop) as from_the_first,
        ):
            assert sorted(await from_the_first.events(2)) == sorted([seen[0].id, seen[1].id])
        await running.rename(shop, "Said by others")
        reference = reference_pb2.CustomerReference(
            external_id="Ada",
            fields=customer_pb2.CustomerFields(display_name="Said by the shop"),
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
        )
        await running.call(reference_pb2.ResolveReferencesRequest(source="shop", customers=[reference]))
        assert await changes.event() == shop
        async with running.watching(changes_of(shop), begun) as everybody:
            assert len(await everybody.events(2)) == 2
            # Both are behind it, whatever the other reader has passed meanwhile.
            assert decode_cursor(everybody.cursor, [int], "after") >= (decode_cursor(begun, [int], "after")[0] + 2,)
    for caller, id in ((at_shop, fair), (own, fair), (None, f"cus_{NOBODY}")):
        assert await refusal(running, changes_of(id), None, caller) == ("NOT_FOUND", ("customer_id",))


async def refusal(customers: Replica, wanted: Any, after: str | None, caller: Caller | None = None) -> Any:
    try:
        async with customers.watching(wanted, after, caller) as watcher:
            await watcher.event()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is compared
        said = error_of(error)  # type: ignore[arg-type]
        return said.code, said.path
    raise AssertionError("it was not refused")


async def test_a_place_that_is_no_longer_kept_or_no_place_at_all_is_refused(database: Database) -> None:
    async with replica(database) as before:
        id = await before.created()
        async with before.watching(changes_of(id)) as watcher:
            for name in ("B", "C", "D"):
                await before.rename(id, name)
            await watcher.events(3)
            last = watcher.cursor
    expired = ("CURSOR_EXPIRED", ("after",))
    async with replica(database) as running:
        # As it is after some days.
        await database["domain_events"].delete_many({"_id": {"$lte": 2}})
        assert await refusal(running, changes_of(id), encode_cursor((1,))) == expired
        async with running.watching(changes_of(id), encode_cursor((2,))) as kept:
            assert (await kept.event(), kept.cursor) == (id, last)
    async with replica(database) as running:
        await database["domain_events"].delete_many({})
        assert await refusal(running, changes_of(id), encode_cursor((2,))) == expired
        assert await refusal(running, changes_of(id), encode_cursor((99,))) == expired, "its database was restored"
        for no_place in ("nonsense", encode_cursor(("x",)), encode_cursor((1, 2))):
            assert await refusal(running, changes_of(id), no_place) == ("INVALID", ("after",))
        assert (await refusal(running, changes_of("tou_1"), None))[0] == "INVALID"
        nowhere = stream_pb2.InteractionRecorded(touchpoint_id=f"tou_{NOBODY}")
        assert await refusal(running, nowhere, None) == ("NOT_FOUND", ("touchpoint_id",))


async def examined(database: Database, commands: Commands) -> int:
    """How many events were looked at for the page."""
    [page] = [
        command for _, command in commands.found if command.get("find") == "domain_events" and command["limit"] > 1
    ]
    plain = {name: page[name] for name in ("find", "filter", "sort", "limit")}
    plan = await database.command("explain", plain, verbosity="executionStats")
    return int(plan["executionStats"]["totalDocsExamined"])


async def test_going_on_from_a_cursor_reads_by_index_whatever_is_wanted(
    running: Replica, database: Database, commands: Commands
) -> None:

    customers, places = [new_id("cus") for _ in range(30)], [new_id("tou") for _ in range(5)]
    kinds = list(DomainEventKind)
    events = [
        DomainEvent(kinds[n % 2], customers[n % 30], new_id("int"), places[n % 5], sources=frozenset({"shop"}))
        for n in range(300)
    ]
    repository = running.service._events
    everybody = service_caller("test")
    await in_transaction(database, lambda session: repository.add(everybody, events, utc_now(), session))
    named: dict[str, Any] = {"asked": customers[2], "customers": frozenset(customers[2:4])}
    for wanted in (
        Wanted(DomainEventKind.CUSTOMER_CHANGED, **named),
        Wanted(DomainEventKind.INTERACTION_RECORDED, touchpoint=places[1]),
        Wanted(DomainEventKind.INTERACTION_RECORDED, touchpoint=places[1], **named),
        Wanted(DomainEventKind.INTERACTION_RECORDED),
    ):
        for caller in (everybody, partner("shop")):
            with commands.recorded():
                found, until = await repository.since(caller, wanted, 10, 5)
            expected = [n for n, event in enumerate(events, 1) if n > 10 and wanted.takes(event, caller.sources)]
            assert [one.sequence for one in found] == expected[:5]
            assert until == (expected[4] if len(expected) >= 5 else 300)
            assert await commands.unindexed() == []
            # In the order of all events it would be many more: of one in thirty customers, of one in five touchpoints.
            assert await examined(database, commands) <= 20
