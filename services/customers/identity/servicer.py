"""Answers IdentityService calls."""

from typing import Any

from rundblick.shared.v1 import identity_pb2 as pb
from rundblick.shared.v1 import identity_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from services.customers.batches import LARGEST_BATCH
from services.customers.identity.identities import Identities
from services.customers.identity.messages import key_from_proto, to_answer


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    async def BatchGetIdentities(
        self, request: pb.BatchGetIdentitiesRequest, context: Any
    ) -> pb.BatchGetIdentitiesResponse:
        if len(request.keys) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} keys", ("keys",))
        keys = [key_from_proto(key) for key in request.keys]
        found = await self._identities.of_keys(current_caller(), keys)
        return pb.BatchGetIdentitiesResponse(
            answers=[to_answer(asked, found.get(key)) for asked, key in zip(request.keys, keys, strict=True)]
        )
