"""What a match rule is: which identifiers two records must share, and what follows when they do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from services.customers.matching.domain.identity import Identity, contradict, same_name
from services.customers.matching.domain.keys import ATTRIBUTE, EMAIL, EXTERNAL_ID, NAME_AND_POSTAL_CODE, PHONE

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_LONGEST_VALUE = 200
_SHORTEST_BEGINNING = 2
_HIGHEST_PRIORITY = 1_000
LARGEST_LIMIT = 100
MOST_RULES = 50
MOST_BLOCKED = 1_000


class IdentifierKind(Enum):
    """NAME tells too few apart to stand alone. EXTERNAL_ID: of the source that is named; other sources use it too."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    NAME = "NAME"
    NAME_AND_POSTAL_CODE = "NAME_AND_POSTAL_CODE"
    EXTERNAL_ID = "EXTERNAL_ID"
    ATTRIBUTE = "ATTRIBUTE"


class Mode(Enum):
    """ATTACH: a new record that matches one customer becomes theirs; SUGGEST: people decide."""

    ATTACH = "ATTACH"
    SUGGEST = "SUGGEST"


_KEYS: Mapping[IdentifierKind, str] = {
    IdentifierKind.EMAIL: EMAIL,
    IdentifierKind.PHONE: PHONE,
    IdentifierKind.NAME_AND_POSTAL_CODE: NAME_AND_POSTAL_CODE,
    IdentifierKind.EXTERNAL_ID: EXTERNAL_ID,
    IdentifierKind.ATTRIBUTE: ATTRIBUTE,
}
_FIELDS: Mapping[IdentifierKind, str] = {
    IdentifierKind.EMAIL: "emails",
    IdentifierKind.PHONE: "phones",
    IdentifierKind.NAME: "name",
    IdentifierKind.NAME_AND_POSTAL_CODE: "name_and_postal_code",
    IdentifierKind.EXTERNAL_ID: "external_ids",
}
_NEEDS_OF = (IdentifierKind.EXTERNAL_ID, IdentifierKind.ATTRIBUTE)


class MatchRuleNotFound(NotFound):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is no match rule {key[:100]}", ("key",))


class MatchRuleKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a match rule {key}, at version {version}: name it to change the rule", ("key",))


