"""Customers are asked with their consent, reminded a few times, and answer once; figures and their state follow."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import (
    consent_pb2,
    customer_pb2,
    interaction_pb2,
    segment_pb2,
    segment_pb2_grpc,
    state_pb2,
    touchpoint_pb2,
)
from rundblick.feedback.v1 import enquiry_pb2, feedback_pb2
from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.calls import error_of
from chassis.errors import DomainError
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.survey.conftest import CES, CSAT, NPS, Company


async def refused(work: Any) -> DomainError:
    """What the call says instead of an answer."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await work
    return error_of(caught.value)


async def engagement(company: Company, customer: str) -> str:
    request = state_pb2.BatchGetStatesRequest(customer_ids=[customer])
    state = (await company.call(request)).answers[customer].value
    return str(state.engagement)


async def test_an_invitation_goes_to_who_consented_and_its_answer_is_feedback_a_contact_and_a_score(
    company: Company,
) -> None:
    await company.call(
        touchpoint_pb2.CreateTouchpointRequest(
            key="after-sales",
            name="After sales",
            channel=touchpoint_pb2.CHANNEL_EMAIL,
            nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
            control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
        )
    )
    survey = await company.survey()
    glad, unhappy = await company.customer(1), await company.customer(2, locale="de-AT")
    unasked, unreached = await company.customer(3, consents=False), await company.customer(4, mail=False)
    asked = (glad, unhappy, unasked, unreached, "cus_00000000000000000000000000")
    done = await company.invite(survey, *asked, touchpoint_key="after-sales", idempotency_key="once")
    assert [one.customer_id for one in done.invitations] == [glad, unhappy], done.not_invited
    why = {
        one.customer_id: (pb.NotInvitedReason.Name(one.reason)[19:], one.permission.reason) for one in done.not_invited
    }
    assert why == {
        unasked: ("NOT_ALLOWED", consent_pb2.CONTACT_REASON_REVOKED),
        unreached: ("NO_ADDRESS", consent_pb2.CONTACT_REASON_UNSPECIFIED),
        asked[-1]: ("UNKNOWN", consent_pb2.CONTACT_REASON_UNSPECIFIED),
    }
    assert await company.invite(survey, *asked, touchpoint_key="after-sales", idempotency_key="once") == done
    quiet = await company.invite(await company.survey("another", CSAT), glad)
    assert [one.reason for one in quiet.not_invited] == [pb.NOT_INVITED_REASON_QUIET], "another survey is no excuse"

    await company.settle()
    assert sorted(company.mails.recipients) == ["c1@example.org", "c2@example.org"]
    german = company.mails.recipients.index("c2@example.org")
    assert "Würden Sie uns empfehlen?" in company.text(german)
    assert "Would you recommend us?" in company.text(1 - german)
    kept = await company.trio.databases["feedback"]["survey_invitations"].find_one({"customer": unhappy})
    assert company.token(german) not in str(kept), "tokens are kept as hashes"
    assert company.token(german) not in str(await company.trio.databases["customers"]["deliveries"].find({}).to_list(9))

    token = company.token(german)
    opened = await company.call(pb.OpenInvitationRequest(token=token))
    assert (opened.survey.id, opened.state) == (survey.id, pb.INVITATION_STATE_OPEN)
    assert (await refused(company.answer(token=token, score=11))).path == ("score",)
    assert (
        await company.answer(token=token, score=2, text="Nobody answers", version=1)
        == pb.SubmitSurveyResponseResponse()
    )
    assert (await refused(company.answer(token=token, score=9))).code == "CONFLICT"
    assert (await refused(company.answer(token=token + "x", score=9))).code == "NOT_FOUND"
    await company.settle()

    [said] = await company.feedback(unhappy)
    [contact] = [contact async for contact in contacts(company, unhappy, interaction_pb2.DIRECTION_INBOUND)]
    assert (said.kind, said.solicited, said.survey_id) == (feedback_pb2.FEEDBACK_KIND_RATING, True, survey.id)
    assert (said.score.kind, said.score.value, said.score.lowest, said.score.highest) == (NPS, 2, 0, 10)
    assert (said.text, said.touchpoint_id) == ("Nobody answers", contact.touchpoint_id)
    assert (contact.subject.id, contact.source_record_id) == (said.id, said.source_record_id)
    states = {customer: await engagement(company, customer) for customer in (glad, unhappy)}
    assert states == {glad: "NEW", unhappy: "AT_RISK"}, "two of ten: the shipped rules see a customer at risk"

    result, rate = await company.figure("nps", survey), await company.figure("survey_response_rate", survey)
    assert (result.n, result.value) == (1, -100)
    assert (rate.n, rate.value) == (2, 0.5)
    assert rate.interval.lower < 0.5 < rate.interval.upper
    report = await company.trio.verified()
    assert [part.examined for part in report.parts if part.name == "surveys"] == [2]
    assert report.differences == []


