"""What a partner does to a customer it sees in part leaves the other part as it was."""

from rundblick.customers.v1 import customer_pb2, interaction_pb2
from rundblick.customers.v1 import reference_pb2 as pb

from chassis.times import to_timestamp, utc_now
from tests.callers import partner
from tests.customers.conftest import Running

PARTNER = partner("shop")


async def say(customers: Running, **fields: str) -> str:
    """The partner's record says so; the customer's id."""
    one = pb.CustomerReference(
        external_id="1",
        fields=customer_pb2.CustomerFields(**fields),  # type: ignore[arg-type]  # text fields alone
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
    )
    answer = await customers.call(pb.ResolveReferencesRequest(source="shop", customers=[one]), PARTNER)
    return str(answer.customers["1"].value.customer_id)


async def present(customers: Running, id: str) -> customer_pb2.Customer:
    answers = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[id]))).answers
    value: customer_pb2.Customer = answers[id].value
    return value


async def a_customer_of_two(customers: Running) -> str:
    """The shop's, corrected by people here."""
    id = await say(customers, display_name="Shop's Ada")
    ours = customer_pb2.CustomerFields(display_name="Our Ada", family_name="L.")
    await customers.call(customer_pb2.UpdateCustomerRequest(id=id, fields=ours))
    return id


async def test_what_people_entered_outlives_what_a_partner_says_of_other_fields(customers: Running) -> None:
    id = await a_customer_of_two(customers)
    assert await say(customers, display_name="Shop's Ada", locale="de") == id
    customer = await present(customers, id)
    assert (customer.display_name, customer.family_name, customer.locale) == ("Our Ada", "L.", "de")
    assert {record.source for record in customer.source_records} == {"shop", "rundblick"}
    assert customer.version == 3


async def test_a_partners_facts_take_the_own_record_that_is_there(customers: Running) -> None:
    id = await a_customer_of_two(customers)
    before = await present(customers, id)
    [own] = [record.id for record in before.source_records if record.source == "rundblick"]
    fact = interaction_pb2.Interaction(
        customer_id=id,
        source="shop",
        direction=interaction_pb2.DIRECTION_INBOUND,
        kind=interaction_pb2.INTERACTION_KIND_PURCHASE,
        occurred_at=to_timestamp(utc_now()),
    )
    request = interaction_pb2.RecordInteractionsRequest(interactions=[fact, fact])
    answers = (await customers.call(request, PARTNER)).answers
    assert [answer.value.source_record_id for answer in answers] == [own, own]
    assert await present(customers, id) == before
