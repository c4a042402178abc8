"""Partner clients as messages; no part of a secret is in them."""

from rundblick.customers.v1 import client_pb2 as pb

from chassis.times import to_timestamp
from services.customers.client.domain import Client


def to_proto(client: Client) -> pb.Client:
    return pb.Client(
        id=client.id,
        name=client.name,
        sources=sorted(client.sources),
        scopes=sorted(client.scopes),
        secret_id=client.secrets[-1].id,
        created_at=to_timestamp(client.created_at),
        rotated_at=to_timestamp(client.rotated_at),
        revoked_at=to_timestamp(client.revoked_at),
    )


def to_grant(client: Client) -> pb.ClientGrant:
    return pb.ClientGrant(scopes=sorted(client.scopes), sources=sorted(client.sources))
