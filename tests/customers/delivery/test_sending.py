"""What is queued is sent once, to whom allowed it at that moment, by a real mail server; what becomes of it is told."""

import asyncio
import re
from datetime import timedelta
from typing import Any

from rundblick.customers.v1 import consent_pb2, customer_pb2, delivery_pb2, interaction_pb2, touchpoint_pb2
from rundblick.shared.v1 import verification_pb2

from chassis.background import working
from chassis.caller import Caller, service_caller
from chassis.times import to_timestamp
from services.customers.delivery.domain import MAX_ATTEMPTS
from services.customers.delivery.sending import CLAIM
from services.customers.touchpoint.domain import Channel
from services.customers.wiring import CustomersService
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY
from tests.customers.customer.test_merges import created
from tests.customers.delivery.conftest import Company

EMAIL, SMS = touchpoint_pb2.CHANNEL_EMAIL, touchpoint_pb2.CHANNEL_SMS
MARKETING = consent_pb2.CONSENT_PURPOSE_MARKETING
SERVICE = consent_pb2.CONSENT_PURPOSE_SERVICE


def mail(*addresses: str) -> customer_pb2.StringList:
    return customer_pb2.StringList(values=addresses)


async def customer(company: Company, number: int = 1, **fields: Any) -> str:
    made = await created(company.running, number, emails=mail(f"c{number}@example.org"), **fields)
    return made.id


async def journey(company: Company, id: str) -> list[interaction_pb2.Interaction]:
    found = (await company.call(interaction_pb2.BatchListInteractionsRequest(customer_ids=[id]))).pages[id]
    return [edge.node for edge in found.edges]


