"""Work in steps that one of all replicas does: whoever holds the lease, as long as there is something to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pymongo.errors import PyMongoError

from chassis.errors import DomainError
from chassis.lease import Lease

log = logging.getLogger(__name__)


async def lead(
    lease: Lease, step: Callable[[], Awaitable[bool]], asked: asyncio.Event, *, what: str, look_seconds: float
) -> None:
    """Without an end. step: False, there is nothing to do now; then the next look is when asked, or after a while.

    What cannot be done now is left to a later look. what: in the log.
    """
    while True:
        asked.clear()
        try:
            if await lease.hold():
                async with lease.renewed():
                    while await step():
                        pass
        except (PyMongoError, DomainError) as error:
            log.warning("%s goes on later: %s", what, type(error).__name__)
        try:
            async with asyncio.timeout(look_seconds):
                await asked.wait()
        except TimeoutError:
            continue
