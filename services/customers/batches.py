"""How batch answers are filled: keyed by what was asked, with an error of its own for each key that has no value."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from chassis.batches import item_error
from chassis.errors import Fault

Answer = TypeVar("Answer")

LARGEST_BATCH = 1000


def answers(kind: type[Answer], asked: Iterable[str], found: Mapping[str, Any]) -> dict[str, Answer]:
    """kind: a message with a oneof of `value` and `error`."""
    fields: Any = kind
    return {
        key: fields(value=found[key])
        if key in found
        else fields(error=item_error(Fault("NOT_FOUND", f"there is no {key}")))
        for key in asked
    }