async def test_marketing_goes_to_who_consented_once_and_becomes_a_contact_of_the_journey(company: Company) -> None:
    one = await customer(company)
    await company.consented(one)
    queued = await company.send(
        one,
        purpose=MARKETING,
        subject="Grüße",
        text="Read this. {{unsubscribe}}",
        html="<a href='{{unsubscribe}}'>no more</a>",
        source="shop",
        external_id="n1",
        language="de",
    )
    assert queued.state == delivery_pb2.DELIVERY_STATE_QUEUED
    again = await company.send(one, text="Another text", source="shop", external_id="n1")
    assert (again.id, again.text) == (queued.id, queued.text), "known by its source and external id"

    assert await company.sent() == 1
    assert await company.sent() == 0
    [taken] = company.mails.taken
    assert company.mails.recipients == ["c1@example.org"]
    assert taken["Message-ID"] == f"<{queued.id}@company.example>"
    assert (taken["From"], taken["Reply-To"]) == ("Company <news@company.example>", "help@company.example")
    assert (taken["Subject"], taken["Auto-Submitted"]) == ("Grüße", "auto-generated")
    assert taken["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [token] = re.findall(r"<https://company\.example/unsubscribe/([\w-]{43})>", taken["List-Unsubscribe"])
    text, html = taken.get_body(("plain",)), taken.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == f"Read this. https://company.example/unsubscribe/{token}"
    assert token in html.get_content()

    found = await company.call(delivery_pb2.BatchGetDeliveriesRequest(source="shop", external_ids=["n1", "n2"]))
    known = found.answers_by_external_id["n1"].value
    assert (known.state, known.HasField("sent_at")) == (delivery_pb2.DELIVERY_STATE_SENT, True)
    assert "{{unsubscribe}}" in known.text, "no token is shown"
    assert found.answers_by_external_id["n2"].error.code == "NOT_FOUND"
    kept = await company.database["deliveries"].find_one({"_id": queued.id})
    assert kept is not None
    assert kept["tokens"] == {}, "forgotten once it was sent"
    [contact] = await journey(company, one)
    assert (contact.direction, contact.kind) == (
        interaction_pb2.DIRECTION_OUTBOUND,
        interaction_pb2.INTERACTION_KIND_CAMPAIGN,
    )
    assert (contact.summary, contact.source, contact.purpose) == ("Grüße", "shop", MARKETING)
    assert not contact.HasField("violation")
    place = await company.database["touchpoints"].find_one({"_id": contact.touchpoint_id})
    assert place is not None
    assert place["channel"] == "EMAIL"

    for _ in range(2):
        await company.call(delivery_pb2.UnsubscribeRequest(token=token), Caller("g", frozenset({"*"})))
    asked = consent_pb2.BatchGetContactPermissionsRequest(customer_ids=[one], channel=EMAIL, purpose=MARKETING)
    permission = (await company.call(asked)).answers[one].value
    assert permission.reason == consent_pb2.CONTACT_REASON_REVOKED
    assert await company.database["consent_entries"].count_documents({"status": "REVOKED"}) == 1, "once is enough"
    assert (await company.running.fault(delivery_pb2.UnsubscribeRequest(token="t" * 43))).code == "NOT_FOUND"


async def test_what_is_not_allowed_at_the_moment_of_sending_is_refused_and_nothing_is_sent(company: Company) -> None:
    one, two = await customer(company, 1), await customer(company, 2)
    await company.consented(one, address="c1@example.org")
    elsewhere = await company.send(one, purpose=MARKETING, address="other@example.org")
    assert await company.sent() == 1
    queued = await company.send(one, purpose=MARKETING)
    never = await company.send(two, purpose=MARKETING)
    answer = await company.send(two, address="asked@example.org", text="As you asked", subject="Re: Question")
    bare = await company.send(None, address="nobody@example.org")
    await company.consented(one, granted=False)
    assert await company.sent() == 4
    reasons = {id: (await company.get(id)).refusal.reason for id in (queued.id, elsewhere.id, never.id)}
    assert reasons == {
        queued.id: consent_pb2.CONTACT_REASON_REVOKED,
        elsewhere.id: consent_pb2.CONTACT_REASON_NO_CONSENT,
        never.id: consent_pb2.CONTACT_REASON_NO_CONSENT,
    }
    assert sorted(company.mails.recipients) == ["asked@example.org", "nobody@example.org"]
    assert {(await company.state(one.id))[0] for one in (answer, bare)} == {"SENT"}
    assert "List-Unsubscribe" not in company.mails.taken[0]
    assert await journey(company, one) == await journey(company, two) == [], "answers are in the journey already"

    await company.consented(two)
    retried = (await company.call(delivery_pb2.RetryDeliveryRequest(id=never.id))).delivery
    assert retried.state == delivery_pb2.DELIVERY_STATE_QUEUED
    assert await company.sent() == 1
    assert (await company.state(never.id))[0] == "SENT"
    for id, code in ((never.id, "CONFLICT"), (f"dlv_{NOBODY}", "NOT_FOUND")):
        assert (await company.running.fault(delivery_pb2.RetryDeliveryRequest(id=id))).code == code


async def test_a_server_that_says_later_is_tried_again_and_one_that_says_never_is_not(company: Company) -> None:
    one = await customer(company)
    queued = await company.send(one, purpose=SERVICE)
    company.mails.at_rcpt = ["451 4.7.1 c1@example.org come back later"]
    company.mails.at_data = ["452 4.3.1 no room"]
    assert await company.sent() == 1
    assert await company.state(queued.id) == ("QUEUED", 1, "SMTP 451 at RCPT"), "without what the server says of whom"
    assert await company.sent() == 0, "not at once"
    company.clock.ahead += timedelta(seconds=31)
    assert await company.sent() == 1
    assert await company.state(queued.id) == ("QUEUED", 2, "SMTP 452 at DATA")
    company.clock.ahead += timedelta(seconds=61)
    assert await company.sent() == 1
    assert await company.state(queued.id) == ("SENT", 2, "")
    assert len(company.mails.taken) == 1

    came_back = delivery_pb2.RecordBounceRequest(message_id=company.mails.taken[0]["Message-ID"])
    assert [(await company.call(came_back)).delivery.state for _ in range(2)] == [
        delivery_pb2.DELIVERY_STATE_BOUNCED
    ] * 2
    company.mails.at_rcpt = ["550 5.1.1 no such user"]
    gone = await company.send(one, purpose=SERVICE)
    assert await company.sent() == 1
    assert await company.state(gone.id) == ("BOUNCED", 0, "SMTP 550 at RCPT")

    hopeless = await company.send(one, purpose=SERVICE)
    company.mails.at_rcpt = ["451 later"] * MAX_ATTEMPTS
    for _ in range(MAX_ATTEMPTS):
        await company.sent()
        company.clock.ahead += timedelta(hours=1)
    assert await company.state(hopeless.id) == ("FAILED", MAX_ATTEMPTS, "SMTP 451 at RCPT")
    listed = await company.call(delivery_pb2.ListDeliveriesRequest(state=delivery_pb2.DELIVERY_STATE_FAILED))
    [edge] = listed.page.edges
    assert (edge.node.id, edge.node.text, edge.node.subject) == (hopeless.id, "", ""), "for who sees no customer"


async def test_what_was_said_is_forgotten_some_time_after_nothing_more_becomes_of_it(
    company: Company, commands: Commands
) -> None:
    one = await customer(company)
    bounced, failed, sent = [await company.send(one, purpose=SERVICE, html="<p>Hello</p>") for _ in range(3)]
    company.mails.at_rcpt = ["550 no such user"]
    assert await company.sent() == 3
    await company.database["deliveries"].update_one({"_id": failed.id}, {"$set": {"state": "FAILED"}})
    waiting = await company.send(one, channel=SMS, address="+4930123456", subject=None)
    forgetting = company.service.delivering.forgetting
    assert not await forgetting.step()
    assert (await company.get(sent.id)).text == "Hello", "not yet"
    company.clock.ahead += company.outside.texts_kept + timedelta(hours=1)
    with commands.recorded():
        assert not await forgetting.step()
    assert await commands.unindexed() == []
    for id in (bounced.id, failed.id, sent.id):
        found = await company.get(id)
        assert (found.text, found.subject, found.html, found.customer_id) == ("", "", "", one)
    assert [(await company.state(one.id))[0] for one in (bounced, failed, sent)] == ["BOUNCED", "FAILED", "SENT"]
    assert (await company.get(waiting.id)).text == "Hello"
    fault = await company.running.fault(delivery_pb2.RetryDeliveryRequest(id=failed.id))
    assert (fault.code, "queue it anew" in fault.message) == ("CONFLICT", True)


async def test_who_is_killed_while_sending_leaves_it_to_others_under_the_same_message_id(company: Company) -> None:
    one = await customer(company)
    queued = await company.send(one, purpose=SERVICE)
    deliveries, caller = company.service.delivering.deliveries, service_caller("customers")
    now = company.clock()
    claimed = await deliveries.claim(caller, [Channel.EMAIL], now, now + CLAIM)
    assert claimed is not None
    assert await deliveries.claim(caller, [Channel.EMAIL], now, now + CLAIM) is None, "it has it alone"
    assert await company.sent() == 0
    company.clock.ahead += CLAIM + timedelta(seconds=1)
    assert await company.sent() == 1
    assert company.mails.taken[0]["Message-ID"] == f"<{queued.id}@company.example>"
    late = claimed.failed("it took too long")
    assert not await deliveries.settle(caller, claimed, late), "what comes too late says nothing"
    assert (await company.state(queued.id))[0] == "SENT"


async def test_two_replicas_send_each_of_many_once(company: Company) -> None:
    one = await customer(company)
    await company.consented(one)
    another = CustomersService(company.database, company.clock, outside=company.outside)
    async with working(*company.service.delivering.loops(), *another.delivering.loops()):
        queued = [await company.send(one, purpose=MARKETING) for _ in range(20)]
        async with asyncio.timeout(60):
            while len(company.mails.taken) < len(queued):
                await company.mails.arrived.wait()
                company.mails.arrived.clear()
            while await company.database["deliveries"].count_documents({"state": "SENT"}) < len(queued):
                pass
    ids = [f"<{each.id}@company.example>" for each in queued]
    assert sorted(mail["Message-ID"] for mail in company.mails.taken) == sorted(ids)
    contacts = await journey(company, one)
    assert len(contacts) == len(queued)
    assert len({contact.touchpoint_id for contact in contacts}) == 1
    assert await company.database["touchpoints"].count_documents({}) == 1


async def test_a_server_that_is_away_costs_no_attempt_and_what_expires_is_given_up(company: Company) -> None:
    one = await customer(company)
    soon = to_timestamp(company.clock() + timedelta(hours=1))
    queued = await company.send(one, purpose=SERVICE)
    expiring = await company.send(one, purpose=SERVICE, expires_at=soon)
    waiting = await company.send(one, channel=SMS, address="+4930123456", expires_at=soon)
    await company.mails.close()
    assert await company.sent() == 1, "nobody knocks at once again"
    assert await company.state(queued.id) == ("QUEUED", 0, "")
    await company.mails.listen()
    company.clock.ahead += timedelta(hours=2)
    await company.service.delivering.sending.look()
    [(age, _)] = company.service.delivering.sending.age()
    assert timedelta(hours=2) <= timedelta(seconds=age) < timedelta(hours=3), "so operators see it"
    assert await company.sent() == 1
    assert [(await company.state(one.id))[0] for one in (queued, expiring, waiting)] == ["SENT", "FAILED", "FAILED"]
    assert len(company.mails.taken) == 1


async def test_bad_input_is_told_with_its_field_and_changes_nothing(company: Company) -> None:
    one = await customer(company)
    good: dict[str, Any] = {"customer_id": one, "channel": EMAIL, "subject": "News", "text": "Hello"}
    external = customer_pb2.ExternalId(source="crm", id="nobody")
    later = to_timestamp(company.clock() + timedelta(days=31))
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"channel": 0}, "channel"),
        ({"channel": touchpoint_pb2.CHANNEL_BROADCAST}, "channel"),
        ({"subject": "News\r\nBcc: victim@example.org"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"text": ""}, "text"),
        ({"address": "a@example.org\nBcc: b@example.org"}, "address"),
        ({"language": "German!"}, "language"),
        ({"expires_at": later}, "expires_at"),
        ({"external_id": ""}, "external_id"),
        ({"customer_id": f"cus_{NOBODY}"}, "customer_id"),
        ({"customer_external_id": external}, "customer_id"),
    ]
    deliveries = [delivery_pb2.NewDelivery(**{**good, **fields}) for fields, _ in wrong]
    del good["customer_id"]
    deliveries += [
        delivery_pb2.NewDelivery(**good),
        delivery_pb2.NewDelivery(**good, customer_external_id=external),
        delivery_pb2.NewDelivery(**good, address="a@example.org", purpose=MARKETING),
    ]
    answers = (await company.call(delivery_pb2.SendDeliveriesRequest(deliveries=deliveries))).answers
    fields = [*(field for _, field in wrong), "customer_id", "customer_external_id", "purpose"]
    assert [list(answer.error.path) for answer in answers] == [[field] for field in fields]
    assert await company.database["deliveries"].count_documents({}) == 0
    for request in (delivery_pb2.ListDeliveriesRequest(), delivery_pb2.RecordBounceRequest(message_id="<x@y>")):
        assert (await company.running.fault(request)).code in ("INVALID", "NOT_FOUND")


