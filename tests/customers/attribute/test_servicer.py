"""What a company declares is said of customers, kept by source, projected, merged, and given back by a split."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format, struct_pb2
from rundblick.customers.v1 import attribute_pb2 as pb
from rundblick.customers.v1 import customer_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from services.customers.attribute.domain import AttributeType
from services.customers.attribute.repository import MongoAttributeRepository
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running


def values(**said: Any) -> list[customer_pb2.AttributeValue]:
    return [
        customer_pb2.AttributeValue(key=key, value=json_format.ParseDict(value, struct_pb2.Value()))
        for key, value in said.items()
    ]


def shown(customer: customer_pb2.Customer) -> dict[str, Any]:
    return {one.key: json_format.MessageToDict(one.value) for one in customer.attributes}


async def declared(customers: Running) -> None:
    types = {"since": pb.ATTRIBUTE_TYPE_DATE, "seats": pb.ATTRIBUTE_TYPE_NUMBER, "vip": pb.ATTRIBUTE_TYPE_FLAG}
    for key, type in types.items():
        await customers.call(pb.DefineAttributeRequest(key=key, name=key, type=type))
    choice = pb.ATTRIBUTE_TYPE_CHOICE
    await customers.call(pb.DefineAttributeRequest(key="tier", name="Tier", type=choice, options=["gold", "silver"]))


async def created(customers: Running, source: str, id: str, **said: Any) -> customer_pb2.Customer:
    request = customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
        fields=customer_pb2.CustomerFields(display_name=id, attributes=values(**said)),
        external_id=customer_pb2.ExternalId(source=source, id=id),
    )
    customer: customer_pb2.Customer = (await customers.call(request)).customer
    return customer


async def updated(customers: Running, id: str, **said: Any) -> customer_pb2.Customer:
    fields = customer_pb2.CustomerFields(attributes=values(**said))
    customer: customer_pb2.Customer = (
        await customers.call(customer_pb2.UpdateCustomerRequest(id=id, fields=fields))
    ).customer
    return customer


async def test_what_is_declared_is_said_projected_merged_and_given_back(customers: Running, database: Database) -> None:
    await declared(customers)
    ada = await created(customers, "shop", "a", tier="gold", seats=0, vip=False, since="2026-03-31")
    assert shown(ada) == {"since": "2026-03-31", "seats": 0.0, "tier": "gold", "vip": False}
    assert {p.field for p in ada.provenance} >= {"attributes.tier", "attributes.seats"}
    # As expressions ask for it.
    document = await database["customers"].find_one({"_id": ada.id})
    assert document is not None
    assert document["values"]["attributes"] == {
        "tier": "gold",
        "seats": 0.0,
        "vip": False,
        "since": datetime(2026, 3, 31, tzinfo=UTC),
    }
    changed = await updated(customers, ada.id, tier="silver", seats=None)
    assert shown(changed) == {"since": "2026-03-31", "tier": "silver", "vip": False}
    [tier] = [p for p in changed.provenance if p.field == "attributes.tier"]
    own = next(record for record in changed.source_records if record.source == "rundblick")
    assert tier.source_record_id == own.id

    twin = await created(customers, "fair", "b", tier="gold", seats=4)
    request = customer_pb2.MergeCustomersRequest(id=ada.id, duplicate_ids=[twin.id])
    merged = await customers.call(request)
    assert shown(merged.customer) == {"since": "2026-03-31", "seats": 4.0, "tier": "gold", "vip": False}
    changes: dict[str, Any] = {change.field: json_format.MessageToDict(change.after) for change in merged.changes}
    assert (changes["attributes.tier"], changes["attributes.vip"]) == ("gold", False)
    apart = await customers.call(customer_pb2.SplitCustomerRequest(id=ada.id, former_id=twin.id))
    assert shown(apart.customer) == shown(changed)
    assert shown(apart.split_off) == {"seats": 4.0, "tier": "gold"}

    # A partner sees what its own source says.
    found = await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[ada.id]), partner("shop"))
    assert shown(found.answers[ada.id].value)["tier"] == "gold"


async def test_what_is_not_declared_so_is_refused_with_its_place_and_changes_nothing(customers: Running) -> None:
    await declared(customers)
    ada = await created(customers, "shop", "a", tier="gold")
    for said, path in (({"seats": 1, "tier": "iron"}, ("1", "value")), ({"shoe": 40}, ("0", "key"))):
        fields = customer_pb2.CustomerFields(attributes=values(**said))
        fault = await customers.fault(customer_pb2.UpdateCustomerRequest(id=ada.id, fields=fields))
        assert fault.path == ("fields", "attributes", *path)
    await customers.call(pb.ArchiveAttributeRequest(key="tier", version=1))
    fields = customer_pb2.CustomerFields(attributes=values(tier="silver"))
    fault = await customers.fault(customer_pb2.UpdateCustomerRequest(id=ada.id, fields=fields))
    assert "archived" in fault.message
    found = await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[ada.id]))
    assert shown(found.answers[ada.id].value) == {"tier": "gold"}, "what was said stays"
    assert shown(await updated(customers, ada.id, tier=None)) == {}


async def test_declarations_are_listed_and_found_by_index(
    customers: Running, database: Database, commands: Commands
) -> None:
    await declared(customers)
    again = pb.DefineAttributeRequest(key="tier", name="Tier", type=pb.ATTRIBUTE_TYPE_CHOICE, options=["x"])
    assert (await customers.fault(again)).fault.code == "ALREADY_EXISTS"
    again.version = 1
    assert (await customers.call(again)).attribute.version == 2
    await customers.call(pb.ArchiveAttributeRequest(key="vip", version=1))
    with commands.recorded():
        listed = (await customers.call(pb.ListAttributesRequest())).attributes
        every = (await customers.call(pb.ListAttributesRequest(archived=True))).attributes
        answers = (await customers.call(pb.BatchGetAttributesRequest(keys=["vip", "shoe"]))).answers
    assert [one.key for one in listed] == ["seats", "since", "tier"]
    assert [one.key for one in every] == ["seats", "since", "tier", "vip"]
    assert (answers["vip"].value.archived, answers["shoe"].error.code) == (True, "NOT_FOUND")
    assert len(commands.found) == 3
    assert await commands.unindexed() == []
    schema = await MongoAttributeRepository(database).schema(Caller("a", frozenset()))
    assert schema == {"seats": AttributeType.NUMBER, "since": AttributeType.DATE, "tier": AttributeType.CHOICE}
