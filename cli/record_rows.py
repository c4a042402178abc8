"""Rows of each kind as the messages they are sent as."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from rundblick.customers.v1 import (
    consent_pb2,
    customer_pb2,
    importing_pb2,
    interaction_pb2,
    opportunity_pb2,
    reference_pb2,
    spend_pb2,
    touchpoint_pb2,
)

from chassis.times import to_timestamp
from cli.cells import Cells
from cli.mapping import RowError
from cli.record_mapping import (
    ConsentMapping,
    CustomerMapping,
    InteractionMapping,
    OpportunityMapping,
    RecordMapping,
    SpendMapping,
    TouchpointMapping,
)


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
    cells.required(mapping.day)
    cells.required(mapping.amount)
    day, amount = cells.day(mapping.day), cells.money(mapping.amount, mapping.currency, mapping.decimal)
    row.spend.CopyFrom(
        importing_pb2.ImportedSpend(
            spend=spend_pb2.RecordSpendRequest(
                amount=amount,
                day=day or "",
                note=cells.text(mapping.note),
                external_id=cells.required(mapping.external_id),
            ),
            campaign=cells.text(mapping.campaign),
            touchpoint_key=cells.text(mapping.touchpoint),
        )
    )


def _interaction(mapping: InteractionMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    interaction = interaction_pb2.Interaction(
        external_id=cells.required(mapping.external_id),
        direction=cells.word(mapping.direction, interaction_pb2.Direction, "DIRECTION"),
        kind=cells.word(mapping.kind, interaction_pb2.InteractionKind, "INTERACTION_KIND"),
        occurred_at=to_timestamp(cells.instant(mapping.occurred_at)),
        summary=cells.text(mapping.summary),
        code=cells.text(mapping.code),
    )
    if mapping.purpose is not None and cells.text(mapping.purpose) is not None:
        interaction.purpose = cells.word(mapping.purpose, consent_pb2.ConsentPurpose, "CONSENT_PURPOSE")
    row.interaction.CopyFrom(
        importing_pb2.ImportedInteraction(
            interaction=interaction,
            customer_external_id=cells.text(mapping.customer),
            touchpoint_key=cells.text(mapping.touchpoint),
        )
    )


def _opportunity(mapping: OpportunityMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    fields = opportunity_pb2.OpportunityFields(
        title=cells.required(mapping.title),
        amount=cells.money(mapping.amount, mapping.currency, mapping.decimal),
        probability=cells.number(mapping.probability),
        closes_on=cells.day(mapping.closes_on),
    )
    row.opportunity.CopyFrom(
        importing_pb2.ImportedOpportunity(
            opportunity=opportunity_pb2.CreateOpportunityRequest(
                external_id=cells.required(mapping.external_id),
                fields=fields,
                stage=cells.word(mapping.stage, opportunity_pb2.OpportunityStage, "OPPORTUNITY_STAGE"),
                opened_at=to_timestamp(cells.moment(mapping.opened_at)),
                stage_since=to_timestamp(cells.moment(mapping.stage_since)),
                loss_reason=cells.text(mapping.loss_reason),
            ),
            customer_external_id=cells.required(mapping.customer),
            campaign=cells.text(mapping.campaign),
            offer_key=cells.text(mapping.offer),
        )
    )


def _consent(mapping: ConsentMapping, cells: Cells, row: importing_pb2.ImportedRow) -> None:
    statement = consent_pb2.ConsentStatement(
        channel=cells.word(mapping.channel, touchpoint_pb2.Channel, "CHANNEL"),
        purpose=cells.word(mapping.purpose, consent_pb2.ConsentPurpose, "CONSENT_PURPOSE"),
        address=cells.text(mapping.address),
        occurred_at=to_timestamp(cells.instant(mapping.occurred_at)),
        expires_at=to_timestamp(cells.moment(mapping.expires_at)),
        wording_version=cells.text(mapping.wording_version),
        ip_address=cells.text(mapping.ip_address),
    )
    row.consent.CopyFrom(
        importing_pb2.ImportedConsent(
            external_id=cells.required(mapping.external_id),
            customer_external_id=cells.required(mapping.customer),
            status=cells.word(mapping.status, consent_pb2.ConsentStatus, "CONSENT_STATUS"),
            statement=statement,
        )
    )


KINDS = {
    "customers": Kind(CustomerMapping, _customer),
    "touchpoints": Kind(TouchpointMapping, _touchpoint),
    "spend": Kind(SpendMapping, _spend),
    "interactions": Kind(InteractionMapping, _interaction),
    "opportunities": Kind(OpportunityMapping, _opportunity),
    "consents": Kind(ConsentMapping, _consent),
}

__all__ = ["KINDS", "Kind", "RowError"]
