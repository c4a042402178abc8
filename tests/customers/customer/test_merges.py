"""Merge and split over gRPC: by whom, with what answer, and what is told to the others."""

from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.customers.v1 import interaction_pb2
from rundblick.shared.v1 import alias_pb2, verification_pb2

from chassis.caller import Caller, service_caller
from chassis.calls import error_of
from chassis.mongo import Database
from chassis.times import to_timestamp, utc_now
from services.customers.wiring import CustomersService
from tests.callers import partner
from tests.customers.conftest import NOBODY, Running

PARTNER = partner("shop")


async def created(customers: Running, number: int, source: str = "crm", **fields: Any) -> pb.Customer:
    request = pb.CreateCustomerRequest(
        kind=pb.CUSTOMER_KIND_PERSON,
        fields=pb.CustomerFields(display_name=f"Name {number}", **fields),
        external_id=pb.ExternalId(source=source, id=str(number)),
    )
    customer: pb.Customer = (await customers.call(request)).customer
    return customer


async def read(customers: Running, *ids: str, caller: Caller | None = None) -> list[pb.Customer]:
    answers = (await customers.call(pb.BatchGetCustomersRequest(ids=ids), caller)).answers
    return [answers[id].value for id in ids]


async def journey(customers: Running, *ids: str) -> list[list[str]]:
    """Of each, whom its interactions show."""
    request = interaction_pb2.BatchListInteractionsRequest(customer_ids=ids)
    pages = (await customers.call(request)).pages
    return [[edge.node.customer_id for edge in pages[id].edges] for id in ids]


async def visited(customers: Running, customer: str, **fields: Any) -> None:
    fact = interaction_pb2.Interaction(
        customer_id=customer,
        direction=interaction_pb2.DIRECTION_INBOUND,
        kind=interaction_pb2.INTERACTION_KIND_VISIT,
        occurred_at=to_timestamp(utc_now()),
        **fields,
    )
    answer = (await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=[fact]))).answers[0]
    assert answer.HasField("value"), answer


async def follow(database: Database) -> list[alias_pb2.MoveAliasesRequest]:
    """Deliver what is for the journeys; answers what the other services would be told."""
    journeys = CustomersService(database)._journeys
    told = []
    for document in await database["outbox"].find({"kind": "aliases"}).to_list(None):
        request = alias_pb2.MoveAliasesRequest.FromString(document["payload"])
        if document["destination"] == "journey":
            await journeys.follow(service_caller("customers"), [a.id for a in request.aliases if a.id[:3] == "src"])
        elif document["destination"] == "metrics":
            told.append(request)
    await database["outbox"].delete_many({})
    return told


async def test_old_ids_answer_the_present_record_and_a_split_gives_it_back(
    customers: Running, database: Database
) -> None:
    one, two = await created(customers, 1), await created(customers, 2, emails=pb.StringList(values=["b@x.de"]))
    await visited(customers, two.id)
    [before_one, before_two] = await read(customers, one.id, two.id)
    answer = await customers.call(pb.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    assert [c.id for c in await read(customers, one.id, two.id)] == [one.id, one.id]
    assert list(answer.customer.emails) == ["b@x.de"]
    await follow(database)
    assert await journey(customers, one.id, two.id) == [[one.id], [one.id]]
    listed = await customers.call(pb.ListCustomersRequest())
    assert [edge.node.id for edge in listed.edges] == [one.id]

    parted = await customers.call(pb.SplitCustomerRequest(id=two.id, former_id=two.id))
    assert (parted.customer.id, parted.split_off.id) == (one.id, two.id)
    await follow(database)
    assert await journey(customers, one.id, two.id) == [[], [two.id]]
    for before, after in zip((before_one, before_two), await read(customers, one.id, two.id), strict=True):
        for message in (before, after):
            message.ClearField("version")
            message.ClearField("updated_at")
        assert after == before


async def test_a_dry_run_says_what_would_be_and_changes_nothing(customers: Running, database: Database) -> None:
    one, two = await created(customers, 1), await created(customers, 2, locale="de")
    before = await read(customers, one.id, two.id)
    answer = await customers.call(pb.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id], dry_run=True))
    assert answer.customer.locale == "de"
    why = {change.field: change for change in answer.changes}
    assert why["locale"].reason == pb.FIELD_REASON_ADDED
    assert why["locale"].after.string_value == "de"
    assert why["display_name"].reason == pb.FIELD_REASON_REPLACED
    assert [c.value.string_value for c in why["display_name"].candidates] == ["Name 2", "Name 1"]
    assert list(why["display_name"].source_record_ids) == [two.source_records[0].id]
    assert await read(customers, one.id, two.id) == before
    assert await database["outbox"].count_documents({"kind": "aliases"}) == 0


async def refusal(customers: Running, request: Any, caller: Caller | None = None) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await customers.call(request, caller)
    fault = error_of(error.value).fault
    return fault.code, fault.path


