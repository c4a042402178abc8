"""Attributes as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import attribute_pb2 as pb

from services.customers.attribute.domain import Attribute, AttributeType
from services.customers.touchpoint.messages import kind_from_proto

TYPE_TO_PROTO: Mapping[AttributeType, Any] = {
    type: pb.AttributeType.Value(f"ATTRIBUTE_TYPE_{type.value}") for type in AttributeType
}
TYPE_FROM_PROTO: Mapping[int, AttributeType] = {number: type for type, number in TYPE_TO_PROTO.items()}


def from_proto(request: pb.DefineAttributeRequest) -> Attribute:
    """InvalidInput: what cannot be declared, with the field."""
    return Attribute(
        key=request.key,
        name=request.name,
        type=kind_from_proto(TYPE_FROM_PROTO, request.type, "type"),
        options=tuple(request.options),
        description=request.description if request.HasField("description") else None,
    )


def to_proto(attribute: Attribute) -> pb.Attribute:
    return pb.Attribute(
        key=attribute.key,
        name=attribute.name,
        type=TYPE_TO_PROTO[attribute.type],
        options=attribute.options,
        description=attribute.description,
        archived=attribute.archived,
        version=attribute.version,
    )
