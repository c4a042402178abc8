"""What an enquiry goes through over its life, who did it, and who may know of it."""

from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import (
    campaign_pb2,
    campaign_pb2_grpc,
    code_pb2,
    code_pb2_grpc,
    customer_pb2,
    interaction_pb2,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.caller import Caller
from chassis.channel import open_channel
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.conftest import Running
from tests.feedback.enquiry.test_importing import batch, row
from tests.feedback.enquiry.test_rederiving import differences
from tests.feedback.enquiry.test_servicer import opened, refused, when

NEW, OPEN, PENDING = pb.ENQUIRY_STATUS_NEW, pb.ENQUIRY_STATUS_OPEN, pb.ENQUIRY_STATUS_PENDING
RESOLVED, CLOSED = pb.ENQUIRY_STATUS_RESOLVED, pb.ENQUIRY_STATUS_CLOSED


def worker(feedback: Running, *scopes: str) -> Caller:
    return Caller("ann", frozenset({"enquiries:read", "enquiries:write", *scopes}), employee=feedback.employee)


def message(minutes: float, **fields: Any) -> pb.NewMessage:
    return pb.NewMessage(
        **{"author_kind": pb.AUTHOR_KIND_EMPLOYEE, "body": "text", **fields}, occurred_at=when(minutes)
    )


async def test_every_transition_and_assignment_is_kept_with_its_time_and_whose_it_was(feedback: Running) -> None:
    ann = worker(feedback)
    id = (await opened(feedback)).id
    answer = message(10, author_id=feedback.employee)
    for step in (
        pb.AddMessageRequest(enquiry_id=id, message=answer),
        pb.UpdateEnquiryRequest(id=id, status=PENDING, category="parts", service="repair", occurred_at=when(20)),
        pb.AddMessageRequest(enquiry_id=id, message=message(30, author_kind=pb.AUTHOR_KIND_CUSTOMER)),
        pb.AssignEnquiryRequest(id=id, team_key="support", occurred_at=when(35)),
        pb.AssignEnquiryRequest(id=id, assignee_id=feedback.employee, occurred_at=when(36)),
        pb.ResolveEnquiryRequest(id=id, occurred_at=when(40)),
        pb.CloseEnquiryRequest(id=id, occurred_at=when(50)),
        pb.ReopenEnquiryRequest(id=id, occurred_at=when(60)),
        pb.ExcludeEnquiryRequest(id=id, reason=pb.EXCLUSION_REASON_SPAM, occurred_at=when(70)),
        pb.IncludeEnquiryRequest(id=id, occurred_at=when(80)),
        pb.UpdateEnquiryRequest(id=id, category="", service="", priority=pb.PRIORITY_URGENT),
    ):
        last = (await feedback.call(step, ann)).enquiry
    by = feedback.employee
    assert [(one.at, one.status, one.excluded, one.by_id) for one in last.history] == [
        (when(0), NEW, 0, ""),
        (when(10), OPEN, 0, by),
        (when(20), PENDING, 0, by),
        (when(30), OPEN, 0, ""),
        (when(40), RESOLVED, 0, by),
        (when(50), CLOSED, 0, by),
        (when(60), OPEN, 0, by),
        (when(70), OPEN, pb.EXCLUSION_REASON_SPAM, by),
        (when(80), OPEN, 0, by),
    ]
    team = last.team_id
    assert [(one.at, one.assignee_id, one.team_id, one.by_id) for one in last.assignments] == [
        (when(35), "", team, by),
        (when(36), by, team, by),
    ]
    assert not last.HasField("category")
    assert not last.HasField("service")
    assert last.priority == pb.PRIORITY_URGENT
    assert pb.WAIT_END_EXCLUDED not in {wait.ended for wait in last.waits}
    wrong: tuple[tuple[Any, grpc.StatusCode], ...] = (
        (pb.IncludeEnquiryRequest(id=id), grpc.StatusCode.ABORTED),
        (pb.ReopenEnquiryRequest(id=id), grpc.StatusCode.ABORTED),
        (pb.UpdateEnquiryRequest(id=id, version=1, category="x"), grpc.StatusCode.ABORTED),
        (pb.UpdateEnquiryRequest(id=id, status=CLOSED), grpc.StatusCode.INVALID_ARGUMENT),
        (
            pb.ExcludeEnquiryRequest(id=id, reason=pb.EXCLUSION_REASON_SPAM, occurred_at=when(75)),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    )
    for request, status in wrong:
        assert await refused(feedback, request, ann) is status
    assert (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[id]))).answers[id].value.version == last.version
    await feedback.delivered()
    assert await differences(feedback) == []
    await feedback.database["enquiries"].update_one({"_id": id}, {"$set": {"history": [], "touchpoints": []}})
    assert [detail.partition(":")[0] for _, detail in await differences(feedback)] == ["touchpoints", "history"]


