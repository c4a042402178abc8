"""What expressions may ask of a customer. Numbers are doubles; a moment that may be absent is asked for with has()."""

from collections.abc import Mapping
from typing import Any

from chassis.expressions import Facts, Kind

# name -> field -> value; what is absent was never said or never happened.
FactsOf = Mapping[str, Any]

FACTS: Mapping[str, Mapping[str, Kind] | Kind] = {
    "customer": {
        "kind": Kind.STRING,
        "locale": Kind.STRING,
        "countries": Kind.STRINGS,
        "sources": Kind.STRINGS,
        "has_owner": Kind.FLAG,
        "owner": Kind.STRING,
        "created_at": Kind.MOMENT,
        "updated_at": Kind.MOMENT,
    },
    "consents": {"granted": Kind.STRINGS},
    "interactions": {
        "count": Kind.NUMBER,
        "inbound": Kind.NUMBER,
        "outbound": Kind.NUMBER,
        "purchases": Kind.NUMBER,
        "visits": Kind.NUMBER,
        "last_30_days": Kind.NUMBER,
        "last_90_days": Kind.NUMBER,
        "last_365_days": Kind.NUMBER,
        "first_at": Kind.MOMENT,
        "last_at": Kind.MOMENT,
        "last_inbound_at": Kind.MOMENT,
        "last_outbound_at": Kind.MOMENT,
        "last_purchase_at": Kind.MOMENT,
        "channels": Kind.STRINGS,
    },
    "enquiries": {"open": Kind.NUMBER, "total": Kind.NUMBER, "last_opened_at": Kind.MOMENT},
    "scores": {
        "nps": Kind.NUMBER,
        "nps_at": Kind.MOMENT,
        "csat": Kind.NUMBER,
        "csat_at": Kind.MOMENT,
        "ces": Kind.NUMBER,
        "ces_at": Kind.MOMENT,
    },
    "needs": {"wishes": Kind.STRINGS, "problems": Kind.STRINGS, "count": Kind.NUMBER},
    "opportunities": {
        "open": Kind.NUMBER,
        "won": Kind.NUMBER,
        "lost": Kind.NUMBER,
        "last_won_at": Kind.MOMENT,
    },
    "offers": {"accepted": Kind.STRINGS, "declined": Kind.STRINGS, "last_accepted_at": Kind.MOMENT},
    "now": Kind.MOMENT,
}
# Every customer was created, and every question is asked at a moment; all else need never have happened.
_ALWAYS = frozenset({"customer.created_at", "customer.updated_at"})
_OPTIONAL = tuple(
    f"{name}.{field}"
    for name, fields in FACTS.items()
    if not isinstance(fields, Kind)
    for field, kind in fields.items()
    if kind is Kind.MOMENT and f"{name}.{field}" not in _ALWAYS
)


def declared(attributes: Mapping[str, Kind] | None = None) -> Facts:
    """attributes: that this company declares of its customers; those of a day are moments."""
    own = dict(attributes or {})
    moments = (f"attributes.{field}" for field, kind in own.items() if kind is Kind.MOMENT)
    return Facts({**FACTS, "attributes": own}, optional=(*_OPTIONAL, *moments))
