"""Facts named by their source's own ids: each is there once, and what is said again corrects it."""

import asyncio
from datetime import timedelta
from typing import Any

from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.metrics.v1 import event_pb2

from chassis.mongo import Database
from chassis.times import to_timestamp
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.interaction.test_servicer import NINE, a_customer, fact, journey


def named(external_id: str, customer: str | None = None, minutes: int = 0, **fields: Any) -> pb.Interaction:
    return fact(customer, minutes, **{"id": "", "source": "shop", "external_id": external_id, **fields})


async def record(customers: Running, *facts: pb.Interaction, **fields: Any) -> list[Any]:
    request = pb.RecordInteractionsRequest(interactions=facts, **fields)
    return list((await customers.call(request)).answers)


async def told(database: Database) -> list[event_pb2.Event]:
    """To metrics, so far."""
    entries = database["outbox"].find({"destination": "metrics"}).sort("_id", 1)
    return [
        event async for entry in entries for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events
    ]


async def test_what_is_said_again_is_no_change_and_what_is_said_anew_corrects(
    customers: Running, database: Database
) -> None:
    ada = await a_customer(customers)
    said = named("visit-1", ada, summary="asked for the new press")
    first, again = [(await record(customers, said))[0].value for _ in range(2)]
    assert first == again
    assert (first.external_id, len(await told(database))) == ("visit-1", 1)
    moved = named("visit-1", ada, 30, kind=pb.INTERACTION_KIND_CALL, summary="asked for the new press")
    (corrected,) = await record(customers, moved)
    assert (corrected.value.id, corrected.value.version) == (first.id, 1)
    assert [one.occurred_at for one in await journey(customers, ada)] == [to_timestamp(NINE + timedelta(minutes=30))]
    *_, correction = await told(database)
    assert (correction.before.started_at, correction.after.started_at) == (said.occurred_at, moved.occurred_at)
    # The same id of another source is another fact.
    (other,) = await record(customers, named("visit-1", ada, source="fair"))
    assert other.value.id != first.id


async def test_who_numbers_what_is_said_is_not_corrected_by_what_comes_late(customers: Running) -> None:
    ada = await a_customer(customers)
    for version, minutes, expected in ((2, 20, 20), (1, 10, 20), (2, 15, 20), (3, 30, 30)):
        (answer,) = await record(customers, named("visit", ada, minutes, version=version))
        assert answer.value.occurred_at == to_timestamp(NINE + timedelta(minutes=expected))


async def test_of_one_said_twice_in_a_call_the_last_counts_and_of_many_at_once_one_is_made(customers: Running) -> None:
    ada = await a_customer(customers)
    await record(customers, named("visit", ada, 5), named("visit", ada, 10))
    await asyncio.gather(*(record(customers, named("call", ada)) for _ in range(5)))
    found = await journey(customers, ada)
    assert [one.external_id for one in found] == ["visit", "call"]
    assert found[0].occurred_at == to_timestamp(NINE + timedelta(minutes=10))


async def test_a_thousand_are_taken_in_one_call_each_with_its_answer(customers: Running, commands: Commands) -> None:
    ada = await a_customer(customers)
    facts = [named(str(number), ada, number) for number in range(1_000)]
    facts[17].kind, facts[400].external_id = pb.INTERACTION_KIND_UNSPECIFIED, ""
    with commands.recorded():
        answers = await record(customers, *facts, idempotency_key="k")
    few = len(commands.found)
    assert {n: one.error.code for n, one in enumerate(answers) if one.HasField("error")} == dict.fromkeys(
        (17, 400), "INVALID"
    )
    with commands.recorded():
        await record(customers, named("another", ada), idempotency_key="l")
    # But for the own record of the customer, which the first of all makes.
    assert few <= len(commands.found) + 6, "a thousand cost as many commands as one"
    assert await record(customers, *facts, idempotency_key="k") == answers


async def test_a_customer_is_named_by_the_words_of_a_source(customers: Running) -> None:
    key = customer_pb2.ExternalId(source="shop", id="c1")
    created = customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
        fields=customer_pb2.CustomerFields(display_name="Ada"),
        external_id=key,
    )
    ada = (await customers.call(created)).customer
    unknown = customer_pb2.ExternalId(source="shop", id="c2")
    answers = await record(
        customers,
        named("1", customer_external_id=key),
        named("2", customer_external_id=unknown),
        named("3", ada.id, customer_external_id=key),
        named("4", ada.id, id=f"int_{'0' * 26}"),
    )
    assert answers[0].value.customer_id == ada.id
    assert [(one.error.code, tuple(one.error.path)) for one in answers[1:]] == [
        ("NOT_FOUND", ("customer_external_id",)),
        ("INVALID", ("customer_external_id",)),
        ("INVALID", ("external_id",)),
    ]
    fair = partner("fair")
    request = pb.RecordInteractionsRequest(interactions=[named("5", source="fair", customer_external_id=key)])
    assert (await customers.call(request, fair)).answers[0].error.code == "NOT_FOUND", "whom it does not know"


async def test_a_fact_that_is_not_of_an_enquiry_is_no_message_of_one(customers: Running) -> None:
    offer = pb.Subject(kind=pb.SUBJECT_KIND_OFFER, id=f"off_{'0' * 26}")
    (answer,) = await record(customers, named("1", await a_customer(customers), subject=offer))
    assert answer.value.subject == offer