async def test_merges_take_deliveries_along_and_reads_cost_two_commands_with_an_index(
    company: Company, commands: Commands
) -> None:
    one, two = await customer(company, 1), await customer(company, 2)
    await company.consented(one)
    await company.consented(two, granted=False)
    queued = await company.send(one, purpose=MARKETING)
    first = await company.send(two, purpose=SERVICE)
    await company.call(customer_pb2.MergeCustomersRequest(id=two, duplicate_ids=[one]))
    check = verification_pb2.CheckBatchRequest(part="deliveries", size=100)
    wrong = (await company.call(check)).differences
    assert [difference.id for difference in wrong] == [queued.id]
    await company.sent()
    assert (await company.state(queued.id))[0] == "REFUSED", "a refusal holds for all, before anybody was told"
    await company.service._journeys.follow(service_caller("customers"), [queued.source_record_id])
    assert not (await company.call(check)).differences

    with commands.recorded():
        page = (await company.call(delivery_pb2.BatchListDeliveriesRequest(customer_ids=[one, two]))).pages
    assert [edge.node.id for edge in page[two].edges] == [first.id, queued.id]
    assert page[one].edges == page[two].edges, "a former id answers the present customer"
    assert len(commands.found) <= 2
    assert await commands.unindexed() == []
    for request in (
        delivery_pb2.BatchGetDeliveriesRequest(ids=[first.id]),
        delivery_pb2.BatchGetDeliveriesRequest(source="shop", external_ids=["x"]),
        delivery_pb2.ListDeliveriesRequest(state=delivery_pb2.DELIVERY_STATE_SENT),
    ):
        with commands.recorded():
            await company.call(request)
        assert 0 < len(commands.found) <= 2
        assert await commands.unindexed() == []


