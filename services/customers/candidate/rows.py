"""Customers as the rows that are linked."""

import re
from collections.abc import Mapping
from typing import Any

from services.customers.customer.domain import ATTRIBUTES, Address, Customer
from services.customers.matching.domain import Blocked, folded

# Under one of these keys companies declare it.
_BORN = ("date_of_birth", "birth_date", "birthday", "geburtsdatum")
_HOUSE_NUMBER = re.compile(r"^(?:(?P<first>\d+\s?[a-z]?)\s+(?P<after>\D.*)|(?P<before>.*\D)\s+(?P<last>\d+\s?[a-z]?))$")


def row_of(customer: Customer, blocked: Blocked) -> dict[str, Any]:
    """What the golden record says, in small letters; not what identifies nobody."""
    values = customer.values
    addresses: list[Address] = list(values.get("addresses", ()))
    return {
        "id": customer.id,
        **{name: _name(values.get(name), blocked) for name in ("given_name", "family_name", "organisation_name")},
        **(_place(addresses[0]) if addresses else {}),
        "date_of_birth": _born(values),
        "emails": [e.casefold() for e in values.get("emails", ()) if not blocked.holds("e:" + e.casefold())],
        "phones": [phone for phone in values.get("phones", ()) if not blocked.holds("p:" + phone)],
    }


def _name(said: str | None, blocked: Blocked) -> str | None:
    name = folded(said or "")
    return name if name and name not in blocked.exact else None


def _born(values: Mapping[str, Any]) -> str | None:
    found = (values.get(f"{ATTRIBUTES}.{key}") for key in _BORN)
    return next((str(day) for day in found if day), None)


def _place(address: Address) -> dict[str, str | None]:
    lines = [folded(line) for line in address.lines]
    street, number = lines[0] if lines else "", None
    parts = _HOUSE_NUMBER.match(street)
    if parts is not None:
        street = parts["after"] or parts["before"]
        number = (parts["first"] or parts["last"]).replace(" ", "")
    return {
        "street": street or None,
        "house_number": number,
        "locality": " ".join(lines[1:]) or None,
        "city": folded(address.city or "") or None,
        "postal_code": folded(address.postal_code or "").replace(" ", "") or None,
        "region": folded(address.region or address.country or "") or None,
    }
