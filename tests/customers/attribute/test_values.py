"""Attributes a company declares: values of customers are checked against them, and merged like any other field."""

from typing import Any

from google.protobuf import struct_pb2
from rundblick.customers.v1 import attribute_pb2 as pb
from rundblick.customers.v1 import attribute_pb2_grpc, customer_pb2

from chassis.channel import open_channel
from tests.customers.conftest import Running


def value(key: str, said: Any) -> customer_pb2.AttributeValue:
    found = struct_pb2.Value()
    if said is None:
        found.null_value = struct_pb2.NULL_VALUE
    elif isinstance(said, bool):
        found.bool_value = said
    elif isinstance(said, float):
        found.number_value = said
    else:
        found.string_value = said
    return customer_pb2.AttributeValue(key=key, value=found)


def creating(number: int, *attributes: customer_pb2.AttributeValue) -> customer_pb2.CreateCustomerRequest:
    said = customer_pb2.CustomerFields(display_name=f"No {number}", attributes=attributes)
    key = customer_pb2.ExternalId(source="shop", id=str(number))
    return customer_pb2.CreateCustomerRequest(kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=said, external_id=key)


def shown(customer: customer_pb2.Customer) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("kind"))) for one in customer.attributes}


async def test_values_are_checked_and_kept_by_their_declaration(customers: Running) -> None:
    async with open_channel(customers.address) as channel:
        stub = attribute_pb2_grpc.AttributeServiceStub(channel)
        schema = Running([stub], customers.authenticator, customers.address)
        declared = (
            pb.DefineAttributeRequest(key="size", name="Size", type=pb.ATTRIBUTE_TYPE_NUMBER),
            pb.DefineAttributeRequest(key="born_on", name="Born on", type=pb.ATTRIBUTE_TYPE_DATE),
            pb.DefineAttributeRequest(key="tier", name="Tier", type=pb.ATTRIBUTE_TYPE_CHOICE, options=["gold", "tin"]),
            pb.DefineAttributeRequest(key="vip", name="VIP", type=pb.ATTRIBUTE_TYPE_FLAG),
        )
        for request in declared:
            await schema.call(request)
        listed = (await schema.call(pb.ListAttributesRequest())).attributes
        assert [one.key for one in listed] == ["born_on", "size", "tier", "vip"]
        wrong = pb.DefineAttributeRequest(key="Bad Key", name="x", type=pb.ATTRIBUTE_TYPE_TEXT)
        assert (await schema.fault(wrong)).path == ("key",)

    for bad in (("size", "big"), ("born_on", "yesterday"), ("tier", "iron"), ("vip", 1.0), ("colour", "red")):
        fault = await customers.fault(creating(1, value(*bad)))
        assert fault.path[:2] == ("fields", "attributes"), bad
    one = (await customers.call(creating(1, value("size", 5.0), value("vip", True)))).customer
    two = (await customers.call(creating(2, value("born_on", "1990-02-03"), value("tier", "gold")))).customer
    assert shown(one) == {"size": 5.0, "vip": True}
    merged = await customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    assert shown(merged.customer) == {"born_on": "1990-02-03", "size": 5.0, "tier": "gold", "vip": True}
    news = customer_pb2.CustomerFields(attributes=[value("vip", None), value("size", 6.0)])
    changed = await customers.call(customer_pb2.UpdateCustomerRequest(id=one.id, fields=news))
    assert shown(changed.customer) == {"born_on": "1990-02-03", "size": 6.0, "tier": "gold"}
