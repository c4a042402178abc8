"""Uplifts over gRPC: counted from assignments, corrected with them, and shown to those who see all figures."""

from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import comparison_pb2, event_pb2, offer_pb2_grpc
from rundblick.metrics.v1 import offer_pb2 as pb

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.metrics.conftest import NOW, START, Running, period


def assigned(number: int, group: str, offer: str = "off_1", *, converted: bool = False) -> event_pb2.Observation:
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(START),
        dimensions={"source": "shop", "offer": offer, "group": group},
        attributes={"converted": event_pb2.Attribute(flag=converted)},
        customer_id=f"cus_{number}",
    )


def told(number: int, version: int, before: Any, after: Any) -> event_pb2.Event:
    subject = f"off_1/src_{number}"
    return event_pb2.Event(
        id=f"{subject}/{version}",
        name="offer.assigned",
        subject_id=subject,
        source="shop",
        before=before,
        after=after,
    )


async def test_uplifts_follow_assignments_and_conversions(
    metrics: Running, database: Database, commands: Commands
) -> None:
    groups = {number: "CONTROL" if number < 40 else "TREATED" for number in range(140)}
    # The first sees two source records become one customer: the later assignment counts no more.
    await metrics.ingest(*(told(number, 1, None, assigned(number, group)) for number, group in groups.items()))
    converting = [*range(2), *range(40, 90)]
    await metrics.ingest(
        *(told(n, 2, assigned(n, groups[n]), assigned(n, groups[n], converted=True)) for n in converting),
        told(139, 2, assigned(139, "TREATED"), None),
    )
    await metrics.fold()
    service = MetricsService(database, lambda: NOW)
    await service.ready.ensure_indexes()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub: Any = offer_pb2_grpc.OfferResultServiceStub(channel)
        request = pb.BatchGetOfferUpliftsRequest(ids=["off_1", "off_2"], period=period(), language="de")
        with commands.recorded():
            answers = (await stub.BatchGetOfferUplifts(request, timeout=10)).answers
        assert len(commands.found) <= 2
        assert await commands.unindexed() == []
        found = answers["off_1"].value
        assert (found.treated.n, found.treated.converted) == (99, 50)
        assert (found.control.n, found.control.converted) == (40, 2)
        assert found.treated.share.value == pytest.approx(50 / 99)
        assert found.difference.value == pytest.approx(50 / 99 - 2 / 40)
        assert found.difference.lower < found.difference.value < found.difference.upper
        assert (found.verdict, found.p_value < 0.001) == (comparison_pb2.VERDICT_IMPROVED, True)
        assert found.because[0].text.startswith("50,5 % derer mit dem Angebot")
        nothing = answers["off_2"].value
        assert (nothing.treated.n, nothing.verdict) == (0, comparison_pb2.VERDICT_INSUFFICIENT_DATA)
        assert not nothing.HasField("difference")
        everything = await stub.BatchGetOfferUplifts(pb.BatchGetOfferUpliftsRequest(ids=["off_1"]), timeout=10)
        assert everything.answers["off_1"].value.treated == found.treated
        for caller in (partner("shop"), Caller("ann", frozenset({"metrics:read:own"}), employee="emp_1")):
            metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.BatchGetOfferUplifts(request, timeout=10, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "those who see all figures" in (refused.value.details() or "")
