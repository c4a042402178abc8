"""Work that goes on beside the answering of calls."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def working(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run them until the block is left; each goes on by itself whatever fails in it."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
