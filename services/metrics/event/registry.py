"""What events there are: those that come with Rundblick, and those a company declares."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from chassis.expressions import Facts, Kind
from services.metrics.event.domain import (
    AttributeKind,
    EventType,
    Observation,
    UnknownEvent,
)

EMPLOYEE = "employee"
_STANDARD: Mapping[str, Kind] = {
    "value": Kind.NUMBER,
    "state": Kind.STRING,
    "started_at": Kind.MOMENT,
    "ended_at": Kind.MOMENT,
}
_KIND: Mapping[AttributeKind, Kind] = {
    AttributeKind.STRING: Kind.STRING,
    AttributeKind.NUMBER: Kind.NUMBER,
    AttributeKind.FLAG: Kind.FLAG,
}


@cache
def shipped() -> tuple[EventType, ...]:
    text = resources.files("services.metrics.event").joinpath("types.yaml").read_text("utf-8")
    return tuple(_type(one) for one in yaml.safe_load(text))


def _type(said: Mapping[str, Any]) -> EventType:
    return EventType(
        name=said["name"],
        description=said["description"],
        dimensions=tuple(said.get("dimensions", ())),
        attributes={name: AttributeKind(kind) for name, kind in said.get("attributes", {}).items()},
        unit=said.get("unit"),
        waits=said.get("waits", False),
        built_in=True,
        producer=said.get("producer"),
    )


class Registry:
    """Event types by name, and what expressions may ask of each."""

    def __init__(self, types: Iterable[EventType] = ()) -> None:
        self._types = {type.name: type for type in (*types, *shipped())}
        self._facts: dict[str, Facts] = {}

    @property
    def all(self) -> tuple[EventType, ...]:
        return tuple(self._types[name] for name in sorted(self._types))

    def has(self, name: str) -> bool:
        return name in self._types

    def get(self, name: str) -> EventType:
        try:
            return self._types[name]
        except KeyError:
            raise UnknownEvent(name) from None

    def facts(self, name: str) -> Facts:
        """Made once: it costs about a millisecond."""
        if name not in self._facts:
            self._facts[name] = _facts(self.get(name))
        return self._facts[name]


def _facts(type: EventType) -> Facts:
    fields = dict(_STANDARD)
    # A figure of one employee's facts alone would show what is protected where figures are kept by employee.
    fields |= dict.fromkeys((one for one in type.said_dimensions if one != EMPLOYEE), Kind.STRING)
    fields |= {name: _KIND[kind] for name, kind in type.attributes.items()}
    return Facts({"event": fields})


def said_of(observation: Observation) -> dict[str, object]:
    """An observation as the facts that expressions ask for."""
    return {
        **(observation.dimensions or {}),
        **(observation.attributes or {}),
        "value": observation.value,
        "state": observation.state.value,
        "started_at": observation.started_at,
        "ended_at": observation.ended_at,
    }
