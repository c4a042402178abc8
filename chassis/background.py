"""Work that goes on beside the answering of calls."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_SAY_AGAIN = 2.0


@asynccontextmanager
async def working(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run them until the block is left; each goes on by itself whatever fails in it."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        # A cancellation can get lost on its way through what a loop awaits: it is said until it is heard.
        pending = set(tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_SAY_AGAIN)
        await asyncio.gather(*tasks, return_exceptions=True)
