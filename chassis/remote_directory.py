"""The directory as other processes have it: asked over gRPC, and remembered for a short while."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import grpc
from rundblick.shared.v1 import identity_pb2, identity_pb2_grpc

from chassis.calls import call
from chassis.directory import Identity
from chassis.errors import DomainError

# What is called here, for the channel to try again.
FILES = (identity_pb2.DESCRIPTOR,)
# So long an answer counts; and as long a token that was checked with it: a revoked client is out within 30 seconds.
FRESH_SECONDS = 15.0
# While nobody answers, what was last said counts so long.
KEPT_SECONDS = 600.0
# While nobody answers, one is asked again about so often.
_PAUSE_SECONDS = 5.0
_TIMEOUT = 2.0

Key = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class _Known:
    identity: Identity | None
    learned: float
    asked_again: float


class RemoteDirectory:
    """most: so many answers are remembered; those that were used longest ago go first. clock: in seconds."""

    def __init__(
        self, channel: grpc.aio.Channel, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stub: Any = identity_pb2_grpc.IdentityServiceStub(channel)
        self._most = most
        self._clock = clock
        self._known: OrderedDict[Key, _Known] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Identity | None]] = {}

    async def identity_of(self, issuer: str, subject: str, client: str | None) -> Identity | None:
        """None: neither the subject nor the client is known. DomainError: nobody answers, and nothing is remembered."""
        key = (issuer, subject, client)
        known = self._known.get(key)
        if known is not None and self._clock() < known.asked_again:
            self._known.move_to_end(key)
            return known.identity
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._learned(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        # Others wait for the same answer: who goes away does not take it from them.
        return await asyncio.shield(task)

    def _answered(self, key: Key, done: asyncio.Task[Identity | None]) -> None:
        del self._asking[key]
        if not done.cancelled():
            # Also when nobody waits any more.
            done.exception()

    async def _learned(self, key: Key) -> Identity | None:
        asked = self._clock()
        try:
            identity = await self._ask(key)
        except DomainError:
            known = self._known.get(key)
            if known is None or self._clock() >= known.learned + KEPT_SECONDS:
                raise
            self._remember(key, replace(known, asked_again=self._clock() + _PAUSE_SECONDS))
            return known.identity
        self._remember(key, _Known(identity, asked, asked + FRESH_SECONDS))
        return identity

    def _remember(self, key: Key, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    async def _ask(self, key: Key) -> Identity | None:
        issuer, subject, client = key
        asked = identity_pb2.IdentityKey(issuer=issuer, subject=subject, client_id=client)
        request = identity_pb2.BatchGetIdentitiesRequest(keys=[asked])
        answer: identity_pb2.BatchGetIdentitiesResponse = await call(
            self._stub.BatchGetIdentities, request, timeout=_TIMEOUT
        )
        [found] = answer.answers
        return _from_proto(found.value) if found.HasField("value") else None


def _from_proto(value: identity_pb2.Identity) -> Identity:
    limits = value.client if value.HasField("client") else None
    return Identity(
        employee=value.employee_id if value.HasField("employee_id") else None,
        team=value.team_id if value.HasField("team_id") else None,
        sources=None if limits is None else frozenset(limits.sources),
        scopes=None if limits is None else frozenset(limits.scopes),
        revoked=value.revoked,
    )
