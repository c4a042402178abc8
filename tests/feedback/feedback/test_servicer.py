"""What customers say, over a real connection, beside the real customers and metrics services."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, signal_pb2
from rundblick.feedback.v1 import enquiry_pb2, topic_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller, service_caller
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.feedback.conftest import Voices

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OTHER = "cus_01J00000000000000000000002"
C1 = customer_pb2.ExternalId(source="shop", id="c1")


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


async def test_what_a_customer_says_is_read_and_kept_and_what_is_wrong_is_refused_with_its_field(
    voices: Voices,
) -> None:
    run = voices.run
    await voices.topic("delivery", de=["*liefer*", "paket"], en=["delivery", "parcel"])
    said = await voices.said(
        "Die Lieferung kam viel zu spät, sehr ärgerlich.",
        customer_external_id=C1,
        touchpoint_key="form",
        source="shop",
        external_id="r1",
        received_at=AT,
        service="spare parts",
    )
    assert (said.customer_id, said.touchpoint_id, said.source) == (run.customer, run.touchpoint, "shop")
    assert (said.kind, said.language, list(said.topic_keys)) == (pb.FEEDBACK_KIND_PROBLEM, "de", ["delivery"])
    assert said.sentiment < -0.3
    assert (said.status, said.version, said.service) == (pb.FEEDBACK_STATUS_NEW, 1, "spare parts")
    again = await voices.said("Something else", source="shop", external_id="r1")
    assert again == said
    # What its sender says it is stays; what is answered on a scale needs no text.
    stated = await voices.said("Die Lieferung kam zu spät.", kind=pb.FEEDBACK_KIND_EXPECTATION)
    scored = await voices.said(score=pb.Score(kind=signal_pb2.SURVEY_KIND_NPS, value=9), solicited=True)
    assert (stated.kind, scored.kind) == (pb.FEEDBACK_KIND_EXPECTATION, pb.FEEDBACK_KIND_RATING)
    assert (scored.score.lowest, scored.score.highest, scored.solicited) == (0, 10, True)
    assert not scored.HasField("text")
    assert await voices.listed() == [scored.id, stated.id, said.id]
    assert await voices.listed(kinds=[pb.FEEDBACK_KIND_PROBLEM], topic_keys=["delivery"]) == [said.id]
    assert await voices.listed(topic_keys=["delivery"], sentiment_below=-0.3, sources=["shop"]) == [said.id]
    request = pb.BatchListFeedbackRequest(customer_ids=[run.customer, "cus_00000000000000000000000000"])
    pages = (await voices.call(request)).pages
    assert {id: [edge.node.id for edge in page.edges] for id, page in pages.items()} == {
        run.customer: [said.id],
        "cus_00000000000000000000000000": [],
    }

    nps = signal_pb2.SURVEY_KIND_NPS
    rows: tuple[tuple[dict[str, Any], str], ...] = (
        ({"text": " "}, "a text or a score"),
        ({"text": "x" * 20_001}, "20000"),
        ({"score": pb.Score(kind=nps, value=11)}, "between 0 and 10"),
        ({"score": pb.Score(kind=nps, value=1, lowest=5, highest=5)}, "lowest"),
        ({"score": pb.Score(value=1)}, "kind"),
        ({"text": "x", "kind": 99}, "kind"),
        ({"text": "x", "touchpoint_key": "nowhere"}, "touchpoint"),
        ({"text": "x", "customer_external_id": customer_pb2.ExternalId(source="shop", id="nobody")}, "customer"),
        ({"text": "x", "enquiry_id": "enq_00000000000000000000000000"}, "enquiry"),
        ({"text": "x", "owner_id": "emp_00000000000000000000000000"}, "employee"),
    )
    for wrong, field in rows:
        code, details = await refused(voices.call(pb.SubmitFeedbackRequest(**wrong)))
        assert (code, field in details) == (grpc.StatusCode.INVALID_ARGUMENT, True), (wrong, details)
    assert len(await voices.listed()) == 3, "what is refused changes nothing"


async def test_a_reply_goes_out_by_email_and_shows_in_the_journey(voices: Voices) -> None:
    run = voices.run
    said = await voices.said("Please add a dark mode to the app.", customer_id=run.customer, touchpoint_key="form")
    request = pb.ReplyToFeedbackRequest(id=said.id, body="We will.", author_id=run.employee, idempotency_key="k")
    answer = await voices.call(request)
    assert await voices.call(request) == answer
    assert answer.feedback.status == pb.FEEDBACK_STATUS_ACKNOWLEDGED
    assert [one.body for one in answer.feedback.replies] == ["We will."]
    await run.delivered()
    reply = (await voices.of(said.id)).replies[0]
    sent = await run.customers_service.delivering.deliveries.of_ids(service_caller("test"), [reply.delivery_id])
    delivery = sent[reply.delivery_id]
    assert (delivery.customer, delivery.text, delivery.reference) == (run.customer, "We will.", said.id)
    journey = await run.journey_of(run.customer)
    assert {edge.node.subject.id for edge in journey} == {said.id}
    assert sorted(edge.node.direction for edge in journey) == [1, 2]
    told = await voices.call(pb.ReplyToFeedbackRequest(id=said.id, body="Told on the phone.", already_told=True))
    await run.delivered()
    assert not (await voices.of(said.id)).replies[-1].HasField("delivery_id")
    assert told.reply.body == "Told on the phone."
    code, _ = await refused(voices.call(pb.ReplyToFeedbackRequest(id=said.id, body=" ")))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


async def test_what_people_say_of_it_stays_and_a_stale_change_is_refused(voices: Voices) -> None:
    await voices.topic("app", en=["app"])
    await voices.topic("colour", en=["dark mode"])
    said = await voices.said("Please add a dark mode to the app.")
    assert (said.kind, list(said.topic_keys)) == (pb.FEEDBACK_KIND_WISH, ["app", "colour"])
    employee = Caller("ann", frozenset({"feedback:write"}), employee=voices.run.employee)
    request = pb.ClassifyFeedbackRequest(
        id=said.id, version=1, topics=pb.TopicKeys(keys=["colour"]), sentiment=0.5, kind=pb.FEEDBACK_KIND_EXPECTATION
    )
    done = (await voices.call(request, employee)).feedback
    assert (done.kind, list(done.topic_keys), done.sentiment) == (pb.FEEDBACK_KIND_EXPECTATION, ["colour"], 0.5)
    (by_whom,) = done.classifications
    assert (by_whom.by, list(by_whom.topics.keys)) == (voices.run.employee, ["colour"])
    # A machine that finds something else does not come through, also when all of it is looked through anew.
    await voices.topic("mode", en=["mode"])
    await voices.classified_anew()
    assert (await voices.of(said.id)).SerializeToString() == done.SerializeToString()
    for wrong, code in (
        (pb.ClassifyFeedbackRequest(id=said.id, version=1, sentiment=0), grpc.StatusCode.ABORTED),
        (pb.ClassifyFeedbackRequest(id=said.id), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.ClassifyFeedbackRequest(id=said.id, sentiment=2), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.ClassifyFeedbackRequest(id=said.id, topics=pb.TopicKeys(keys=["?"])), grpc.StatusCode.NOT_FOUND),
        (pb.ClassifyFeedbackRequest(id="fbk_00000000000000000000000000", sentiment=0), grpc.StatusCode.NOT_FOUND),
    ):
        assert (await refused(voices.call(wrong)))[0] == code, wrong
    assert await voices.of(said.id) == done


async def test_a_duplicate_counts_once_what_repeated_it_follows_and_each_sees_their_own(voices: Voices) -> None:
    first, second, third = [await voices.said(f"Please add a dark mode, {n}.") for n in range(3)]
    owner = voices.run.employee

    async def repeats(id: str, other: str, **fields: Any) -> pb.Feedback:
        status = pb.FEEDBACK_STATUS_DUPLICATE
        request = pb.SetFeedbackStatusRequest(id=id, status=status, duplicate_of_id=other, **fields)
        answer: pb.SetFeedbackStatusResponse = await voices.call(request)
        return answer.feedback

    await repeats(third.id, second.id)
    done = await repeats(second.id, first.id, owner_id=owner, note="the same wish")
    assert (done.duplicate_of_id, done.owner_id, done.steps[-1].note) == (first.id, owner, "the same wish")
    assert (await voices.of(third.id)).duplicate_of_id == first.id
    for id, other in ((first.id, third.id), (first.id, first.id)):
        code, details = await refused(repeats(id, other))
        assert (code, "in turn" in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    planned = pb.SetFeedbackStatusRequest(id=second.id, status=pb.FEEDBACK_STATUS_PLANNED)
    assert not (await voices.call(planned)).feedback.HasField("duplicate_of_id")
    assert (await voices.call(planned)).feedback.version == done.version + 1
    for wrong in (
        pb.SetFeedbackStatusRequest(id=first.id, status=pb.FEEDBACK_STATUS_DUPLICATE),
        pb.SetFeedbackStatusRequest(id=first.id, status=pb.FEEDBACK_STATUS_NEW, duplicate_of_id=third.id),
        pb.SetFeedbackStatusRequest(id=first.id),
    ):
        assert (await refused(voices.call(wrong)))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert await voices.listed(owner_id=owner, statuses=[pb.FEEDBACK_STATUS_PLANNED]) == [second.id]

    # Partners and owners see theirs alone.
    shop = await voices.said("The app crashes.", source="shop")
    fair = await voices.said("The hall is loud.", source="fair", owner_id=owner)
    own = Caller("ann", frozenset({"feedback:read:own", "feedback:write"}), employee=owner)
    assert await voices.listed(partner("shop")) == [shop.id]
    assert await voices.listed(own) == [fair.id, second.id]
    found = (await voices.call(pb.BatchGetFeedbackRequest(ids=[shop.id, fair.id]), partner("fair"))).answers
    assert [found[id].WhichOneof("answer") for id in (shop.id, fair.id)] == ["error", "value"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await voices.said("x", partner("fair"), source="shop")
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    code, _ = await refused(voices.call(pb.ClassifyFeedbackRequest(id=shop.id, sentiment=1), partner("fair")))
    assert code == grpc.StatusCode.NOT_FOUND
    for scopes in (frozenset({"enquiries:read"}), frozenset({"feedback:write"})):
        code, _ = await refused(voices.call(pb.ListFeedbackRequest(), Caller("b", scopes)))
        assert code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_customer_has_a_voice(voices: Voices) -> None:
    run = voices.run
    await voices.topic("app", en=["app"])
    mine: dict[str, Any] = {"customer_id": run.customer}
    wish = await voices.said("Please add a dark mode to the app.", **mine, received_at=AT)
    problem = await voices.said("The app crashes all the time.", **mine, received_at=AT + timedelta(hours=1))
    nps = signal_pb2.SURVEY_KIND_NPS
    for hours, value in ((1, 3), (3, 9), (2, 5)):
        at = AT + timedelta(hours=hours)
        await voices.said(score=pb.Score(kind=nps, value=value), **mine, received_at=at)
    gone = await voices.said("The app crashes when I pay.", **mine)
    await voices.call(pb.SetFeedbackStatusRequest(id=gone.id, status=pb.FEEDBACK_STATUS_COMPLETED))
    twice = await voices.said("App crashes!", **mine)
    duplicate = pb.FEEDBACK_STATUS_DUPLICATE
    await voices.call(pb.SetFeedbackStatusRequest(id=twice.id, status=duplicate, duplicate_of_id=problem.id))
    nobody = "cus_00000000000000000000000000"
    answer = await voices.call(pb.BatchGetVoicesRequest(customer_ids=[run.customer, nobody]))
    voice = answer.voices[run.customer]
    assert [[one.id for one in some] for some in (voice.wishes, voice.problems)] == [[wish.id], [problem.id]]
    assert [(one.score.kind, one.score.value) for one in voice.scores] == [(nps, 9)]
    assert [(one.key, one.mentions) for one in voice.topics] == [("app", 3)]
    assert answer.voices[nobody] == pb.Voice()


async def test_a_read_costs_two_commands_and_has_an_index(voices: Voices) -> None:
    run = voices.run
    await voices.topic("app", en=["app"])
    said = [await voices.said(f"The app crashes, {n}.", customer_id=run.customer, touchpoint_key="form") for n in "12"]
    commands = Commands(run.database)
    ids = [one.id for one in said]
    for request in (
        pb.BatchGetFeedbackRequest(ids=ids),
        pb.ListFeedbackRequest(),
        pb.ListFeedbackRequest(filter=pb.FeedbackFilter(kinds=[pb.FEEDBACK_KIND_PROBLEM], topic_keys=["app"])),
        pb.ListFeedbackRequest(filter=pb.FeedbackFilter(touchpoint_ids=[run.touchpoint], solicited=False)),
        pb.ListFeedbackRequest(filter=pb.FeedbackFilter(survey_id="srv_1")),
        pb.ListFeedbackRequest(filter=pb.FeedbackFilter(enquiry_id="enq_1")),
        pb.BatchListFeedbackRequest(customer_ids=[run.customer, "cus_1"]),
        pb.BatchGetVoicesRequest(customer_ids=[run.customer, "cus_1"]),
        topic_pb2.BatchGetTopicsRequest(ids=["top_1"]),
        topic_pb2.ListTopicsRequest(),
    ):
        with commands.recorded():
            await voices.call(request)
        assert len(commands.found) <= 2, request
        assert await commands.unindexed() == [], request
    with commands.recorded():
        await voices.said("The app crashes.", source="shop", external_id="r9")
        status = pb.FEEDBACK_STATUS_DUPLICATE
        await voices.call(pb.SetFeedbackStatusRequest(id=ids[0], status=status, duplicate_of_id=ids[1]))
        await voices.classified_anew()
    assert await commands.unindexed() == []


async def test_it_is_taken_while_customers_is_away_and_linked_when_it_is_back(voices: Voices) -> None:
    run = voices.run
    await run.stop_customers()
    said = await voices.said("The app crashes.", customer_external_id=C1, touchpoint_key="form", team_key="support")
    assert not said.HasField("customer_id")
    await run.start_customers()
    await run.delivered()
    linked = await voices.of(said.id)
    assert (linked.customer_id, linked.touchpoint_id) == (run.customer, run.touchpoint)
    assert linked.source_record_id
    assert linked.team_id
    assert [edge.node.subject.id for edge in await run.journey_of(run.customer)] == [said.id]
    moved = alias_pb2.Alias(id=linked.source_record_id, customer_id=OTHER, version=1)
    await run.aliases.MoveAliases(alias_pb2.MoveAliasesRequest(aliases=[moved]), timeout=10)
    assert (await voices.of(said.id)).customer_id == OTHER


async def test_what_was_said_within_an_enquiry_is_as_in_it_and_no_second_contact(voices: Voices) -> None:
    run = voices.run
    message = enquiry_pb2.NewMessage(body="It crashes. Please add a dark mode.")
    opening = enquiry_pb2.OpenEnquiryRequest(
        customer_id=run.customer, touchpoint_key="form", subject="It crashes", message=message, service="app"
    )
    enquiry = (await run.call(opening)).enquiry
    said = await voices.said("Please add a dark mode.", enquiry_id=enquiry.id)
    assert (said.customer_id, said.touchpoint_id, said.service) == (run.customer, run.touchpoint, "app")
    await run.delivered()
    assert [edge.node.subject.id for edge in await run.journey_of(run.customer)] == [enquiry.id]
    assert await voices.listed(enquiry_id=enquiry.id) == [said.id]
