"""A plan over gRPC: from the figures of two KPIs by day, for those who see all of them."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import event_pb2, plan_pb2_grpc
from rundblick.metrics.v1 import plan_pb2 as pb

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.metrics.conftest import NOW, START, Running, event, period

DAYS = 30


def _fact(name: str, id: str, day: int, touchpoint: str, value: float | None = None, **said: str) -> event_pb2.Event:
    after = event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(START + timedelta(days=day)),
        value=value,
        dimensions={"source": "shop", "touchpoint": touchpoint, "campaign": "cmp_1" if day % 2 else "cmp_2"},
        attributes={key: event_pb2.Attribute(text=text) for key, text in said.items()},
    )
    return event(id, after, name=name)


def _facts() -> list[event_pb2.Event]:
    found = []
    for day in range(DAYS):
        for touchpoint, money in (("tou_fair", 90.0), ("tou_form", 3.0)):
            found.append(_fact("spend.recorded", f"s{day}{touchpoint}", day, touchpoint, money))
            for number, direction in enumerate(("INBOUND", "INBOUND", "INBOUND", "OUTBOUND")):
                id = f"i{day}{touchpoint}{number}"
                found.append(_fact("interaction.recorded", id, day, touchpoint, direction=direction))
    return found


async def test_a_plan_holds_spend_against_what_customers_said_by_touchpoint(
    metrics: Running, database: Database, commands: Commands
) -> None:
    await metrics.ingest(*_facts())
    await metrics.fold()
    service = MetricsService(database, lambda: NOW)
    authenticator = tokens.authenticator()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub: Any = plan_pb2_grpc.PlanServiceStub(channel)

        async def plan(caller: Caller | None = None, **fields: Any) -> pb.TouchpointPlan:
            metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),) if caller else None
            given: dict[str, Any] = {"period": period(), "language": "en"}
            request = pb.GetTouchpointPlanRequest(**(given | fields))
            answer: pb.GetTouchpointPlanResponse = await stub.GetTouchpointPlan(request, timeout=10, metadata=metadata)
            return answer.plan

        await plan()
        with commands.recorded():
            whole = await plan()
        assert len(commands.found) <= 2
        assert await commands.unindexed() == []
        costs = [
            (one.touchpoint_id, one.spend, one.responses, one.cost_per_response.value) for one in whole.touchpoints
        ]
        assert costs == [("tou_form", 90.0, 90, 1.0), ("tou_fair", 2700.0, 90, 30.0)]
        [move] = whole.moves
        assert (move.from_touchpoint_id, move.to_touchpoint_id, move.times) == ("tou_fair", "tou_form", 30.0)
        assert move.message.parameters["times"] == "30.0"
        of_campaign = await plan(campaign_id="cmp_1", language="de")
        assert [(one.spend, one.responses) for one in of_campaign.touchpoints] == [(45.0, 45), (1350.0, 45)]
        assert of_campaign.because.text.startswith("1 von 2 Kontaktpunkten")
        assert not (await plan(campaign_id="cmp_9")).touchpoints

        for caller in (partner("shop"), Caller("ann", frozenset({"metrics:read:own"}), employee="emp_1")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await plan(caller)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            # And not because spend is not kept by what limits them: a company may define it so.
            assert "where money works" in str(refused.value.details())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await plan(period=period(START - timedelta(days=2000)))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
