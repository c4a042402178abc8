"""What a source is: a system that brings customers in, whose it is, on what ground, and what it may say of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from chassis.errors import AlreadyExists, Conflict, Fault, InvalidInput, NotFound
from services.customers.customer.domain import ATTRIBUTES, FIELDS

_LONGEST_KEY = 100
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 2_000
MOST_SOURCES = 500


class LegalBasis(Enum):
    """On what ground personal data is processed (GDPR, article 6)."""

    CONSENT = "CONSENT"
    CONTRACT = "CONTRACT"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"
    LEGITIMATE_INTEREST = "LEGITIMATE_INTEREST"


class SourceNotFound(NotFound):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is no source {key[:100]}", ("key",))


class SourceKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a source {key}, at version {version}: name it to change the source", ("key",))


class StaleSource(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


class TooManySources(Conflict):
    def __init__(self) -> None:
        super().__init__(f"at most {MOST_SOURCES} sources are registered", ("key",))


class SourceNotRegistered(InvalidInput):
    def __init__(self, key: str) -> None:
        super().__init__(f"the source {key[:100]} is not registered", ("external_id", "source"))


@dataclass(frozen=True, slots=True)
class Source:
    """team: whose it is. writable: fields, `attributes` or `attributes.<key>`; None: all. InvalidInput: one is none."""

    key: str
    name: str
    legal_basis: LegalBasis
    team: str | None = None
    description: str | None = None
    writable: frozenset[str] | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if self.key != self.key.strip() or not 1 <= len(self.key) <= _LONGEST_KEY:
            raise InvalidInput(f"a key has 1 to {_LONGEST_KEY} characters and no space at its ends", ("key",))
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if len(self.description or "") > _LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters", ("description",))
        for name in sorted(self.writable or ()):
            if name not in (*FIELDS, ATTRIBUTES) and not name.startswith(f"{ATTRIBUTES}."):
                known = ", ".join((*FIELDS, ATTRIBUTES))
                raise InvalidInput(f"{name[:100]} is no field of a customer; there are {known}", ("writable",))

    def may_write(self, field: str) -> bool:
        if self.writable is None or field in self.writable:
            return True
        return field.startswith(f"{ATTRIBUTES}.") and ATTRIBUTES in self.writable


def defined(said: Source, known: Mapping[str, Source], version: int | None) -> Source:
    """What was said now: new, or the next version of what is known."""
    before = known.get(said.key)
    if before is None:
        if version is not None:
            raise SourceNotFound(said.key)
        if len(known) >= MOST_SOURCES:
            raise TooManySources
        return said
    if version is None:
        raise SourceKeyTaken(said.key, before.version)
    if version != before.version:
        raise StaleSource(said.key, before.version, version)
    return replace(said, version=before.version + 1)


def split(source: Source | None, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Fault]]:
    """What the source may say, and why not the rest. A source that is not registered may say everything."""
    refused = [name for name in values if source is not None and not source.may_write(name)]
    faults = [_refusal(source.key, name).fault for name in refused] if source is not None else []
    return {name: value for name, value in values.items() if name not in refused} if refused else values, faults


def require_writable(source: Source | None, fields: Collection[str]) -> None:
    """InvalidInput: a field that the source may not write."""
    for name in fields:
        if source is not None and not source.may_write(name):
            raise _refusal(source.key, name)


def _refusal(source: str, field: str) -> InvalidInput:
    return InvalidInput(f"the source {source} does not write {field}", ("fields", field.partition(".")[0]))