async def test_double_opt_in_is_asked_for_by_mail_and_its_token_is_told_to_nobody(company: Company) -> None:
    one = await customer(company, locale="de-AT")
    statement = consent_pb2.ConsentStatement(
        customer_id=one, channel=EMAIL, purpose=MARKETING, address="c1@example.org"
    )
    asked = await company.call(consent_pb2.RecordConsentRequest(statement=statement, double_opt_in=True))
    assert not asked.HasField("token")
    page = (await company.call(delivery_pb2.BatchListDeliveriesRequest(customer_ids=[one]))).pages[one]
    [waiting] = [edge.node for edge in page.edges]
    assert (waiting.reference, waiting.HasField("purpose")) == (asked.entry.id, False)
    assert "{{confirm}}" in waiting.text
    assert await company.sent() == 1
    [taken] = company.mails.taken
    assert taken["Subject"] == "Bitte bestätigen Sie Ihre Einwilligung"
    body = taken.get_body(("plain",))
    assert body is not None
    [token] = re.findall(r"https://company\.example/consent/([\w-]{43})", body.get_content())
    assert "List-Unsubscribe" not in taken
    confirmed = await company.call(consent_pb2.ConfirmConsentRequest(token=token))
    assert (confirmed.entry.confirms_id, confirmed.entry.status) == (
        asked.entry.id,
        consent_pb2.CONSENT_STATUS_GRANTED,
    )

    shop = partner("shop")
    theirs = (await created(company.running, 2, source="shop", emails=mail("c2@example.org"))).id
    statement = consent_pb2.ConsentStatement(
        customer_id=theirs, channel=EMAIL, purpose=MARKETING, address="c2@example.org", source="shop"
    )
    asked = await company.call(consent_pb2.RecordConsentRequest(statement=statement, double_opt_in=True), shop)
    assert not asked.HasField("token"), "nor to a partner"
    listed = delivery_pb2.BatchListDeliveriesRequest(customer_ids=[one, theirs])
    pages = (await company.call(listed, shop)).pages
    assert [len(pages[id].edges) for id in (one, theirs)] == [0, 1]
    assert await company.sent() == 1

    by_phone = consent_pb2.ConsentStatement(customer_id=one, channel=SMS, purpose=MARKETING, address="+4930123456")
    told = await company.call(consent_pb2.RecordConsentRequest(statement=by_phone, double_opt_in=True))
    assert told.HasField("token"), "nobody here carries short messages"
