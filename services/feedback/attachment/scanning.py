"""Lets a virus scanner look at what came in: clamd over TCP, by its command INSTREAM."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from chassis.caller import service_caller
from chassis.errors import Unavailable
from services.feedback.attachment.domain import State
from services.feedback.attachment.repository import MongoAttachmentRepository

log = logging.getLogger(__name__)

_CALLER = service_caller("feedback")
_SECONDS = 120.0
_AGAIN = timedelta(minutes=1)
_BATCH = 20


class Clamd:
    """address: host:port."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    async def judge(self, parts: AsyncIterator[bytes]) -> State:
        """CLEAN or INFECTED. Unavailable: it does not answer, or not to that."""
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._asked(parts)
        except (OSError, EOFError, TimeoutError) as error:
            raise Unavailable("the virus scanner does not answer") from error
        if answer.endswith("FOUND"):
            return State.INFECTED
        if answer.endswith("OK"):
            return State.CLEAN
        raise Unavailable(f"the virus scanner says {answer[:100]}")

    async def _asked(self, parts: AsyncIterator[bytes]) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(b"zINSTREAM\0")
            async for part in parts:
                writer.write(struct.pack("!I", len(part)) + part)
                await writer.drain()
            # A part without bytes is the end.
            writer.write(struct.pack("!I", 0))
            await writer.drain()
            return (await reader.readuntil(b"\0")).rstrip(b"\0").decode("utf-8", "replace").strip()
        finally:
            writer.close()


class Scanning:
    def __init__(self, attachments: MongoAttachmentRepository, clamd: Clamd, now: Callable[[], datetime]) -> None:
        self._attachments = attachments
        self._clamd = clamd
        self._now = now

    async def step(self) -> bool:
        """The next few; was there any? What cannot be judged now is left for later, and nothing waits behind it."""
        ids = await self._attachments.unscanned(_CALLER, self._now(), _BATCH)
        for id in ids:
            try:
                state = await self._clamd.judge(self._attachments.bytes_of(_CALLER, id))
            except Unavailable as error:
                log.warning("%s is not scanned yet: %s", id, error.message)
                await self._attachments.postpone(_CALLER, id, self._now() + _AGAIN)
            else:
                if state is State.INFECTED:
                    log.warning("%s is infected", id)
                await self._attachments.judge(_CALLER, id, state)
        return bool(ids)
