"""Identifiers of a customer in the one form in which they are compared, and what may never be one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services.customers.customer.domain.record import ATTRIBUTES, Values, attributes_in
from services.customers.customer.domain.searching import words

# By the first letters of a key one sees what it identifies by.
EMAIL, PHONE, EXTERNAL_ID, NAME_AND_POSTAL_CODE, ATTRIBUTE = "e:", "p:", "x:", "n:", "a:"
# An index entry has an end; nobody is known by a text this long.
_LONGEST = 300


def folded(text: str) -> str:
    """Its words, as a search sees them: Müller and MUELLER are one."""
    return " ".join(words(text))


def name_key(values: Values) -> str:
    """All names of a person or an organisation in one order: whoever writes the family name first means the same."""
    person = " ".join(values.get(name) or "" for name in ("given_name", "family_name"))
    said = person if person.strip() else values.get("organisation_name") or values.get("display_name") or ""
    return _in_order(said)


def _in_order(name: str) -> str:
    return " ".join(sorted(words(name)))


@dataclass(frozen=True, slots=True)
class Blocked:
    """Values by which nobody is known. exact: such as `null`; beginnings: such as `noreply@`; names: as name keys."""

    exact: frozenset[str]
    beginnings: tuple[str, ...]
    names: frozenset[str]

    @classmethod
    def of(cls, values: Iterable[str]) -> "Blocked":
        """A value that ends in @ or * blocks all that begin so."""
        said = {value.casefold().strip() for value in values}
        beginnings = {value for value in said if value.endswith(("@", "*"))}
        begins = tuple(sorted(value.removesuffix("*") for value in beginnings))
        exact = frozenset(said - beginnings)
        return cls(exact, begins, frozenset(map(_in_order, exact)))

    def holds(self, key: str) -> bool:
        """Does the key, or one of the texts it is made of, identify nobody?"""
        kind, said = key[:2], key[2:]
        if kind == NAME_AND_POSTAL_CODE:
            name, _, code = said.partition("|")
            return name in self.names or self._blocks(code)
        # The key of an attribute is a name of ours, not what anybody said.
        return self._blocks(said.partition("|")[2] if kind == ATTRIBUTE else said)

    def _blocks(self, text: str) -> bool:
        return text in self.exact or text.startswith(self.beginnings)


def keys_of(values: Values, external_id: str | None = None) -> list[str]:
    """All that a source record identifies its customer by, each once."""
    return sorted({key for key in _keys(values, external_id) if len(key) <= _LONGEST})


def _keys(values: Values, external_id: str | None) -> Iterator[str]:
    for email in values.get("emails", ()):
        yield EMAIL + email.casefold()
    for phone in values.get("phones", ()):
        yield PHONE + phone
    if external_id:
        yield EXTERNAL_ID + external_id.strip().casefold()
    name = name_key(values)
    for address in values.get("addresses", ()):
        code = folded(address.postal_code or "").replace(" ", "")
        # One word is half a name.
        if code and " " in name:
            yield f"{NAME_AND_POSTAL_CODE}{name}|{code}"
    for attribute in attributes_in(values):
        text = _attribute(values[attribute])
        if text:
            yield f"{ATTRIBUTE}{attribute.removeprefix(ATTRIBUTES + '.')}|{text}"


def _attribute(value: Any) -> str:
    """Yes and no identify nobody."""
    if value is None or isinstance(value, bool):
        return ""
    # In files the same number has a fraction or none.
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).casefold().split())
