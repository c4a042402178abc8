"""What consent is: entries that never change, and what follows from all of them together."""

from services.customers.consent.domain.entry import (
    ADDRESS_FIELDS,
    ConsentEntry,
    ConsentPurpose,
    ConsentStatus,
    Statement,
    TokenUnusable,
    confirmation,
    require_address,
)
from services.customers.consent.domain.ledger import Consent, ContactReason, Ledger, Permission

__all__ = [
    "ADDRESS_FIELDS",
    "Consent",
    "ConsentEntry",
    "ConsentPurpose",
    "ConsentStatus",
    "ContactReason",
    "Ledger",
    "Permission",
    "Statement",
    "TokenUnusable",
    "confirmation",
    "require_address",
]
