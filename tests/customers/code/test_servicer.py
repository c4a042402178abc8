"""Codes over gRPC: named in a contact, followed as a link."""

from datetime import UTC, datetime

import grpc
import pytest
from rundblick.customers.v1 import campaign_pb2, interaction_pb2
from rundblick.customers.v1 import code_pb2 as pb

from chassis.mongo import Database
from chassis.times import to_timestamp
from services.customers.code.domain import ALPHABET, LENGTH, read_code
from tests.callers import partner
from tests.commands import Commands
from tests.customers.campaign.test_servicer import fields
from tests.customers.conftest import NOBODY, Running
from tests.customers.touchpoint.test_servicer import creating


async def _place(customers: Running) -> tuple[str, str]:
    touchpoint = (await customers.call(creating())).touchpoint.id
    return touchpoint, (await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields()))).campaign.id


async def test_a_contact_that_names_a_code_happened_at_its_touchpoint_for_its_campaign(
    customers: Running, commands: Commands
) -> None:
    touchpoint, campaign = await _place(customers)
    request = pb.CreateTouchpointCodeRequest(touchpoint_id=touchpoint, campaign_id=campaign, idempotency_key="k")
    code = (await customers.call(request)).code
    assert (await customers.call(request)).code == code
    assert len(code.code) == LENGTH
    assert set(code.code) <= set(ALPHABET)
    as_typed = f" {code.code[:4].lower()}-{code.code[4:]} "
    said = interaction_pb2.Interaction(
        code=as_typed,
        direction=interaction_pb2.DIRECTION_INBOUND,
        kind=interaction_pb2.INTERACTION_KIND_CALL,
        occurred_at=to_timestamp(datetime(2026, 1, 1, tzinfo=UTC)),
    )
    unknown = interaction_pb2.Interaction()
    unknown.CopyFrom(said)
    unknown.code = "AAAAAAAA"
    by_place = interaction_pb2.Interaction(
        touchpoint_id=touchpoint,
        direction=said.direction,
        kind=said.kind,
        occurred_at=said.occurred_at,
        subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_ENQUIRY, id=f"enq_{NOBODY}"),
    )
    facts = [unknown, said, by_place]
    with commands.recorded():
        recorded = await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=facts))
    assert await commands.unindexed() == []
    assert not recorded.answers[2].value.HasField("campaign_id")
    assert list(recorded.answers[0].error.path) == ["code"]
    kept = recorded.answers[1].value
    assert (kept.touchpoint_id, kept.campaign_id) == (touchpoint, campaign)
    with commands.recorded():
        found = (await customers.call(pb.BatchGetCodesRequest(codes=[as_typed, "x"]))).answers
        listed = (await customers.call(pb.BatchListCodesRequest(touchpoint_ids=[touchpoint]))).pages[touchpoint]
    assert found[as_typed].value == code == listed.edges[0].node
    assert found["x"].HasField("error")
    assert len(commands.found) == 2
    assert await commands.unindexed() == []


async def test_a_link_counts_a_visit_of_nobody_known_and_leads_on(customers: Running, database: Database) -> None:
    touchpoint, campaign = await _place(customers)
    target = "https://company.example/spring"
    request = pb.CreateTouchpointCodeRequest(touchpoint_id=touchpoint, campaign_id=campaign, target=target)
    code = (await customers.call(request)).code.code
    assert (await customers.call(pb.FollowCodeRequest(code=code))).target == target
    visit = await database["interactions"].find_one({})
    assert visit is not None
    assert (visit["kind"], visit["customer"], visit["touchpoint"], visit["campaign"]) == (
        "VISIT",
        None,
        touchpoint,
        campaign,
    )
    silent = (await customers.call(pb.CreateTouchpointCodeRequest(touchpoint_id=touchpoint))).code.code
    for nowhere in (silent, "x"):
        assert (await customers.refused(pb.FollowCodeRequest(code=nowhere)))[0] is grpc.StatusCode.NOT_FOUND
    assert await database["interactions"].count_documents({}) == 1
    assert (await customers.refused(pb.FollowCodeRequest(code=code), partner("shop")))[0] is (
        grpc.StatusCode.PERMISSION_DENIED
    )


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//company.example", "https://", "http://a b", "https://[x", "ftp://a", "x"]
)
async def test_a_link_leads_to_the_web_only(customers: Running, target: str) -> None:
    touchpoint, _ = await _place(customers)
    request = pb.CreateTouchpointCodeRequest(touchpoint_id=touchpoint, target=target)
    assert (await customers.fault(request)).path == ("target",)


async def test_a_code_has_a_touchpoint_and_a_campaign_that_exist(customers: Running) -> None:
    touchpoint, _ = await _place(customers)
    nowhere = pb.CreateTouchpointCodeRequest(touchpoint_id=f"tou_{NOBODY}")
    assert (await customers.fault(nowhere)).path == ("touchpoint_id",)
    without = pb.CreateTouchpointCodeRequest(touchpoint_id=touchpoint, campaign_id=f"cmp_{NOBODY}")
    assert (await customers.fault(without)).path == ("campaign_id",)
    assert read_code("ab c-d") == "ABCD"
