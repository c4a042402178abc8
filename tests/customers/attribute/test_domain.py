"""Attributes are declared with a type that stays, and their values are read into it."""

from datetime import date
from typing import Any

import pytest

from chassis.errors import InvalidInput
from services.customers.attribute.domain import Attribute, AttributeType, StaleAttribute, archived, defined

T = AttributeType


def attribute(type: AttributeType = T.TEXT, **fields: Any) -> Attribute:
    return Attribute(**{"key": "tier", "name": "Tier", "type": type, **fields})


@pytest.mark.parametrize(
    ("type", "said", "kept"),
    [
        (T.TEXT, " gold ", "gold"),
        (T.TEXT, "  ", None),
        (T.NUMBER, 3, 3.0),
        (T.NUMBER, "2.5", 2.5),
        (T.FLAG, False, False),
        (T.FLAG, "True", True),
        (T.DATE, "2026-03-31", date(2026, 3, 31)),
        (T.NUMBER, None, None),
        (T.DATE, "", None),
    ],
)
def test_a_value_is_read_into_the_type(type: AttributeType, said: Any, kept: Any) -> None:
    read = attribute(type).read(said)
    assert (read, read.__class__) == (kept, kept.__class__)


@pytest.mark.parametrize(
    ("type", "said"),
    [
        (T.TEXT, 1.0),
        (T.TEXT, "x" * 501),
        (T.NUMBER, True),
        (T.NUMBER, "nan"),
        (T.NUMBER, ["1"]),
        (T.FLAG, 1.0),
        (T.FLAG, "yes"),
        (T.DATE, "31.03.2026"),
        (T.DATE, 5.0),
    ],
)
def test_a_value_of_another_type_is_refused(type: AttributeType, said: Any) -> None:
    with pytest.raises(InvalidInput):
        attribute(type).read(said)


def test_a_choice_is_one_of_its_options() -> None:
    tier = attribute(T.CHOICE, options=("gold", "silver"))
    assert tier.read("gold") == "gold"
    for other in ("Gold", 1.0, ["gold"]):
        with pytest.raises(InvalidInput, match="gold, silver"):
            tier.read(other)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"key": "Tier"}, ("key",)),
        ({"key": "in"}, ("key",)),
        ({"key": "x" * 41}, ("key",)),
        ({"name": " "}, ("name",)),
        ({"options": ("a",)}, ("options",)),
        ({"type": T.CHOICE}, ("options",)),
        ({"type": T.CHOICE, "options": ("a", "a")}, ("options",)),
        ({"type": T.CHOICE, "options": ("a", " b")}, ("options", "1")),
    ],
)
def test_what_cannot_be_declared_is_refused_with_its_place(fields: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        attribute(**fields)
    assert refused.value.path == path


def test_a_declaration_goes_on_from_its_version_and_keeps_its_type() -> None:
    known = {"tier": archived(attribute(), 1)}
    assert (known["tier"].archived, known["tier"].version) == (True, 2)
    again = defined(attribute(name="Level"), known, 2)
    assert (again.name, again.archived, again.version) == ("Level", False, 3)
    with pytest.raises(StaleAttribute):
        defined(attribute(), known, 1)
    with pytest.raises(InvalidInput, match="TEXT and stays one"):
        defined(attribute(T.NUMBER), known, 2)