async def test_an_enquiry_names_all_touchpoints_of_its_public_messages(feedback: Running) -> None:
    stub = touchpoint_pb2_grpc.TouchpointServiceStub(
        await feedback.stack.enter_async_context(open_channel(feedback.customers_address))
    )
    ids = [feedback.touchpoint]
    for key in ("phone", "diary"):
        made = await stub.CreateTouchpoint(
            touchpoint_pb2.CreateTouchpointRequest(
                key=key,
                name=key,
                channel=touchpoint_pb2.CHANNEL_PHONE,
                nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
                control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
            ),
            timeout=10,
        )
        ids.append(made.touchpoint.id)
    id = (await opened(feedback)).id
    note = message(5, touchpoint_key="diary", visibility=pb.VISIBILITY_INTERNAL)
    for one in (message(20), message(10, touchpoint_key="phone", connected=True), note):
        last = (await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=one))).enquiry
    assert list(last.touchpoint_ids) == ids[:2]


async def test_internal_notes_are_for_those_alone_who_may_see_notes(feedback: Running) -> None:
    id = (await opened(feedback, source="shop")).id
    with_notes, without = worker(feedback, "enquiries:notes"), worker(feedback)
    # Who asks for more than there is for partners gets no more than partners do.
    outside = partner("shop")
    greedy = Caller("greedy", outside.scopes | {"enquiries:notes"}, sources=outside.sources)
    note = message(5, visibility=pb.VISIBILITY_INTERNAL, body="hush")
    noted = (await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=note), with_notes)).message.id
    await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=message(9)), with_notes)
    everything = pb.BatchListMessagesRequest(enquiry_ids=[id])
    public, (_, hidden, _) = [], (await feedback.call(everything, with_notes)).pages[id].edges
    assert hidden.node.body == "hush"
    for caller in (without, outside, greedy):
        page = (await feedback.call(everything, caller)).pages[id]
        public.append([edge.node.id for edge in page.edges])
        assert not page.page_info.has_next_page
        # Neither by how many there are, nor by a cursor of somebody else.
        part = page_pb2.PageRequest(first=1, after=page.edges[0].cursor)
        beyond = (await feedback.call(pb.BatchListMessagesRequest(enquiry_ids=[id], page=part), caller)).pages[id]
        assert [edge.node.id for edge in beyond.edges] == public[-1][1:]
        assert not beyond.page_info.has_next_page
        around = page_pb2.PageRequest(last=1, before=hidden.cursor)
        before = (await feedback.call(pb.BatchListMessagesRequest(enquiry_ids=[id], page=around), caller)).pages[id]
        assert [edge.node.id for edge in before.edges] == public[-1][:1]
        wrong = pb.AddMessageRequest(enquiry_id=id, message=note)
        assert await refused(feedback, wrong, caller) is grpc.StatusCode.PERMISSION_DENIED
        answering = pb.NewMessage(body="?", in_reply_to_id=noted)
        wrong = pb.AddMessageRequest(enquiry_id=id, message=answering)
        assert await refused(feedback, wrong, caller) is grpc.StatusCode.NOT_FOUND
    assert [len(some) for some in public] == [2, 2, 2]
    telling = pb.AddMessageRequest(enquiry_id=id, message=message(11, in_reply_to_id=noted))
    assert await refused(feedback, telling, with_notes) is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_customer_who_is_found_later_is_given_all_of_it(feedback: Running) -> None:
    id = (await opened(feedback, customer_id=None)).id
    await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=message(5)))
    outside = customer_pb2.ExternalId(source="shop", id="c1")
    given = (await feedback.call(pb.UpdateEnquiryRequest(id=id, customer_external_id=outside))).enquiry
    assert given.customer_id == feedback.customer
    again = (await feedback.call(pb.UpdateEnquiryRequest(id=id, customer_id=feedback.customer))).enquiry
    assert (again.version, again.source_record_id) == (given.version, given.source_record_id), "it is theirs already"
    await feedback.delivered()
    journey = await feedback.journey_of(feedback.customer)
    assert [edge.node.source_record_id for edge in journey] == [given.source_record_id] * 2
    kept = [one async for one in feedback.database["messages"].find({"enquiry": id})]
    assert {one["body"] for one in kept} == {"Where is it?", "text"}
    assert {one["source_record"] for one in kept} == {given.source_record_id}
    assert await differences(feedback) == []
    unknown = pb.UpdateEnquiryRequest(id=id, customer_external_id=customer_pb2.ExternalId(source="shop", id="nobody"))
    assert await refused(feedback, unknown) is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_code_of_a_poster_says_where_and_for_which_campaign_it_came(feedback: Running) -> None:
    channel = await feedback.stack.enter_async_context(open_channel(feedback.customers_address))
    made = await campaign_pb2_grpc.CampaignServiceStub(channel).CreateCampaign(
        campaign_pb2.CreateCampaignRequest(
            fields=campaign_pb2.CampaignFields(
                name="Spring",
                objective="more repairs",
                starts_on="2026-01-01",
                ends_on="2026-12-31",
                budget=money_pb2.Money(amount="10", currency="EUR"),
            )
        ),
        timeout=10,
    )
    wanted = code_pb2.CreateTouchpointCodeRequest(touchpoint_id=feedback.touchpoint, campaign_id=made.campaign.id)
    code = (await code_pb2_grpc.CodeServiceStub(channel).CreateTouchpointCode(wanted, timeout=10)).code.code
    typed = f"{code[:4].lower()}-{code[4:]}"
    found = await opened(feedback, touchpoint_key=None, code=typed)
    await feedback.stop_customers()
    later = await opened(feedback, touchpoint_key=None, code=typed)
    assert not later.HasField("touchpoint_id"), "customers is away"
    await feedback.start_customers()
    await feedback.delivered()
    linked = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[later.id]))).answers[later.id].value
    for enquiry in (found, linked):
        assert (enquiry.touchpoint_id, enquiry.campaign_id) == (feedback.touchpoint, made.campaign.id)
    journey = await feedback.journey_of(feedback.customer)
    assert [edge.node.campaign_id for edge in journey] == [made.campaign.id] * 2
    assert {edge.node.kind for edge in journey} == {interaction_pb2.INTERACTION_KIND_MESSAGE}
    assert await differences(feedback) == []
    for wrong in ({"code": "NOWHERE2", "touchpoint_key": None}, {"code": code}):
        with pytest.raises(grpc.aio.AioRpcError, match="code") as error:
            await opened(feedback, **wrong)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_list_is_filtered_by_all_that_is_known_of_an_enquiry(feedback: Running, commands: Commands) -> None:
    crane = await opened(
        feedback, subject="Kran 7: ÖL läuft aus", category="parts", service="repair", priority=pb.PRIORITY_URGENT
    )
    other = await opened(feedback, subject="Krane im Angebot?", category="sales", source="shop", opened_at=when(90))
    nobody = await opened(feedback, subject="Kran mieten", customer_id=None, category="parts", opened_at=when(60))
    await feedback.imported(batch(*(row(str(number)) for number in range(200))))
    for filter, expected in (
        (pb.EnquiryFilter(customer_ids=[feedback.customer]), [other, crane]),
        (pb.EnquiryFilter(categories=["parts", "sales"]), [other, nobody, crane]),
        (pb.EnquiryFilter(services=["repair"]), [crane]),
        (pb.EnquiryFilter(priorities=[pb.PRIORITY_URGENT, pb.PRIORITY_LOW]), [crane]),
        (pb.EnquiryFilter(sources=["shop"]), [other]),
        (pb.EnquiryFilter(opened_from=when(60), opened_until=when(90)), [nobody]),
        (pb.EnquiryFilter(search="kran"), [nobody, crane]),
        (pb.EnquiryFilter(search="öl KRAN"), [crane]),
        (pb.EnquiryFilter(search="kran", categories=["parts"], opened_until=when(1)), [crane]),
    ):
        for order in (pb.ENQUIRY_ORDER_OPENED_AT_DESC, pb.ENQUIRY_ORDER_WAITING_LONGEST):
            with commands.recorded():
                answer = await feedback.call(pb.ListEnquiriesRequest(filter=filter, order_by=order))
            assert {edge.node.id for edge in answer.edges} == {one.id for one in expected}, filter
            if order == pb.ENQUIRY_ORDER_OPENED_AT_DESC:
                assert [edge.node.id for edge in answer.edges] == [one.id for one in expected], filter
                assert await commands.examined() <= 10, filter
            assert len(commands.found) <= 2, filter
            assert await commands.unindexed() == [], filter
    assert await refused(feedback, pb.ListEnquiriesRequest(filter=pb.EnquiryFilter(search=" - "))) is (
        grpc.StatusCode.INVALID_ARGUMENT
    )
