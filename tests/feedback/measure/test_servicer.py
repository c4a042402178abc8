"""Measures over real customers and metrics services: what they name is checked, links, statuses, and who is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    delivery_pb2,
    delivery_pb2_grpc,
    interaction_pb2,
    touchpoint_pb2,
)
from rundblick.feedback.v1 import feedback_pb2, feedback_pb2_grpc, measure_pb2_grpc, topic_pb2, topic_pb2_grpc
from rundblick.feedback.v1 import measure_pb2 as pb
from rundblick.shared.v1 import alias_pb2, page_pb2, verification_pb2

from chassis.caller import ALL_SCOPES, Caller
from chassis.channel import open_channel
from chassis.errors import DomainError, InvalidInput, NotFound
from chassis.ids import new_id
from chassis.times import to_timestamp
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.conftest import Running

ASKED = datetime(2026, 2, 2, 9, tzinfo=UTC)
TEXTS = [
    pb.InformText(language="en", subject="Your wish", text="It is there."),
    pb.InformText(language="de", subject="Ihr Wunsch", text="Es ist da."),
]


@dataclass
class House:
    running: Running
    measures: Any
    feedback: Any
    topics: Any
    customers: Any
    consents: Any
    deliveries: Any

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),) if caller else None
        return await getattr(self.measures, name)(request, timeout=10, metadata=metadata)

    async def customer(self, key: str, *emails: str) -> str:
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=customer_pb2.CustomerFields(display_name=key, emails=customer_pb2.StringList(values=emails)),
            external_id=customer_pb2.ExternalId(source="shop", id=key),
        )
        id: str = (await self.customers.CreateCustomer(request, timeout=10)).customer.id
        return id

    async def said(self, customer: str, text: str, **more: Any) -> feedback_pb2.Feedback:
        request = feedback_pb2.SubmitFeedbackRequest(
            customer_id=customer,
            kind=feedback_pb2.FEEDBACK_KIND_WISH,
            text=text,
            source="shop",
            received_at=to_timestamp(ASKED),
            **more,
        )
        answer: feedback_pb2.SubmitFeedbackResponse = await self.feedback.SubmitFeedback(request, timeout=10)
        return answer.feedback

    async def made(self, **said: Any) -> pb.Measure:
        fields = pb.MeasureFields(title="Bike racks", kind=pb.MEASURE_KIND_SERVICE)
        more = {
            name: said.pop(name) for name in ("status", "introduced_at", "feedback_ids", "topic_keys") if name in said
        }
        fields.MergeFrom(pb.MeasureFields(**said))
        answer: pb.CreateMeasureResponse = await self.call(pb.CreateMeasureRequest(fields=fields, **more))
        return answer.measure

    async def to_inform(self, measure: str, **more: Any) -> pb.CustomersToInformPage:
        request = pb.BatchListCustomersToInformRequest(measure_ids=[measure], **{"first": 20, **more})
        page: pb.CustomersToInformPage = (await self.call(request)).pages[measure]
        return page


@pytest.fixture
async def house(feedback: Running) -> AsyncIterator[House]:
    async with open_channel(feedback.customers_address) as customers:
        yield House(
            feedback,
            measure_pb2_grpc.MeasureServiceStub(feedback.channel),
            feedback_pb2_grpc.FeedbackServiceStub(feedback.channel),
            topic_pb2_grpc.TopicServiceStub(feedback.channel),
            customer_pb2_grpc.CustomerServiceStub(customers),
            consent_pb2_grpc.ConsentServiceStub(customers),
            delivery_pb2_grpc.CustomerDeliveryServiceStub(customers),
        )


async def test_what_a_measure_names_is_checked_and_bad_input_changes_nothing(house: House, commands: Commands) -> None:
    employee = house.running.employee
    wish = await house.said(house.running.customer, "I wish there were bike racks")
    wrong: list[tuple[dict[str, Any], type[DomainError], tuple[str, ...]]] = [
        ({"owner_id": new_id("emp")}, NotFound, ("owner_id",)),
        ({"offer_id": new_id("off")}, NotFound, ("offer_id",)),
        ({"campaign_id": new_id("cmp")}, NotFound, ("campaign_id",)),
        ({"aims_at": "no_such_kpi"}, NotFound, ("aims_at",)),
        ({"due_on": "soon"}, InvalidInput, ("due_on",)),
        ({"feedback_ids": [wish.id, new_id("fbk")]}, NotFound, ("feedback_ids", "1")),
        ({"topic_keys": ["nowhere"]}, NotFound, ("topic_keys", "0")),
        ({"introduced_at": to_timestamp(ASKED)}, InvalidInput, ("introduced_at",)),
    ]
    for said, error, path in wrong:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.made(**said)
        assert (
            refused.value.code()
            is {
                NotFound: grpc.StatusCode.NOT_FOUND,
                InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
            }[error]
        ), (said, refused.value)
        assert path[0] in str(refused.value.trailing_metadata()), said
    assert await house.running.database["measures"].count_documents({}) == 0
    assert await house.running.database["measure_feedback"].count_documents({}) == 0

    one = await house.made(
        owner_id=employee, aims_at="first_response_time", due_on="2026-05-01", feedback_ids=[wish.id, wish.id]
    )
    assert (one.fields.owner_id, one.status, one.version) == (employee, pb.MEASURE_STATUS_PROPOSED, 1)
    assert one.team_id
    update = pb.UpdateMeasureRequest(
        id=one.id,
        version=1,
        fields=pb.MeasureFields(title="Covered bike racks"),
        paths=["title", "due_on"],
        status=pb.MEASURE_STATUS_INTRODUCED,
        introduced_at=to_timestamp(ASKED + timedelta(days=30)),
        feedback_status=feedback_pb2.FEEDBACK_STATUS_COMPLETED,
        idempotency_key="once",
    )
    changed = (await house.call(update)).measure
    assert changed == (await house.call(update)).measure, "sent twice it happens once"
    assert (changed.fields.title, changed.fields.HasField("due_on"), changed.fields.aims_at) == (
        "Covered bike racks",
        False,
        "first_response_time",
    )
    assert [step.status for step in changed.history] == [pb.MEASURE_STATUS_PROPOSED, pb.MEASURE_STATUS_INTRODUCED]
    known = await house.feedback.BatchGetFeedback(feedback_pb2.BatchGetFeedbackRequest(ids=[wish.id]), timeout=10)
    assert known.answers[wish.id].value.status == feedback_pb2.FEEDBACK_STATUS_COMPLETED
    update.idempotency_key = "again"
    with pytest.raises(grpc.aio.AioRpcError) as stale:
        await house.call(update)
    assert stale.value.code() is grpc.StatusCode.ABORTED

    everything = pb.ListMeasuresRequest(
        filter=pb.MeasureFilter(
            statuses=[pb.MEASURE_STATUS_INTRODUCED],
            kinds=[pb.MEASURE_KIND_SERVICE],
            owner_id=employee,
            team_id=one.team_id,
            due_before="2027-01-01",
        )
    )
    assert (await house.call(everything)).edges == [], "it has no day any more"
    everything.filter.ClearField("due_before")
    with commands.recorded():
        listed = await house.call(everything)
        of_feedback = await house.call(pb.BatchListMeasuresRequest(feedback_ids=[wish.id]))
        linked = await house.call(pb.BatchListMeasureFeedbackRequest(measure_ids=[one.id]))
    assert len(commands.found) == 3
    assert await commands.unindexed() == []
    assert [edge.node for edge in listed.edges] == [changed] == list(of_feedback.lists[wish.id].measures)
    assert [edge.feedback_id for edge in linked.pages[one.id].edges] == [wish.id]
    unlinked = await house.call(pb.UnlinkFeedbackRequest(measure_id=one.id, feedback_ids=[wish.id]))
    assert unlinked.measure.version == 3
    assert not (await house.call(pb.BatchListMeasureFeedbackRequest(measure_ids=[one.id]))).pages[one.id].edges


async def test_who_asked_is_told_once_in_their_language_and_who_objected_is_named(house: House) -> None:
    word = topic_pb2.TopicWords(language="en", words=["bike racks"])
    await house.topics.DefineTopic(topic_pb2.DefineTopicRequest(key="bikes", name="Bikes", words=[word]), timeout=10)
    ada = await house.customer("ada", "ada@example.org")
    ben = await house.customer("ben", "ben@example.org")
    cem = await house.customer("cem")
    dora = await house.customer("dora", "dora@example.org")
    german = await house.said(ada, "Ich wünsche mir hier einen überdachten Platz für die vielen Fahrräder")
    await house.said(ada, "We need more bike racks", external_id="again")
    await house.said(ben, "I wish there were bike racks", external_id="ben")
    await house.said(cem, "I wish there were bike racks", external_id="cem")
    repeated = await house.said(
        dora, "Das wünsche ich mir auch schon lange, genau wie die anderen Kunden hier", external_id="dora"
    )
    status = feedback_pb2.SetFeedbackStatusRequest(
        id=repeated.id, status=feedback_pb2.FEEDBACK_STATUS_DUPLICATE, duplicate_of_id=german.id
    )
    await house.feedback.SetFeedbackStatus(status, timeout=10)
    objection = consent_pb2.ConsentStatement(
        customer_id=ben,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        purpose=consent_pb2.CONSENT_PURPOSE_SERVICE,
    )
    await house.consents.RevokeConsent(consent_pb2.RevokeConsentRequest(statement=objection), timeout=10)

    one = await house.made(feedback_ids=[german.id], topic_keys=["bikes"])
    inform = pb.InformCustomersRequest(measure_id=one.id, texts=TEXTS)
    with pytest.raises(grpc.aio.AioRpcError) as early:
        await house.call(inform)
    assert early.value.code() is grpc.StatusCode.ABORTED
    await house.call(pb.UpdateMeasureRequest(id=one.id, version=1, status=pb.MEASURE_STATUS_INTRODUCED))
    may = await house.to_inform(one.id)
    assert [edge.node.customer_id for edge in may.edges] == sorted([ada, dora])
    refused = await house.to_inform(one.id, refused=True)
    assert {edge.node.customer_id: edge.node.refusal for edge in refused.edges} == {
        ben: pb.INFORM_REFUSAL_OBJECTED,
        cem: pb.INFORM_REFUSAL_NO_ADDRESS,
    }
    first = await house.to_inform(one.id, first=1)
    assert first.page_info.has_next_page
    rest = await house.to_inform(one.id, first=1, after=first.page_info.end_cursor)
    assert [e.node.customer_id for e in (*first.edges, *rest.edges)] == sorted([ada, dora])

    with pytest.raises(grpc.aio.AioRpcError):
        await house.call(pb.InformCustomersRequest(measure_id=one.id, texts=[pb.InformText(language="en")]))
    told = await house.call(inform)
    assert {one.customer_id for one in told.informed} == {ada, dora}
    assert {one.customer_id for one in told.refused} == {ben, cem}
    assert not told.HasField("next")
    assert (await house.call(inform)).informed == [], "nobody is told twice"
    await house.running.delivered()
    page = (await house.call(pb.BatchListInformedRequest(measure_ids=[one.id]))).pages[one.id]
    deliveries = [edge.node.delivery_id for edge in page.edges]
    sent = await house.deliveries.BatchGetDeliveries(delivery_pb2.BatchGetDeliveriesRequest(ids=deliveries), timeout=10)
    by_customer = {a.value.customer_id: (a.value.subject, a.value.reference) for a in sent.answers.values()}
    assert by_customer == {ada: ("Your wish", one.id), dora: ("Ihr Wunsch", one.id)}
    assert (await house.to_inform(one.id)).edges == []
    [contact, _] = [edge.node for edge in await house.running.journey_of(dora)]
    assert (contact.direction, contact.subject.id) == (interaction_pb2.DIRECTION_OUTBOUND, repeated.id)

    # Two who were one all along: who was told as one of them was told.
    eve, fay = await house.customer("eve", "eve@example.org"), await house.customer("fay", "fay@example.org")
    await house.said(eve, "More bike racks, please", external_id="eve")
    at_once = await asyncio.gather(*(house.call(inform) for _ in range(4)))
    assert [o.customer_id for answer in at_once for o in answer.informed] == [eve]
    kept = await house.running.database["measure_told"].find_one({"customer": eve})
    assert kept is not None
    record = kept["source_record"]
    await house.running.aliases.MoveAliases(
        alias_pb2.MoveAliasesRequest(aliases=[alias_pb2.Alias(id=record, customer_id=fay, version=7)]), timeout=10
    )
    await house.said(fay, "And bike racks at the station", external_id="fay")
    assert (await house.call(inform)).informed == []
    check = verification_pb2.CheckBatchRequest(part="measures", size=10)
    [found] = (await house.running.verification.CheckBatch(check, timeout=10)).differences
    assert (found.what, found.id) == ("told", one.id), "customers itself never moved it"


async def test_partners_see_no_measures_and_others_no_more_feedback_than_they_may(house: House) -> None:
    wish = await house.said(house.running.customer, "I wish there were bike racks")
    one = await house.made(feedback_ids=[wish.id])
    for request in (
        pb.BatchGetMeasuresRequest(ids=[one.id]),
        pb.ListMeasuresRequest(page=page_pb2.PageRequest(first=5)),
        pb.CreateMeasureRequest(fields=pb.MeasureFields(title="T", kind=pb.MEASURE_KIND_OFFER)),
        pb.BatchListCustomersToInformRequest(measure_ids=[one.id], first=5),
        pb.InformCustomersRequest(measure_id=one.id, texts=TEXTS),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.call(request, Caller("p", frozenset({ALL_SCOPES}), sources=frozenset({"shop"})))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED, request
    seen = pb.BatchListMeasuresRequest(feedback_ids=[wish.id])
    for caller in (partner("shop"), Caller("a", frozenset({"feedback:read"}))):
        assert (await house.call(seen, caller)).lists[wish.id].measures == []
    page = pb.BatchListMeasureFeedbackRequest(measure_ids=[one.id])
    reader = Caller("a", frozenset({"measures:read"}))
    assert (await house.call(page, reader)).pages[one.id].edges == []
    own = Caller("a", frozenset({"measures:read", "feedback:read:own"}), employee=house.running.employee)
    assert (await house.call(page, own)).pages[one.id].edges == []
    whole = Caller("a", frozenset({"measures:read", "feedback:read"}))
    assert len((await house.call(page, whole)).pages[one.id].edges) == 1
    follow = pb.UpdateMeasureRequest(id=one.id, version=1, feedback_status=feedback_pb2.FEEDBACK_STATUS_PLANNED)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.call(follow, Caller("a", frozenset({"measures:write"})))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    known = (await house.call(pb.BatchGetMeasuresRequest(ids=[one.id]))).answers[one.id].value
    assert known.version == 1, "what is refused changes nothing"
