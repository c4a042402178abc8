"""Customers of one record, as the rules see them."""

from datetime import UTC, datetime
from typing import Any

from services.customers.customer.domain import Customer, CustomerKind, golden, new_record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def customer(id: str, external_id: str | None = None, source: str = "shop", **values: Any) -> Customer:
    kind = CustomerKind.ORGANISATION if "organisation_name" in values else CustomerKind.PERSON
    said = {"display_name": "Somebody", **values}
    return golden(id, kind, [new_record(source, external_id, said, NOW, id)], owner=None, now=NOW)