async def contacts(company: Company, customer: str, direction: Any) -> Any:
    request = interaction_pb2.BatchListInteractionsRequest(customer_ids=[customer])
    for edge in (await company.call(request)).pages[customer].edges:
        if edge.node.direction == direction:
            yield edge.node


async def test_who_does_not_answer_is_reminded_as_often_as_was_said_and_who_was_not_reached_does_not_count(
    company: Company,
) -> None:
    survey = await company.survey(reminders=pb.Reminders(most=1, after_days=3), days_open=10, quiet_days=20)
    silent, late, revoked = [await company.customer(number) for number in (1, 2, 3)]
    await company.invite(survey, silent, late, revoked)
    await company.consented(revoked, granted=False)
    await company.settle()
    assert len(company.mails.taken) == 2, "whether they may still be asked is asked when it is sent"
    await company.looked_after(hours=2)
    states = {one.customer_id: (one.state, one.why) for one in await company.invitations(survey)}
    assert states[revoked] == (pb.INVITATION_STATE_NOT_SENT, "REFUSED")
    assert (await company.figure("survey_response_rate", survey)).n == 2

    await company.looked_after(days=2)
    assert len(company.mails.taken) == 2, "too early"
    await company.looked_after(days=1)
    assert sorted(company.mails.recipients[2:]) == ["c1@example.org", "c2@example.org"]
    assert all(mail["Subject"].startswith("Reminder") for mail in company.mails.taken[2:])
    first = company.mails.recipients.index("c2@example.org")
    await company.answer(token=company.token(first), score=9)
    reminder = company.mails.recipients.index("c2@example.org", 2)
    used = await company.call(pb.OpenInvitationRequest(token=company.token(reminder)))
    assert used.state == pb.INVITATION_STATE_ANSWERED, "both links are of one invitation"

    await company.looked_after(days=4)
    assert len(company.mails.taken) == 4, "one reminder was said"
    token = company.token(company.mails.recipients.index("c1@example.org"))
    await company.looked_after(days=4)
    assert (await refused(company.answer(token=token, score=5))).code == "CONFLICT"
    ends = {one.customer_id: (one.state, one.reminders) for one in await company.invitations(survey)}
    assert ends[silent] == (pb.INVITATION_STATE_EXPIRED, 1)
    assert ends[late] == (pb.INVITATION_STATE_ANSWERED, 1)
    rate = await company.figure("survey_response_rate", survey)
    assert (rate.n, rate.value) == (2, 0.5)
    assert (await company.invite(survey, silent)).not_invited[0].reason == pb.NOT_INVITED_REASON_QUIET
    company.clock.ahead += timedelta(days=10)
    assert len((await company.invite(survey, silent)).invitations) == 1
    # Only a link to answer at: nothing else of a customer is in a mail.
    assert "c1" not in company.text(0)


