"""Touchpoints over gRPC."""

from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import touchpoint_pb2 as pb

from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running


def creating(key: str = "form", **fields: Any) -> pb.CreateTouchpointRequest:
    given = {
        "name": "Form",
        "channel": pb.CHANNEL_WEB_FORM,
        "nature": pb.TOUCHPOINT_NATURE_DIGITAL,
        "control": pb.TOUCHPOINT_CONTROL_OWNED,
        **fields,
    }
    return pb.CreateTouchpointRequest(key=key, **given)


async def test_a_key_belongs_to_one_touchpoint(customers: Running) -> None:
    await customers.call(creating())
    code, message = await customers.refused(creating())
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert "form" in message


@pytest.mark.parametrize(
    "fields",
    [
        {"key": ""},
        {"key": " form"},
        {"name": " "},
        {"channel": pb.CHANNEL_UNSPECIFIED},
        {"active_from": "2026-02-30"},
        {"active_from": "2026-03-02", "active_to": "2026-03-01"},
    ],
)
async def test_what_cannot_be_is_refused(customers: Running, fields: dict[str, Any]) -> None:
    code, _ = await customers.refused(creating(**fields))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_change_touches_only_what_it_names(customers: Running) -> None:
    made = (await customers.call(creating(active_from="2026-03-01", active_to="2026-04-01"))).touchpoint
    request = pb.UpdateTouchpointRequest(id=made.id, name="Contact form", active_to="")
    changed = (await customers.call(request)).touchpoint
    assert (changed.name, changed.key, changed.active_from) == ("Contact form", "form", "2026-03-01")
    assert not changed.HasField("active_to")
    missing = pb.UpdateTouchpointRequest(id=f"tou_{NOBODY}", name="x")
    assert (await customers.refused(missing))[0] is grpc.StatusCode.NOT_FOUND


async def test_touchpoints_are_listed_by_key_and_by_index(customers: Running, commands: Commands) -> None:
    for key, channel in (("b", pb.CHANNEL_PHONE), ("a", pb.CHANNEL_EMAIL), ("c", pb.CHANNEL_PHONE)):
        await customers.call(creating(key, channel=channel))
    phone = pb.TouchpointFilter(channels=[pb.CHANNEL_PHONE])
    with commands.recorded():
        listed = await customers.call(pb.ListTouchpointsRequest())
        phones = await customers.call(pb.ListTouchpointsRequest(filter=phone))
    assert [edge.node.key for edge in listed.edges] == ["a", "b", "c"]
    assert [edge.node.key for edge in phones.edges] == ["b", "c"]
    assert await commands.unindexed() == []
    assert len(commands.found) == 2


async def test_partners_know_touchpoints_and_change_none(customers: Running) -> None:
    made = (await customers.call(creating())).touchpoint
    outside = partner("shop")
    answers = (await customers.call(pb.BatchGetTouchpointsRequest(ids=[made.id]), outside)).answers
    assert answers[made.id].value.key == "form"
    assert (await customers.refused(creating("other"), outside))[0] is grpc.StatusCode.PERMISSION_DENIED
