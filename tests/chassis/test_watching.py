"""Who watches learns of each change, and nobody looks while nobody watches."""

import asyncio
from contextlib import aclosing

from chassis.background import working
from chassis.watching import Changes


class Position:
    """Moves when told; counts who asks."""

    def __init__(self) -> None:
        self.at = 0
        self.asked = asyncio.Event()

    async def __call__(self) -> int:
        self.asked.set()
        return self.at


async def test_a_change_is_told_to_all_who_watch_at_once_when_it_is_said() -> None:
    position = Position()
    changes = Changes(position, look=3600)
    async with working(changes.run()), aclosing(changes.each()) as one, aclosing(changes.each()) as other:
        await anext(one)
        await anext(other)
        await position.asked.wait()
        # The first look finds a place where none was known.
        await asyncio.gather(anext(one), anext(other))
        position.at = 1
        changes.wake()
        async with asyncio.timeout(20):
            await asyncio.gather(anext(one), anext(other))


async def test_who_wants_a_sign_gets_one_without_a_change() -> None:
    changes = Changes(Position(), look=3600)
    async with working(changes.run()), aclosing(changes.each(0.01)) as signs, asyncio.timeout(20):
        for _ in range(5):
            await anext(signs)


async def test_nobody_looks_while_nobody_watches() -> None:
    position = Position()
    changes = Changes(position, look=0)
    async with working(changes.run()):
        async with aclosing(changes.each()) as one:
            await anext(one)
            await position.asked.wait()
        # What was begun ends; after it none begins.
        for _ in range(3):
            await asyncio.sleep(0)
        position.asked.clear()
        for _ in range(100):
            await asyncio.sleep(0)
        assert not position.asked.is_set()
