"""Promises that run out are told once each, over replicas and restarts, to who may know of the enquiry."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from rundblick.feedback.v1 import enquiry_pb2, stream_pb2

from chassis.caller import Caller
from chassis.calls import error_of
from chassis.mongo import in_transaction
from chassis.page import encode_cursor
from services.feedback.stream.outgoing import changed
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.conftest import Running
from tests.feedback.serving import HOUR, MONDAY, Clock, policy, replica

WAITING, MINUTE = stream_pb2.WatchWaitingRequest, HOUR / 60


async def heard(call: Any, count: int) -> tuple[list[str], str]:
    """So many enquiries, and the place after them."""
    found: list[str] = []
    cursor = ""
    while len(found) < count:
        answer = await call.read()
        cursor = answer.cursor
        found += [answer.enquiry_id] if answer.enquiry_id else []
    return found, cursor


async def test_each_promise_is_told_once_when_it_is_at_risk_and_once_when_it_is_missed(feedback: Running) -> None:
    clock = Clock()
    async with replica(feedback, clock) as one, replica(feedback, clock) as other:
        await one.call(policy())
        slow, quick = (await one.opened(), await one.opened())
        async with one.watching(WAITING()) as here, other.watching(WAITING()) as there:
            begin = (await here.read()).cursor
            await there.read()

            async def look(at: Any) -> list[str]:
                """Both look at once; what was told so far."""
                clock.at = at
                await asyncio.gather(*(two.service.promising.announcing.step() for two in (one, other)))
                return [one["aggregate"] async for one in feedback.database["outbox"].find({"kind": "domain_event"})]

            assert await look(MONDAY + 3.2 * HOUR) == []
            await look(MONDAY + 3.2 * HOUR + MINUTE)
            assert sorted((await heard(here, 2))[0]) == sorted([slow.id, quick.id])
            _, between = await heard(there, 2)
            [level] = (await one.answered(quick.id, MONDAY + 4 * HOUR)).service_levels
            assert level.state == enquiry_pb2.SERVICE_LEVEL_STATE_HIT
            await look(MONDAY + 4 * HOUR)
            await look(MONDAY + 4 * HOUR + MINUTE)
            told, end = await heard(here, 1)
            assert told == [slow.id]
            assert (await heard(there, 1))[1] == end
            [missed] = (await one.call(enquiry_pb2.BatchGetEnquiriesRequest(ids=[slow.id]))).answers.values()
            [level] = missed.value.service_levels
            assert level.state == enquiry_pb2.SERVICE_LEVEL_STATE_MISSED
    clock.at = MONDAY + 999 * HOUR
    async with replica(feedback, clock) as third:
        assert await third.service.promising.announcing.step() is False
        for after, expected in ((begin, 3), (between, 1)):
            async with third.watching(WAITING(after=after)) as again:
                found, place = await heard(again, expected)
                assert (found[-1], place) == (slow.id, end), "nothing came after it"
    assert await feedback.database["domain_events"].count_documents({}) == 3


async def test_who_watches_hears_of_the_own_team_source_and_rows_alone(feedback: Running, commands: Commands) -> None:
    async with replica(feedback, Clock()) as one:
        team = (await one.opened(team_key="support")).team_id
        ids = {
            "team": (await one.opened(team_key="support")).id,
            "shop": (await one.opened(source="shop")).id,
            "plain": (await one.opened()).id,
        }
        own = Caller("ann", frozenset({"enquiries:read:team"}), employee=feedback.employee, team=team)

        async def tell(names: Sequence[str]) -> None:
            told = [
                changed("waiting", ids[name], source="shop" if name == "shop" else "rundblick", team=of)
                for name, of in zip(names, [team if name == "team" else None for name in names], strict=True)
            ]
            outbox = one.service._outbox
            for entries in told:
                await in_transaction(feedback.database, lambda session: outbox.append(session, entries))  # noqa: B023
            outbox.wake()

        async with (
            one.watching(WAITING(team_key="support")) as of_team,
            one.watching(WAITING(), own) as limited,
            one.watching(WAITING(), partner("shop")) as partners,
        ):
            for call in (of_team, limited, partners):
                await call.read()
            await tell(["plain", "shop", "team"])
            assert (await heard(of_team, 1))[0] == (await heard(limited, 1))[0] == [ids["team"]]
            assert (await heard(partners, 1))[0] == [ids["shop"]]
            await tell(["team", "shop"])
            assert (await heard(partners, 1))[0] == [ids["shop"]]
        async with replica(feedback, Clock()) as other:
            from_the_first = encode_cursor((0,))
            with commands.recorded():
                async with other.watching(WAITING(after=from_the_first, team_key="support")) as again:
                    assert (await heard(again, 2))[0] == [ids["team"]] * 2
            assert await commands.unindexed() == []
        for request, said in (
            (WAITING(team_key="nobody"), ("INVALID", ("team",))),
            (WAITING(after="nonsense"), ("INVALID", ("after",))),
            (WAITING(after=encode_cursor((99,))), ("CURSOR_EXPIRED", ("after",))),
        ):
            async with one.watching(request) as call:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await heard(call, 1)
                error = error_of(refused.value)
                assert (error.code, error.path) == said
