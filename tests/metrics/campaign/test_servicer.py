"""Plans and reports over gRPC: what is newer counts, and who sees only a part sees nothing of it."""

from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import campaign_pb2 as pb
from rundblick.metrics.v1 import campaign_pb2_grpc, event_pb2, kpi_pb2
from rundblick.shared.v1 import money_pb2

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.metrics.conftest import NOW, START, Running


def plan(version: int, budget: str = "100.00", **fields: Any) -> pb.Plan:
    return pb.Plan(
        campaign_id="cmp_1",
        version=version,
        running=True,
        starts_on="2026-03-01",
        ends_on="2026-03-20",
        budget=money_pb2.Money(amount=budget, currency="EUR"),
        attribution_rule="LINEAR",
        attribution_days=14,
        **fields,
    )


def _of(name: str, id: str, value: float | None = None) -> event_pb2.Event:
    after = event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(START),
        value=value,
        dimensions={"source": "shop", "campaign": "cmp_1"},
    )
    return event_pb2.Event(id=id, name=name, subject_id=id, source="shop", after=after)


async def test_results_and_warnings_follow_the_newest_plan_and_the_figures(
    metrics: Running, database: Database, commands: Commands
) -> None:
    await metrics.ingest(
        _of("spend.recorded", "s1", 60.05),
        _of("spend.recorded", "s2", 60.0),
        _of("interaction.recorded", "i1"),
        _of("enquiry.attributed", "e1", 0.25),
        _of("opportunity.closed", "o1", 240.1),
    )
    await metrics.fold()
    service = MetricsService(database, lambda: NOW)
    await service.ready.ensure_indexes()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", process="customers") as of_customers,
        open_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub: Any = campaign_pb2_grpc.CampaignResultServiceStub(channel)
        put: Any = campaign_pb2_grpc.CampaignResultServiceStub(of_customers)
        goal = pb.Goal(kpi="interactions", target=10, due_on="2026-03-20")
        for sent in ([plan(2, goal=goal)], [plan(1, "999.00")], [plan(1, "998.00"), plan(2, "997.00")]):
            await put.PutPlans(pb.PutPlansRequest(plans=sent), timeout=10)
        request = pb.BatchGetCampaignResultsRequest(ids=["cmp_1", "cmp_2"], language="de")
        with commands.recorded():
            answers = (await stub.BatchGetCampaignResults(request, timeout=10)).answers
        assert len(commands.found) <= 2
        assert await commands.unindexed() == []
        assert answers["cmp_2"].error.code == "NOT_FOUND"
        found = answers["cmp_1"].value.results
        assert (found.interactions, found.enquiries) == (1, 0.25)
        assert (found.actual_cost.amount, found.unused_budget.amount) == ("120.05", "-20.05")
        assert (found.cost_per_contact.amount, found.cost_per_enquiry.amount) == ("120.05", "480.20")
        assert not found.HasField("revenue")
        assert (found.attribution_rule, found.attribution_days) == ("LINEAR", 14)
        warned = {one.code: one.message for one in answers["cmp_1"].value.warnings}
        assert set(warned) == {pb.CAMPAIGN_WARNING_CODE_OVERSPENT, pb.CAMPAIGN_WARNING_CODE_GOAL_AT_RISK}
        assert warned[pb.CAMPAIGN_WARNING_CODE_OVERSPENT].text.startswith("120,05 EUR sind ausgegeben")

        for caller in (partner("shop"), Caller("ann", frozenset({"metrics:read:own"}), employee="emp_1")):
            metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.BatchGetCampaignResults(request, timeout=10, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            # Before anything is read: a company may keep figures by source and campaign, or none at all.
            assert "see all figures" in (refused.value.details() or "")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.PutPlans(pb.PutPlansRequest(plans=[plan(3)]), timeout=10, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_figures_of_a_campaign_are_those_kept_by_campaign(metrics: Running) -> None:
    await metrics.ingest(_of("spend.recorded", "s1", 60.0), _of("interaction.recorded", "i1"))
    await metrics.fold()
    request = kpi_pb2.BatchGetSubjectResultsRequest(kind=kpi_pb2.SUBJECT_KIND_CAMPAIGN, ids=["cmp_1"])
    answer = (await metrics.call("BatchGetSubjectResults", request)).answers["cmp_1"].value
    values = {one.kpi_key: one.value for one in answer.results if one.n}
    assert {key: values[key] for key in ("spend", "interactions", "cost_per_contact")} == {
        "spend": 60.0,
        "interactions": 1.0,
        "cost_per_contact": 60.0,
    }
    assert {"revenue", "reach", "attributed_enquiries"} <= {one.kpi_key for one in answer.results}
