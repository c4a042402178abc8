"""Rows of each kind as the messages they are sent as."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from rundblick.customers.v1 import customer_pb2, importing_pb2, reference_pb2, spend_pb2, touchpoint_pb2
from rundblick.shared.v1 import money_pb2

from cli.cells import Cells
from cli.mapping import RowError
from cli.record_mapping import AmountMapping, CustomerMapping, RecordMapping, SpendMapping, TouchpointMapping


@dataclass(frozen=True, slots=True)
class Kind:
    """mapping: what its TOML may say; row: RowError: the column and why."""

    mapping: type[RecordMapping]
    row: Callable[[Any, Cells, importing_pb2.ImportedRow], None]


def _customer(mapping: CustomerMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    customer = row.customer
    customer.external_id = cells.required(mapping.external_id)
    customer.kind = cells.word(mapping.kind, customer_pb2.CustomerKind, "CUSTOMER_KIND")
    fields = customer.fields
    fields.SetInParent()
    for name in ("display_name", "given_name", "family_name", "organisation_name", "locale"):
        source = getattr(mapping, name)
        # A blank cell of a column that is mapped says that there is none.
        if source is not None:
            setattr(fields, name, cells.text(source) or "")
    for name in ("emails", "phones"):
        if getattr(mapping, name):
            getattr(fields, name).values.extend(dict.fromkeys(cells.texts(getattr(mapping, name))))
    if mapping.address is not None:
        fields.addresses.SetInParent()
        address = customer_pb2.PostalAddress(lines=cells.texts(mapping.address.lines))
        for name in ("postal_code", "city", "region", "country"):
            if text := cells.text(getattr(mapping.address, name)):
                setattr(address, name, text)
        if address.ByteSize():
            fields.addresses.values.append(address)
    for key, source in mapping.attributes.items():
        # As above: a blank cell says that there is none.
        fields.attributes.append(
            customer_pb2.AttributeValue(key=key, value=struct_pb2.Value(string_value=cells.text(source) or ""))
        )


def _touchpoint(mapping: TouchpointMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    row.touchpoint.CopyFrom(
        importing_pb2.ImportedTouchpoint(
            key=cells.required(mapping.key),
            touchpoint=reference_pb2.NewTouchpoint(
                name=cells.required(mapping.name),
                channel=cells.word(mapping.channel, touchpoint_pb2.Channel, "CHANNEL"),
                nature=cells.word(mapping.nature, touchpoint_pb2.TouchpointNature, "TOUCHPOINT_NATURE"),
                control=cells.word(mapping.control, touchpoint_pb2.TouchpointControl, "TOUCHPOINT_CONTROL"),
            ),
            active_from=cells.day(mapping.active_from),
            active_to=cells.day(mapping.active_to),
        )
    )


def _spend(mapping: SpendMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    day = cells.day(mapping.day)
    if day is None:
        cells.required(mapping.day)
    row.spend.CopyFrom(
        importing_pb2.ImportedSpend(
            spend=spend_pb2.RecordSpendRequest(
                amount=_money(mapping, cells),
                day=day or "",
                note=cells.text(mapping.note),
                external_id=cells.required(mapping.external_id),
            ),
            campaign=cells.text(mapping.campaign),
            touchpoint_key=cells.text(mapping.touchpoint),
        )
    )


def _money(mapping: AmountMapping, cells: Cells) -> money_pb2.Money:
    return money_pb2.Money(amount=cells.amount(mapping), currency=cells.required(mapping.currency).upper())


KINDS = {
    "customers": Kind(CustomerMapping, _customer),
    "touchpoints": Kind(TouchpointMapping, _touchpoint),
    "spend": Kind(SpendMapping, _spend),
}

__all__ = ["KINDS", "Kind", "RowError"]
