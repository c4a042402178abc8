"""A write that is sent twice happens once: its record is kept in the write's own transaction, for seven days."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from google.protobuf.message import Message

from chassis.caller import Caller
from chassis.errors import IdempotencyMismatch, InvalidInput
from chassis.mongo import Database, Session, in_transaction
from chassis.times import utc_now

Response = TypeVar("Response", bound=Message)

KEPT_SECONDS = 7 * 24 * 3600
_MAX_KEY = 200


class Writes:
    """Runs the writes of one service, each as one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._records = database["idempotency"]

    async def ensure_indexes(self) -> None:
        await self._records.create_index("at", expireAfterSeconds=KEPT_SECONDS, name="expiry")

    async def run(
        self,
        caller: Caller,
        request: Message,
        response: type[Response],
        work: Callable[[Session], Coroutine[Any, Any, Response]],
    ) -> Response:
        """Do `work` once for the request's `idempotency_key`, which is scoped to the caller and the kind of request.

        IdempotencyMismatch: the key was used with other input.
        """
        key: str = getattr(request, "idempotency_key", "")
        if not key:
            return await in_transaction(self._database, work)
        if len(key) > _MAX_KEY:
            raise InvalidInput(f"an idempotency key has at most {_MAX_KEY} characters", ("idempotency_key",))
        record_id = f"{caller.subject}|{request.DESCRIPTOR.full_name}|{key}"
        fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()

        async def once(session: Session) -> Response:
            known = await self._records.find_one({"_id": record_id}, session=session)
            if known is not None:
                if known["fingerprint"] != fingerprint:
                    raise IdempotencyMismatch("the idempotency key was used with other input", ("idempotency_key",))
                return response.FromString(known["response"])
            done = await work(session)
            await self._records.insert_one(
                {
                    "_id": record_id,
                    "fingerprint": fingerprint,
                    "response": done.SerializeToString(),
                    "at": utc_now(),
                },
                session=session,
            )
            return done

        return await in_transaction(self._database, once)
