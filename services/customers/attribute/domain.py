"""What a company keeps of its customers beyond what every company does: declared first, then said."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound

# A name that expressions can use: attributes.customer_number
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = re.compile(
    "as|break|const|continue|else|false|for|function|has|if|import|in|let|loop|namespace|null|package|return|true|var|"
    "void|while"
)
_LONGEST_NAME = 100
_LONGEST_DESCRIPTION = 1_000
_LONGEST_TEXT = 500
_MOST_OPTIONS = 200
MOST_ATTRIBUTES = 200


class AttributeType(Enum):
    """CHOICE: one of its options."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    FLAG = "FLAG"
    DATE = "DATE"
    CHOICE = "CHOICE"


class AttributeNotFound(NotFound):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is no attribute {key[:100]}", ("key",))


class AttributeKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(
            f"there is an attribute {key}, at version {version}: name it to change the attribute", ("key",)
        )


class StaleAttribute(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


class TooManyAttributes(Conflict):
    def __init__(self) -> None:
        super().__init__(f"there are at most {MOST_ATTRIBUTES} attributes, archived ones too", ("key",))


class AttributeInUse(Conflict):
    def __init__(self, key: str, uses: Sequence[str]) -> None:
        super().__init__(f"{key} is asked for by {', '.join(uses)}", ("key",))


@dataclass(frozen=True, slots=True)
class Attribute:
    """As it is declared. InvalidInput: the key, the name or the options."""

    key: str
    name: str
    type: AttributeType
    options: tuple[str, ...] = ()
    description: str | None = None
    archived: bool = False
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key) or _RESERVED.fullmatch(self.key):
            raise InvalidInput(
                "a key has 1 to 40 characters: small letters, digits and _, a letter first, and is no word of the "
                "expression language",
                ("key",),
            )
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if len(self.description or "") > _LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters", ("description",))
        if (self.type is AttributeType.CHOICE) != bool(self.options):
            raise InvalidInput("a CHOICE has options, and nothing else has", ("options",))
        if len(self.options) > _MOST_OPTIONS or len(set(self.options)) != len(self.options):
            raise InvalidInput(f"there are at most {_MOST_OPTIONS} options, each once", ("options",))
        for position, option in enumerate(self.options):
            if option != option.strip() or not 1 <= len(option) <= _LONGEST_NAME:
                raise InvalidInput(
                    f"an option has 1 to {_LONGEST_NAME} characters and no space at its ends",
                    ("options", str(position)),
                )

    def read(self, value: Any) -> Any:
        """A value of the attribute's type from JSON or from text, as files have it; None: there is none.

        InvalidInput: it is none of this type.
        """
        if value is None or value == "":
            return None
        return _READ[self.type](self, value)


def _text(attribute: Attribute, value: Any) -> str | None:
    if not isinstance(value, str):
        raise InvalidInput(f"{attribute.key} is text")
    if len(value) > _LONGEST_TEXT:
        raise InvalidInput(f"{attribute.key} has at most {_LONGEST_TEXT} characters")
    return value.strip() or None


def _number(attribute: Attribute, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput(f"{attribute.key} is a number")
    return number


def _flag(attribute: Attribute, value: Any) -> bool:
    found = {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise InvalidInput(f"{attribute.key} is true or false")
    return found


def _date(attribute: Attribute, value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{attribute.key} is a day and reads like 2026-03-31") from None


def _choice(attribute: Attribute, value: Any) -> str:
    if value not in attribute.options:
        raise InvalidInput(f"{attribute.key} is one of {', '.join(attribute.options)}")
    return str(value)


_READ: Mapping[AttributeType, Callable[[Attribute, Any], Any]] = {
    AttributeType.TEXT: _text,
    AttributeType.NUMBER: _number,
    AttributeType.FLAG: _flag,
    AttributeType.DATE: _date,
    AttributeType.CHOICE: _choice,
}


def defined(said: Attribute, known: Mapping[str, Attribute], version: int | None) -> Attribute:
    """What was declared now: new, or the next version of what is known; an archived one is in use again.

    InvalidInput: another type than before, in which what was said of customers could not be read.
    """
    before = known.get(said.key)
    if before is None:
        if version is not None:
            raise AttributeNotFound(said.key)
        if len(known) >= MOST_ATTRIBUTES:
            raise TooManyAttributes
        return said
    if version is None:
        raise AttributeKeyTaken(said.key, before.version)
    _require_version(before, version)
    if said.type is not before.type:
        raise InvalidInput(f"{said.key} is a {before.type.value} and stays one: declare another attribute", ("type",))
    return replace(said, version=before.version + 1)


def archived(attribute: Attribute, version: int, uses: Sequence[str] = ()) -> Attribute:
    """uses: what asks for it still. AttributeInUse: there is something."""
    _require_version(attribute, version)
    if uses:
        raise AttributeInUse(attribute.key, uses)
    return attribute if attribute.archived else replace(attribute, archived=True, version=version + 1)


def _require_version(attribute: Attribute, made_from: int) -> None:
    if made_from != attribute.version:
        raise StaleAttribute(attribute.key, attribute.version, made_from)
