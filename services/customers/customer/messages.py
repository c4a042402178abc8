"""Customers as messages, and back."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from google.protobuf import struct_pb2
from rundblick.customers.v1 import customer_pb2 as pb

from chassis.caller import Caller, Reach
from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.customers.customer.domain import (
    ATTRIBUTES,
    TEXT_FIELDS,
    Address,
    Customer,
    CustomerKind,
    SourceRecord,
    Values,
    attributes_in,
)
from services.customers.customer.domain.merging import Change, Reason

# As in the rights table, for values that carry their field's name beside them.
PERSONAL = "customers:personal"
PERSONAL_FIELDS = frozenset({"emails", "phones", "addresses"})

KIND_TO_PROTO = {
    CustomerKind.PERSON: pb.CUSTOMER_KIND_PERSON,
    CustomerKind.ORGANISATION: pb.CUSTOMER_KIND_ORGANISATION,
}
KIND_FROM_PROTO = {proto: kind for kind, proto in KIND_TO_PROTO.items()}

ORDER_FROM_PROTO = {
    pb.CUSTOMER_ORDER_UNSPECIFIED: "NEWEST",
    pb.CUSTOMER_ORDER_CREATED_AT_DESC: "NEWEST",
    pb.CUSTOMER_ORDER_CREATED_AT_ASC: "OLDEST",
    pb.CUSTOMER_ORDER_DISPLAY_NAME_ASC: "NAME",
}


def kind_from_proto(kind: int) -> CustomerKind:
    try:
        return KIND_FROM_PROTO[kind]  # type: ignore[index]  # an open enum: any number may come in
    except KeyError:
        raise InvalidInput("the kind of customer is PERSON or ORGANISATION", ("kind",)) from None


def values_from_proto(fields: pb.CustomerFields) -> dict[str, Any]:
    """What was said; what is absent was not."""
    values: dict[str, Any] = {name: getattr(fields, name) for name in TEXT_FIELDS if fields.HasField(name)}  # type: ignore[arg-type]  # names of the message
    if fields.HasField("emails"):
        values["emails"] = list(fields.emails.values)
    if fields.HasField("phones"):
        values["phones"] = list(fields.phones.values)
    if fields.HasField("addresses"):
        values["addresses"] = [_address_from_proto(address) for address in fields.addresses.values]
    if fields.attributes:
        values[ATTRIBUTES] = [(one.key, _plain(one.value)) for one in fields.attributes]
    return values


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(value, kind)


def _address_from_proto(address: pb.PostalAddress) -> Address:
    def text(name: Any) -> str | None:
        return getattr(address, name) if address.HasField(name) else None

    return Address(tuple(address.lines), text("postal_code"), text("city"), text("region"), text("country"))


def _address_to_proto(address: Address) -> pb.PostalAddress:
    return pb.PostalAddress(
        lines=address.lines,
        postal_code=address.postal_code,
        city=address.city,
        region=address.region,
        country=address.country,
    )


def _fields_to_proto(values: Values) -> pb.CustomerFields:
    fields = pb.CustomerFields(**{name: values[name] for name in TEXT_FIELDS if name in values})
    if "emails" in values:
        fields.emails.values.extend(values["emails"])
        fields.emails.SetInParent()
    if "phones" in values:
        fields.phones.values.extend(values["phones"])
        fields.phones.SetInParent()
    if "addresses" in values:
        fields.addresses.values.extend(map(_address_to_proto, values["addresses"]))
        fields.addresses.SetInParent()
    fields.attributes.extend(_attributes(values))
    return fields


def _attributes(values: Values) -> Iterator[pb.AttributeValue]:
    for name in attributes_in(values):
        yield pb.AttributeValue(key=name.partition(".")[2], value=_value(values[name]))


def _record_to_proto(record: SourceRecord) -> pb.SourceRecord:
    return pb.SourceRecord(
        id=record.id,
        source=record.source,
        external_id=record.external_id,
        fields=_fields_to_proto(record.values),
        received_at=to_timestamp(record.received_at),
        updated_at=to_timestamp(record.updated_at),
    )


def to_proto(customer: Customer) -> pb.Customer:
    values = customer.values
    return pb.Customer(
        id=customer.id,
        kind=KIND_TO_PROTO[customer.kind],
        display_name=customer.display_name,
        given_name=values.get("given_name"),
        family_name=values.get("family_name"),
        organisation_name=values.get("organisation_name"),
        emails=values.get("emails"),
        phones=values.get("phones"),
        addresses=map(_address_to_proto, values.get("addresses", ())),
        locale=values.get("locale"),
        external_ids=[pb.ExternalId(source=source, id=id) for source, id in customer.external_ids],
        provenance=[
            pb.FieldProvenance(field=p.field, source_record_id=p.source_record, since=to_timestamp(p.since))
            for p in customer.provenance
        ],
        source_records=map(_record_to_proto, customer.records),
        owner_id=customer.owner,
        version=customer.version,
        created_at=to_timestamp(customer.created_at),
        updated_at=to_timestamp(customer.updated_at),
        source=customer.source,
        team_id=customer.team,
        attributes=_attributes(values),
    )


REASON_TO_PROTO = {reason: pb.FieldReason.Value(f"FIELD_REASON_{reason.value}") for reason in Reason}


def change_to_proto(change: Change, caller: Caller) -> pb.FieldChange:
    """Without the values of a field that the caller may not see."""
    shown = change.field not in PERSONAL_FIELDS or caller.reach(PERSONAL) is Reach.ALL

    def value(of: Any) -> struct_pb2.Value | None:
        return _value(of) if shown else None

    return pb.FieldChange(
        field=change.field,
        before=value(change.before),
        after=value(change.after),
        reason=REASON_TO_PROTO[change.reason],
        source_record_ids=change.records,
        candidates=[
            pb.FieldCandidate(
                source_record_id=record.id,
                source=record.source,
                value=value(record.values[change.field]),
                since=to_timestamp(record.since[change.field]),
            )
            for record in change.candidates
        ],
    )


def _value(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, list):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=map(_value, value)))
    if isinstance(value, Address):
        known = {
            "lines": list(value.lines),
            "postalCode": value.postal_code,
            "city": value.city,
            "region": value.region,
            "country": value.country,
        }
        fields = {name: _value(part) for name, part in known.items() if part}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, float):
        return struct_pb2.Value(number_value=value)
    return struct_pb2.Value(string_value=value.isoformat() if isinstance(value, date) else value)
