"""Reads a mailbox on from where it was left: what comes in becomes enquiries, and what cannot be taken is put aside."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pymongo.errors import PyMongoError

from chassis.caller import service_caller
from chassis.errors import DomainError, Unavailable
from chassis.leading import lead
from chassis.lease import Lease
from services.feedback.mail.domain import Box, Company, Parked, Position
from services.feedback.mail.reading import read
from services.feedback.mail.repository import MongoMailRepository
from services.feedback.mail.taking import Taking

log = logging.getLogger(__name__)

_CALLER = service_caller("feedback")
_BATCH = 50


class Opens(Protocol):
    """Where a mailbox can be opened."""

    @property
    def name(self) -> str: ...

    def opened(self) -> AbstractAsyncContextManager[Box]: ...


class Polling:
    """touchpoint: its key. look_seconds: so often it is seen whether there is something new."""

    def __init__(
        self,
        mailbox: Opens,
        mails: MongoMailRepository,
        taking: Taking,
        company: Company,
        touchpoint: str,
        lease: Lease,
        now: Callable[[], datetime],
        *,
        look_seconds: float = 30.0,
    ) -> None:
        self._mailbox = mailbox
        self._mails = mails
        self._taking = taking
        self._company = company
        self._touchpoint = touchpoint
        self._lease = lease
        self._now = now
        self._look_seconds = look_seconds
        self._asked = asyncio.Event()

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="reading mail", look_seconds=self._look_seconds)

    async def step(self) -> bool:
        """Some mails. False: there are no more.

        Unavailable: the mailbox or customers does not answer; what was not taken comes again.
        """
        async with self._mailbox.opened() as box:
            position = await self._mails.position(_CALLER, self._mailbox.name)
            if position.validity != box.validity:
                # The server counts anew. What is known is known by its Message-ID.
                position = Position(self._mailbox.name, box.validity)
            uids = await box.after(position.uid, _BATCH)
            for uid in uids:
                parked = await self._take(box, uid)
                if parked is not None:
                    log.warning("mail %s is put aside: %s", parked.id, parked.why)
                    await self._mails.park(_CALLER, parked)
                position = replace(position, uid=uid)
                await self._mails.reached(_CALLER, position)
        return len(uids) == _BATCH

    async def again(self, ids: list[str] | None) -> int:
        """Those that were put aside, None: all; how many are no longer. Unavailable: as above."""
        waiting = [one for one in await self._mails.parked_of(_CALLER, ids) if one.mailbox == self._mailbox.name]
        done = 0
        async with self._mailbox.opened() as box:
            for one in waiting:
                # When the server counts anew, it comes again by itself.
                parked = await self._take(box, one.uid) if one.validity == box.validity else None
                if parked is None:
                    await self._mails.unpark(_CALLER, one)
                    done += 1
                else:
                    await self._mails.park(_CALLER, parked)
        return done

    async def _take(self, box: Box, uid: int) -> Parked | None:
        """Why it could not be taken; None: it was, or it is there no more."""
        try:
            content = await box.content(uid)
            if content is not None:
                mail = await asyncio.to_thread(read, content, self._now())
                await self._taking.take(mail, self._company, self._touchpoint)
        except (PyMongoError, Unavailable):
            raise
        except DomainError as error:
            return self._parked(box, uid, error.message)
        except Exception as error:  # noqa: BLE001  # of this one, whatever it is: it must not stop the others
            return self._parked(box, uid, type(error).__name__)
        return None

    def _parked(self, box: Box, uid: int, why: str) -> Parked:
        return Parked(self._mailbox.name, box.validity, uid, why, self._now())
