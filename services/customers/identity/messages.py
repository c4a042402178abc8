"""Identities as messages, and back."""

from rundblick.shared.v1 import identity_pb2 as pb

from chassis.batches import item_error
from chassis.directory import Identity
from chassis.errors import Fault
from services.customers.identity.identities import Key


def key_from_proto(key: pb.IdentityKey) -> Key:
    return Key(key.issuer, key.subject, key.client_id if key.HasField("client_id") else None)


def to_answer(key: pb.IdentityKey, identity: Identity | None) -> pb.IdentityAnswer:
    if identity is None:
        return pb.IdentityAnswer(key=key, error=item_error(Fault("NOT_FOUND", "nobody is known by this subject")))
    value = pb.Identity(employee_id=identity.employee, team_id=identity.team, revoked=identity.revoked)
    if identity.sources is not None and identity.scopes is not None:
        value.client.CopyFrom(pb.ClientLimits(sources=sorted(identity.sources), scopes=sorted(identity.scopes)))
    return pb.IdentityAnswer(key=key, value=value)
