"""Match rules as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import matching_pb2 as pb

from chassis.errors import InvalidInput
from services.customers.matching.domain import Identifier, IdentifierKind, MatchRule, Mode
from services.customers.touchpoint.messages import kind_from_proto

_KIND_TO_PROTO: Mapping[IdentifierKind, Any] = {
    kind: pb.MatchIdentifierKind.Value(f"MATCH_IDENTIFIER_KIND_{kind.value}") for kind in IdentifierKind
}
_KIND_FROM_PROTO: Mapping[int, IdentifierKind] = {number: kind for kind, number in _KIND_TO_PROTO.items()}
_MODE_TO_PROTO: Mapping[Mode, Any] = {mode: pb.MatchMode.Value(f"MATCH_MODE_{mode.value}") for mode in Mode}
_MODE_FROM_PROTO: Mapping[int, Mode] = {number: mode for mode, number in _MODE_TO_PROTO.items()}


def from_proto(request: pb.DefineMatchRuleRequest) -> MatchRule:
    """InvalidInput: what cannot be kept, with the field."""
    return MatchRule(
        key=request.key,
        identifiers=tuple(_identifier(place, said) for place, said in enumerate(request.identifiers)),
        priority=request.priority,
        limit=request.limit,
        mode=kind_from_proto(_MODE_FROM_PROTO, request.mode, "mode"),
    )


def _identifier(place: int, said: pb.MatchIdentifier) -> Identifier:
    try:
        kind = kind_from_proto(_KIND_FROM_PROTO, said.kind, "kind")
        return Identifier(kind, said.of if said.HasField("of") else None)
    except InvalidInput as error:
        raise InvalidInput(error.message, ("identifiers", str(place), *error.path)) from None


def to_proto(rule: MatchRule) -> pb.MatchRule:
    return pb.MatchRule(
        key=rule.key,
        identifiers=[pb.MatchIdentifier(kind=_KIND_TO_PROTO[i.kind], of=i.of) for i in rule.identifiers],
        priority=rule.priority,
        limit=rule.limit,
        mode=_MODE_TO_PROTO[rule.mode],
        enabled=rule.enabled,
        version=rule.version,
    )
