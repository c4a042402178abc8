"""Customers at hand, found by their identifiers."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.customers.customer.domain import Customer
from services.customers.matching.domain import Blocked, Identity, MatchRule, identity_of, keys_of


@dataclass(frozen=True, slots=True)
class Match:
    """others: whom the rule finds, the oldest first. records: source records that share what it asks for, in all."""

    rule: MatchRule
    others: tuple[Customer, ...]
    records: int

    @property
    def one(self) -> Customer | None:
        """The only one it finds, unless too many records share what it asks for."""
        return self.others[0] if len(self.others) == 1 and self.records <= self.rule.limit else None


class People:
    def __init__(self, blocked: Blocked, customers: Iterable[Customer] = ()) -> None:
        self._blocked = blocked
        self._customers: dict[str, Customer] = {}
        self._identities: dict[str, Identity] = {}
        self._with: dict[str, set[str]] = {}
        for customer in customers:
            self.put(customer)

    def __contains__(self, id: str) -> bool:
        return id in self._customers

    def __getitem__(self, id: str) -> Customer:
        return self._customers[id]

    def put(self, customer: Customer) -> None:
        identity = identity_of(customer, self._blocked)
        self._customers[customer.id] = customer
        self._identities[customer.id] = identity
        for key in identity.keys:
            self._with.setdefault(key, set()).add(customer.id)

    def take_out(self, id: str) -> Customer:
        for key in self._identities.pop(id).keys:
            self._with[key].discard(id)
        return self._customers.pop(id)

    def keys(self, rules: Iterable[MatchRule]) -> set[str]:
        """By which anybody who matches one of them can be found."""
        asked = list(rules)
        return {key for identity in self._identities.values() for rule in asked for key in rule.keys(identity)}

    def match(self, id: str, rules: Iterable[MatchRule]) -> Match | None:
        """What the first rule says that finds anybody."""
        identity = self._identities[id]
        for rule in rules:
            keys = rule.keys(identity)
            near = {other for key in keys for other in self._with.get(key, ())} - {id}
            same = [self._customers[o] for o in sorted(near) if rule.matches(identity, self._identities[o])]
            if same:
                records = sum(_sharing(customer, keys) for customer in (self._customers[id], *same))
                return Match(rule, tuple(same), records)
        return None


def _sharing(customer: Customer, keys: frozenset[str]) -> int:
    return sum(not keys.isdisjoint(keys_of(record.values, record.external_id)) for record in customer.records)