async def test_answers_of_apps_keep_the_version_and_the_scale_and_figures_never_mix_scales(company: Company) -> None:
    usual, wide = (
        await company.survey("usual", CSAT),
        await company.survey("wide", CSAT, scale=pb.Scale(lowest=1, highest=7)),
    )
    effort = await company.survey("effort", CES)
    changed = pb.SurveyFields()
    changed.CopyFrom(usual.fields)
    changed.texts[0].question = "How satisfied are you?"
    second = (await company.call(pb.DefineSurveyRequest(fields=changed, version=1))).survey
    assert (second.version, [one.version for one in second.wordings]) == (2, [1, 2])
    people = [await company.customer(number) for number in range(4)]
    for customer, score, version in zip(people, (5, 4, 3, 1), (1, 2, 2, 2), strict=True):
        done = await company.answer(survey_id=usual.id, customer_id=customer, score=score, version=version)
        assert done.feedback.score.value == score
    external = customer_pb2.ExternalId(source="shop", id="c0")
    for survey, score in ((wide, 7), (effort, 6)):
        await company.answer(survey_id=survey.id, customer_external_id=external, score=score, source="shop")
    await company.settle()

    wordings = {one["customer"]: one["wording"] async for one in _invitations(company, usual)}
    assert [wordings[customer] for customer in people] == [1, 2, 2, 2]
    csat, of_scale = await company.figure("csat", usual), await company.figure("survey_score", wide)
    assert (csat.n, csat.value) == (4, 0.5), "top two boxes"
    assert csat.interval.lower < 0.5 < csat.interval.upper
    assert (of_scale.n, of_scale.value) == (1, 100)
    assert (await company.figure("csat", wide)).n == 0
    ces = await company.figure("ces", effort)
    assert (ces.n, ces.value) == (1, 6)
    assert not (await company.figure("nps", usual)).HasField("value")
    assert (await company.figure("survey_response_rate", usual)).n == 0, "nobody was invited"

    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"survey_id": usual.id, "customer_id": people[0], "score": 5.5}, "INVALID", "score"),
        ({"survey_id": usual.id, "customer_id": people[0], "score": 5, "version": 3}, "INVALID", "version"),
        ({"survey_id": usual.id, "score": 5}, "INVALID", "customer_id"),
        ({"survey_id": usual.id, "customer_id": "cus_0", "score": 5}, "INVALID", "customer"),
        ({"survey_id": "srv_0", "customer_id": people[0], "score": 5}, "NOT_FOUND", "survey_id"),
        ({"survey_id": usual.id, "token": "t", "score": 5}, "INVALID", "token"),
    ]
    before = await company.trio.databases["feedback"]["feedback"].count_documents({})
    for fields, code, path in wrong:
        error = await refused(company.answer(**fields))
        assert (error.code, error.path[0]) == (code, path)
    await company.call(pb.ArchiveSurveyRequest(id=usual.id, version=2))
    assert (await refused(company.answer(survey_id=usual.id, customer_id=people[0], score=5))).code == "CONFLICT"
    assert (await refused(company.invite(usual, people[0]))).code == "CONFLICT"
    assert await company.trio.databases["feedback"]["feedback"].count_documents({}) == before, "nothing was kept"

    shop = partner("shop")
    allowed = pb.SubmitSurveyResponseRequest(survey_id=effort.id, customer_id=people[1], score=5, source="shop")
    assert (await company.call(allowed, shop)).feedback.source == "shop"
    foreign = pb.SubmitSurveyResponseRequest(survey_id=effort.id, customer_id=people[1], score=5, source="fair")
    assert (await refused(company.call(foreign, shop))).code == "FORBIDDEN"
    assert (await refused(company.call(pb.ListSurveysRequest(), shop))).code == "FORBIDDEN"


async def _invitations(company: Company, survey: pb.Survey) -> Any:
    async for document in company.trio.databases["feedback"]["survey_invitations"].find({"survey": survey.id}):
        yield document


