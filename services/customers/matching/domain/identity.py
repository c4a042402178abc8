"""Who somebody is to the rules: their identifiers, and whether two of them can be the same at all."""

from dataclasses import dataclass

from services.customers.customer.domain.golden import Customer, CustomerKind
from services.customers.matching.domain.keys import Blocked, folded, keys_of, name_key


@dataclass(frozen=True, slots=True)
class Identity:
    """given, family: folded words. keys: of the golden record and of all its external ids."""

    customer: str
    kind: CustomerKind
    given: frozenset[str]
    family: str
    name: str
    keys: frozenset[str]
    external_ids: frozenset[tuple[str, str]]


def identity_of(customer: Customer, blocked: Blocked) -> Identity:
    """As the golden record says: what people took out of it no longer identifies anybody."""
    keys = set(keys_of(customer.values))
    ids = frozenset((source, external.strip().casefold()) for source, external in customer.external_ids)
    keys |= {key for _, external in ids for key in keys_of({}, external)}
    values = customer.values
    name = name_key(values)
    return Identity(
        customer=customer.id,
        kind=customer.kind,
        given=frozenset(folded(values.get("given_name") or "").split()),
        family=folded(values.get("family_name") or ""),
        # A placeholder is no name.
        name="" if name in blocked.names else name,
        keys=frozenset(key for key in keys if not blocked.holds(key)),
        external_ids=ids,
    )


def same_name(one: Identity, other: Identity) -> bool:
    """All words of the name, in any order; or the family name, with given names that may mean the same."""
    if one.name and one.name == other.name:
        return " " in one.name or one.kind is CustomerKind.ORGANISATION
    both_given = bool(one.given and other.given)
    return bool(one.family) and one.family == other.family and both_given and not _given_names_differ(one, other)


def contradict(one: Identity, other: Identity) -> bool:
    """A family, or an office, shares an e-mail address and a phone, but has several given names."""
    if one.kind is not other.kind:
        return True
    # Who writes the family name first has the same name all the same.
    return _given_names_differ(one, other) and not (one.name and one.name == other.name)


def _given_names_differ(one: Identity, other: Identity) -> bool:
    """Anna and Ben differ; Anna and Anna Maria, or A., may be the same."""
    if not one.given or not other.given:
        return False
    return not any(_may_be(a, b) for a in one.given for b in other.given)


def _may_be(one: str, other: str) -> bool:
    initial = min(len(one), len(other)) == 1 and one[0] == other[0]
    return one == other or initial