async def test_what_cannot_be_merged_is_refused_with_the_place(customers: Running) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    unknown = f"cus_{NOBODY}"
    cases: list[tuple[dict[str, Any], tuple[str, tuple[str, ...]]]] = [
        ({"id": unknown, "duplicate_ids": [two.id]}, ("NOT_FOUND", ("id",))),
        ({"id": one.id, "duplicate_ids": [two.id, unknown]}, ("NOT_FOUND", ("duplicates", "1"))),
        ({"id": one.id, "duplicate_ids": [one.id]}, ("INVALID", ("duplicates",))),
        ({"id": one.id}, ("INVALID", ("duplicates",))),
        ({"id": one.id, "duplicate_ids": [two.id], "version": 7}, ("CONFLICT", ("version",))),
    ]
    for fields, expected in cases:
        assert await refusal(customers, pb.MergeCustomersRequest(**fields)) == expected
    assert await refusal(customers, pb.SplitCustomerRequest(id=one.id)) == ("INVALID", ("source_records",))
    gone = pb.SplitCustomerRequest(id=one.id, former_id=two.id)
    assert await refusal(customers, gone) == ("NOT_FOUND", ("former_customer",))
    assert [c.version for c in await read(customers, one.id, two.id)] == [1, 1]


async def test_a_merge_sent_twice_happens_once(customers: Running, database: Database) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    request = pb.MergeCustomersRequest(idempotency_key="k", id=one.id, duplicate_ids=[two.id])
    first, second = await customers.call(request), await customers.call(request)
    assert first == second
    assert await database["outbox"].count_documents({"destination": "metrics"}) == 1


async def test_everybody_is_told_once_per_move_with_growing_versions(customers: Running, database: Database) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    await customers.call(pb.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    [told] = await follow(database)
    assert {(a.id, a.customer_id, a.version) for a in told.aliases} == {
        (two.id, one.id, 1),
        (two.source_records[0].id, one.id, 1),
    }
    await customers.call(pb.SplitCustomerRequest(id=one.id, former_id=two.id))
    [told] = await follow(database)
    assert {(a.id, a.customer_id, a.version) for a in told.aliases} == {
        (two.id, two.id, 2),
        (two.source_records[0].id, two.id, 2),
    }


async def test_partners_do_not_merge_and_see_their_own_records_of_a_merged_customer(customers: Running) -> None:
    ours = await created(customers, 1, emails=pb.StringList(values=["ours@x.de"]))
    theirs = await created(customers, 2, "shop", locale="en")
    request = pb.MergeCustomersRequest(id=ours.id, duplicate_ids=[theirs.id])
    assert (await refusal(customers, request, PARTNER))[0] == "FORBIDDEN"
    await customers.call(request)
    [seen] = await read(customers, theirs.id, caller=PARTNER)
    assert (seen.display_name, seen.locale, list(seen.emails)) == ("Name 2", "en", [])
    assert [record.source for record in seen.source_records] == ["shop"]
    assert [external.source for external in seen.external_ids] == ["shop"]
    listed = await customers.call(pb.ListCustomersRequest(search="Name 1"), PARTNER)
    assert list(listed.edges) == [], "by a name that only others know nobody is found"


async def test_a_fact_for_an_old_id_is_the_present_customers(customers: Running) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    await customers.call(pb.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    await visited(customers, two.id)
    await visited(customers, two.id, source_record_id=two.source_records[0].id)
    assert await journey(customers, one.id) == [[one.id, one.id]]


async def test_following_twice_or_late_ends_where_the_records_are(customers: Running, database: Database) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    await visited(customers, two.id, source_record_id=two.source_records[0].id)
    await customers.call(pb.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    merge = await database["outbox"].find({"destination": "journey"}).to_list(None)
    await customers.call(pb.SplitCustomerRequest(id=one.id, former_id=two.id))
    await follow(database)
    await database["outbox"].insert_many(merge)
    await follow(database)
    assert await journey(customers, one.id, two.id) == [[], [two.id]]


async def check(customers: Running, part: str) -> list[tuple[str, str]]:
    stub = next(stub for stub in customers.stubs if hasattr(stub, "CheckBatch"))
    answer = await stub.CheckBatch(verification_pb2.CheckBatchRequest(part=part, size=100), timeout=10)
    return [(difference.what, difference.id) for difference in answer.differences]


async def test_the_check_names_what_was_tampered_with(customers: Running, database: Database) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    record = two.source_records[0].id
    await visited(customers, two.id, source_record_id=record)
    assert await check(customers, "customers") == []
    assert await check(customers, "interactions") == []
    await database["customers"].update_one({"_id": one.id}, {"$set": {"display_name": "Else", "owner": "emp_x"}})
    await database["interactions"].update_one({"source_record": record}, {"$set": {"customer": one.id}})
    assert sorted(await check(customers, "customers")) == sorted([("customer", one.id)] * 3 + [("journey", record)])
    [(what, _)] = await check(customers, "interactions")
    assert what == "journey"
