"""What makes two customers the same by a rule: identifiers, what may never be one, and what speaks against it."""

from services.customers.matching.domain.identity import Identity, contradict, identity_of, same_name
from services.customers.matching.domain.keys import Blocked, folded, keys_of, name_key
from services.customers.matching.domain.rule import (
    BLOCKED,
    LARGEST_LIMIT,
    MOST_BLOCKED,
    SHIPPED,
    Identifier,
    IdentifierKind,
    MatchRule,
    MatchRuleKeyTaken,
    MatchRuleNotFound,
    Mode,
    StaleMatchRule,
    TooManyBlockedValues,
    archived,
    blocked_value,
    defined,
    in_force,
)

__all__ = [
    "BLOCKED",
    "LARGEST_LIMIT",
    "MOST_BLOCKED",
    "SHIPPED",
    "Blocked",
    "Identifier",
    "IdentifierKind",
    "Identity",
    "MatchRule",
    "MatchRuleKeyTaken",
    "MatchRuleNotFound",
    "Mode",
    "StaleMatchRule",
    "TooManyBlockedValues",
    "archived",
    "blocked_value",
    "contradict",
    "defined",
    "folded",
    "identity_of",
    "in_force",
    "keys_of",
    "name_key",
    "same_name",
]
