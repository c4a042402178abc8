"""Enquiries follow their source records through merges and splits, also those that are opened in the same moment."""

import asyncio
from datetime import UTC, datetime
from itertools import permutations

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller
from tests import tokens
from tests.feedback.conftest import Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
OTHER, THIRD = "cus_01J00000000000000000000002", "cus_01J00000000000000000000003"


async def opened(feedback: Running) -> pb.Enquiry:
    message = pb.NewMessage(body="Where is it?")
    message.occurred_at.FromDatetime(NINE)
    outside = customer_pb2.ExternalId(source="shop", id="c1")
    request = pb.OpenEnquiryRequest(customer_external_id=outside, subject="Where is it?", message=message)
    enquiry: pb.Enquiry = (await feedback.call(request)).enquiry
    return enquiry


async def move(feedback: Running, *aliases: tuple[str, str, int], caller: Caller | None = None) -> None:
    request = alias_pb2.MoveAliasesRequest(
        aliases=[alias_pb2.Alias(id=id, customer_id=customer, version=version) for id, customer, version in aliases]
    )
    token = tokens.token_for(caller) if caller else None
    metadata = (("authorization", f"Bearer {token}"),) if token else None
    await feedback.aliases.MoveAliases(request, timeout=10, metadata=metadata)


async def shown(feedback: Running, customer: str) -> list[str]:
    pages = (await feedback.call(pb.BatchListEnquiriesRequest(customer_ids=[customer]))).pages
    return [edge.node.customer_id for edge in pages[customer].edges]


async def test_an_enquiry_goes_with_its_record_and_comes_back(feedback: Running) -> None:
    record = (await opened(feedback)).source_record_id
    await move(feedback, (record, OTHER, 1), (feedback.customer, OTHER, 1))
    assert await shown(feedback, OTHER) == [OTHER]
    assert await shown(feedback, feedback.customer) == [OTHER], "the old id answers the present customer"
    assert (await opened(feedback)).customer_id == OTHER, "whatever customers says until it has heard of it"
    await move(feedback, (record, feedback.customer, 2), (feedback.customer, feedback.customer, 2))
    assert await shown(feedback, feedback.customer) == [feedback.customer] * 2
    assert await shown(feedback, OTHER) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_moves_told_in_any_order_and_twice_end_the_same(feedback: Running, order: tuple[int, ...]) -> None:
    record = (await opened(feedback)).source_record_id
    moves = ((record, OTHER, 1), (record, feedback.customer, 2), (record, THIRD, 3))
    for place in (*order, order[0]):
        await move(feedback, moves[place])
    assert await shown(feedback, THIRD) == [THIRD]


async def test_enquiries_opened_while_their_customer_is_merged_are_the_present_ones(feedback: Running) -> None:
    record = (await opened(feedback)).source_record_id
    await asyncio.gather(
        *(opened(feedback) for _ in range(12)),
        *(move(feedback, (record, (OTHER, feedback.customer, THIRD)[n % 3], n)) for n in range(1, 7)),
    )
    assert await shown(feedback, THIRD) == [], "the sixth move gave it back to nobody else"
    found = [one async for one in feedback.database["enquiries"].find()]
    present = await feedback.database["aliases"].find_one({"_id": record})
    assert present is not None
    assert present["n"] == 6
    assert [one["customer"] for one in found] == [present["customer"]] * 13


async def test_only_who_looks_after_the_system_moves_anything(feedback: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await move(feedback, ("src_x", OTHER, 1), caller=Caller("somebody", frozenset({"feedback:write"})))
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