async def test_a_resolved_enquiry_invites_by_itself_and_a_merge_takes_invitations_along(company: Company) -> None:
    trigger = pb.SurveyTrigger(occasion=pb.SURVEY_OCCASION_RESOLVED, share=1.0)
    survey = await company.survey("service", CSAT, trigger=trigger, quiet_days=0)
    customer = await company.customer(1)
    opened = await company.call(enquiry_pb2.OpenEnquiryRequest(customer_id=customer, subject="Help"))
    await company.call(enquiry_pb2.ResolveEnquiryRequest(id=opened.enquiry.id))
    await company.settle()
    [invitation] = await company.invitations(survey)
    assert (invitation.customer_id, invitation.enquiry_id) == (customer, opened.enquiry.id)
    await company.call(enquiry_pb2.ReopenEnquiryRequest(id=opened.enquiry.id))
    await company.call(enquiry_pb2.ResolveEnquiryRequest(id=opened.enquiry.id))
    await company.settle()
    assert len(await company.invitations(survey)) == 1, "once after the same enquiry"

    into = await company.customer(2)
    await company.call(customer_pb2.MergeCustomersRequest(id=into, duplicate_ids=[customer]))
    await company.settle()
    [followed] = await company.invitations(survey)
    assert followed.customer_id == into
    await company.answer(token=company.token(0), score=5)
    await company.settle()
    [said] = await company.feedback(into)
    assert (said.customer_id, said.enquiry_id) == (into, opened.enquiry.id)
    assert (await company.trio.verified()).differences == []
    await company.trio.databases["feedback"]["survey_invitations"].update_one({}, {"$set": {"feedback": "fbk_0"}})
    found = [(one.what, one.id) for one in (await company.trio.verified()).differences]
    assert ("answer", followed.id) in found, "an answer that is not there is seen"


async def test_at_once_a_customer_is_invited_once_and_a_token_answers_once(company: Company) -> None:
    survey, customer = await company.survey(), await company.customer(1)
    both = await asyncio.gather(company.invite(survey, customer), company.invite(survey, customer))
    assert sorted(len(one.invitations) for one in both) == [0, 1]
    await company.settle()
    answers = [company.answer(token=company.token(0), score=score) for score in (3, 9)]
    done = await asyncio.gather(*answers, return_exceptions=True)
    [late] = [error_of(one) for one in done if isinstance(one, grpc.aio.AioRpcError)]
    assert late.code == "CONFLICT"
    assert len(await company.feedback(customer)) == 1


async def test_a_segment_is_invited_whole_and_every_question_has_an_index(company: Company) -> None:
    segments = segment_pb2_grpc.SegmentServiceStub(company.trio.channels["customers"])
    fields = segment_pb2.SegmentFields(key="regulars", name="Regulars")
    segment = (await segments.DefineSegment(segment_pb2.DefineSegmentRequest(fields=fields), timeout=10)).segment
    people = [await company.customer(number) for number in range(3)]
    await segments.AddToSegment(segment_pb2.AddToSegmentRequest(segment_id=segment.id, customer_ids=people), timeout=10)
    survey = await company.survey()
    commands = Commands(company.trio.databases["feedback"])
    with commands.recorded():
        done = await company.call(pb.InviteToSurveyRequest(survey_id=survey.id, segment_id=segment.id))
    assert {one.customer_id for one in done.invitations} == set(people)
    assert await commands.unindexed() == []
    unknown = pb.InviteToSurveyRequest(survey_id=survey.id, segment_id="seg_0")
    assert (await refused(company.call(unknown))).code == "NOT_FOUND"
    await company.settle()
    reads: list[tuple[Any, int]] = [
        (pb.BatchGetSurveysRequest(ids=[survey.id, "srv_0"]), 1),
        (pb.ListSurveysRequest(active=True), 1),
        (pb.ListSurveysRequest(), 1),
        (pb.BatchListInvitationsRequest(survey_ids=[survey.id]), 1),
        (pb.BatchListInvitationsRequest(survey_ids=[survey.id], state=pb.INVITATION_STATE_OPEN), 1),
        (pb.OpenInvitationRequest(token=company.token(0)), 2),
    ]
    for request, most in reads:
        with commands.recorded():
            await company.call(request)
        assert len(commands.found) <= most, request
        assert await commands.unindexed() == [], request
    with commands.recorded():
        await company.answer(survey_id=survey.id, customer_id=people[0], score=9)
        await company.looked_after(hours=2)
    assert await commands.unindexed() == []
