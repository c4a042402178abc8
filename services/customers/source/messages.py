"""Sources as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import source_pb2 as pb

from services.customers.source.domain import LegalBasis, Source
from services.customers.touchpoint.messages import kind_from_proto

BASIS_TO_PROTO: Mapping[LegalBasis, Any] = {
    basis: pb.LegalBasis.Value(f"LEGAL_BASIS_{basis.value}") for basis in LegalBasis
}
BASIS_FROM_PROTO: Mapping[int, LegalBasis] = {number: basis for basis, number in BASIS_TO_PROTO.items()}


def from_proto(request: pb.DefineSourceRequest) -> Source:
    """Without its team. InvalidInput: what cannot be registered, with the field."""
    return Source(
        key=request.key,
        name=request.name,
        legal_basis=kind_from_proto(BASIS_FROM_PROTO, request.legal_basis, "legal_basis"),
        description=request.description if request.HasField("description") else None,
        writable=frozenset(request.writable.names) if request.HasField("writable") else None,
    )


def to_proto(source: Source) -> pb.Source:
    writable = source.writable
    return pb.Source(
        key=source.key,
        name=source.name,
        legal_basis=BASIS_TO_PROTO[source.legal_basis],
        team_id=source.team,
        description=source.description,
        writable=pb.WritableFields(names=sorted(writable)) if writable is not None else None,
        version=source.version,
    )
