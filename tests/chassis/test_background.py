"""Loops beside the calls end when they are told to, whatever they await."""

import asyncio

from chassis.background import working


async def test_a_loop_that_lost_its_cancellation_is_told_again() -> None:
    lost = 0

    async def deaf_once() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    async with asyncio.timeout(30):
        async with working(deaf_once()):
            await asyncio.sleep(0)
    assert lost == 1


async def test_a_loop_that_failed_ends_nothing_else() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    async with working(broken()):
        await asyncio.sleep(0)
    async with working():
        pass
