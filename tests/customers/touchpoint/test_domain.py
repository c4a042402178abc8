"""What a touchpoint must be: a key, a name, and days in their order."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from chassis.errors import InvalidInput
from services.customers.touchpoint.domain import Channel, Control, Nature, Touchpoint

FORM = Touchpoint("tou_1", "form", "Form", Channel.WEB_FORM, Nature.DIGITAL, Control.OWNED)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"key": ""}, "key"),
        ({"key": "form "}, "key"),
        ({"key": "a\nb"}, "key"),
        ({"key": "k" * 101}, "key"),
        ({"name": "\t"}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"active_from": date(2026, 3, 2), "active_to": date(2026, 3, 1)}, "active_to"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(FORM, **fields)
    assert refused.value.path == (path,)


def test_the_shortest_and_the_longest_key_are_kept() -> None:
    assert [len(replace(FORM, key=key).key) for key in ("k", "k" * 100)] == [1, 100]


def test_a_touchpoint_of_one_day_and_one_without_an_end_are_kept() -> None:
    day = date(2026, 3, 1)
    assert replace(FORM, active_from=day, active_to=day).active_to == day
    assert replace(FORM, active_from=day).active_to is None