class StaleMatchRule(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


class TooManyMatchRules(Conflict):
    def __init__(self) -> None:
        super().__init__(f"there are at most {MOST_RULES} match rules, archived ones too", ("key",))


class TooManyBlockedValues(Conflict):
    def __init__(self) -> None:
        super().__init__(f"at most {MOST_BLOCKED} values are blocked", ("value",))


@dataclass(frozen=True, slots=True)
class Identifier:
    """of: the source of an EXTERNAL_ID, the key of an ATTRIBUTE. InvalidInput: it is missing, or says nothing."""

    kind: IdentifierKind
    of: str | None = None

    def __post_init__(self) -> None:
        if (self.kind in _NEEDS_OF) != bool(self.of):
            raise InvalidInput("an EXTERNAL_ID names its source, an ATTRIBUTE its key, and nothing else does", ("of",))

    @property
    def field(self) -> str:
        """Of a customer, by which it identifies."""
        return _FIELDS.get(self.kind) or f"attributes.{self.of}"

    def keys(self, identity: Identity) -> frozenset[str]:
        """By which of its keys somebody is found; a name alone is no key."""
        beginning = _KEYS.get(self.kind)
        if beginning is None:
            return frozenset()
        if self.kind is IdentifierKind.ATTRIBUTE:
            beginning += f"{self.of}|"
        return frozenset(key for key in identity.keys if key.startswith(beginning))

    def is_shared(self, one: Identity, other: Identity) -> bool:
        if self.kind is IdentifierKind.NAME:
            return same_name(one, other)
        both = self.keys(one) & self.keys(other)
        if self.kind is not IdentifierKind.EXTERNAL_ID:
            return bool(both)
        # One of the two has it from the source itself.
        theirs = {EXTERNAL_ID + id for source, id in one.external_ids | other.external_ids if source == self.of}
        return bool(both & theirs)


@dataclass(frozen=True, slots=True)
class MatchRule:
    """limit: source records that may share what it asks for; of a larger group people decide. version 0: as shipped.

    InvalidInput: what cannot be kept, with the field.
    """

    key: str
    identifiers: tuple[Identifier, ...]
    priority: int
    limit: int
    mode: Mode
    enabled: bool = True
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 40 small letters, digits, - and _, a letter first", ("key",))
        if len(set(self.identifiers)) != len(self.identifiers) or all(i.kind not in _KEYS for i in self.identifiers):
            raise InvalidInput("a rule has identifiers, each once, and not a NAME alone", ("identifiers",))
        if not 0 <= self.priority <= _HIGHEST_PRIORITY:
            raise InvalidInput(f"it lies between 0 and {_HIGHEST_PRIORITY}", ("priority",))
        if not 2 <= self.limit <= LARGEST_LIMIT:
            raise InvalidInput(f"it lies between 2 and {LARGEST_LIMIT}", ("limit",))

    def keys(self, identity: Identity) -> frozenset[str]:
        """By which all are found who can match: those of one identifier, as long as each has some."""
        found = [i.keys(identity) for i in self.identifiers if i.kind in _KEYS]
        return found[0] if all(found) else frozenset()

    def matches(self, one: Identity, other: Identity) -> bool:
        """The same whichever comes first."""
        return not contradict(one, other) and all(i.is_shared(one, other) for i in self.identifiers)


def _shipped(key: str, priority: int, mode: Mode, *kinds: IdentifierKind) -> MatchRule:
    return MatchRule(key, tuple(map(Identifier, kinds)), priority, limit=10, mode=mode, version=0)


# Two records with the same address and the same name are one customer; an address or a phone alone people look at,
# for families and offices share them.
SHIPPED: Mapping[str, MatchRule] = {
    rule.key: rule
    for rule in (
        _shipped("email-and-name", 100, Mode.ATTACH, IdentifierKind.EMAIL, IdentifierKind.NAME),
        _shipped("phone-and-name", 200, Mode.ATTACH, IdentifierKind.PHONE, IdentifierKind.NAME),
        _shipped("email", 300, Mode.SUGGEST, IdentifierKind.EMAIL),
        _shipped("name-and-postal-code", 400, Mode.SUGGEST, IdentifierKind.NAME_AND_POSTAL_CODE),
    )
}

# What stands in fields where there is nothing to say.
BLOCKED = frozenset(
    """
    null none nil n/a na nan unknown unbekannt keine test tester
    test@ noreply@ no-reply@ donotreply@ do-not-reply@ nobody@ none@ null@ unknown@ keine@
    +49000* +490123456* +4912345678* +1000* +15555550*
    """.split()  # noqa: SIM905  # a table is read more easily than a hundred quotation marks
)


def in_force(kept: Mapping[str, MatchRule]) -> list[MatchRule]:
    """What is kept takes the place of what is shipped; the smallest priority first."""
    return sorted({**SHIPPED, **kept}.values(), key=lambda rule: (rule.priority, rule.key))


def defined(said: MatchRule, known: Mapping[str, MatchRule], made_from: int | None) -> MatchRule:
    """A new one, or the next version of what is known or shipped; an archived one holds again."""
    before = known.get(said.key) or SHIPPED.get(said.key)
    if before is None:
        if made_from is not None:
            raise MatchRuleNotFound(said.key)
        if len(known) >= MOST_RULES:
            raise TooManyMatchRules
        return said
    if made_from is None:
        raise MatchRuleKeyTaken(said.key, before.version)
    _require_version(before, made_from)
    return replace(said, version=before.version + 1)


def archived(key: str, known: Mapping[str, MatchRule], made_from: int) -> MatchRule:
    before = known.get(key) or SHIPPED.get(key)
    if before is None:
        raise MatchRuleNotFound(key)
    _require_version(before, made_from)
    return replace(before, enabled=False, version=before.version + 1)


def _require_version(rule: MatchRule, made_from: int) -> None:
    if rule.version != made_from:
        raise StaleMatchRule(rule.key, rule.version, made_from)


def blocked_value(text: str) -> str:
    """In the form in which it is compared. InvalidInput: it would block everything, or is too long."""
    value = text.casefold().strip()
    if not value or len(value) > _LONGEST_VALUE:
        raise InvalidInput(f"a value has 1 to {_LONGEST_VALUE} characters", ("value",))
    if value.endswith("*") and len(value) <= _SHORTEST_BEGINNING:
        raise InvalidInput("a beginning of one character would block half of all", ("value",))
    return value
