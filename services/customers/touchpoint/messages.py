"""Touchpoints as messages, and back."""

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any, TypeVar

from rundblick.customers.v1 import touchpoint_pb2 as pb

from chassis.errors import InvalidInput
from services.customers.touchpoint.domain import Channel, Control, Nature, Touchpoint

Kind = TypeVar("Kind", bound=Enum)

CHANNEL_TO_PROTO: Mapping[Channel, Any] = {kind: pb.Channel.Value(f"CHANNEL_{kind.value}") for kind in Channel}
NATURE_TO_PROTO: Mapping[Nature, Any] = {
    kind: pb.TouchpointNature.Value(f"TOUCHPOINT_NATURE_{kind.value}") for kind in Nature
}
CONTROL_TO_PROTO: Mapping[Control, Any] = {
    kind: pb.TouchpointControl.Value(f"TOUCHPOINT_CONTROL_{kind.value}") for kind in Control
}
CHANNEL_FROM_PROTO: Mapping[int, Channel] = {proto: kind for kind, proto in CHANNEL_TO_PROTO.items()}
NATURE_FROM_PROTO: Mapping[int, Nature] = {proto: kind for kind, proto in NATURE_TO_PROTO.items()}
CONTROL_FROM_PROTO: Mapping[int, Control] = {proto: kind for kind, proto in CONTROL_TO_PROTO.items()}


def kind_from_proto(table: Mapping[int, Kind], number: int, field: str) -> Kind:
    """InvalidInput: it is not said, or not known."""
    if number not in table:
        known = ", ".join(kind.value for kind in table.values())
        raise InvalidInput(f"{field} is one of {known}", (field,))
    return table[number]


def date_from_proto(text: str, field: str) -> date | None:
    """An empty text is no date."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput("a date reads like 2026-03-31", (field,)) from None


def to_proto(touchpoint: Touchpoint) -> pb.Touchpoint:
    return pb.Touchpoint(
        id=touchpoint.id,
        key=touchpoint.key,
        name=touchpoint.name,
        channel=CHANNEL_TO_PROTO[touchpoint.channel],
        nature=NATURE_TO_PROTO[touchpoint.nature],
        control=CONTROL_TO_PROTO[touchpoint.control],
        active_from=touchpoint.active_from.isoformat() if touchpoint.active_from else None,
        active_to=touchpoint.active_to.isoformat() if touchpoint.active_to else None,
    )
