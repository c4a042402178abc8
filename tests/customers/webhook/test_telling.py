"""Systems of the company are told what happens: signed, by ids alone, each once, again until they take it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from rundblick.customers.v1 import customer_pb2, webhook_pb2
from standardwebhooks import Webhook

from chassis.caller import Caller
from chassis.relay import Relay
from chassis.times import to_timestamp, utc_now
from services.customers.stream.outgoing import STREAM
from services.customers.webhook.notification import MAX_ATTEMPTS, Event
from services.customers.webhook.outgoing import HAPPENINGS
from tests.commands import Commands
from tests.customers.customer.test_merges import created
from tests.customers.delivery.conftest import Company
from tests.customers.webhook.test_carrying import Gateway, running_gateway

ALL = [number for number in webhook_pb2.WebhookEvent.values() if number]
DOCS = Path(__file__).parents[3] / "docs" / "webhooks.md"


async def wanting(company: Company, url: str, *events: Any) -> webhook_pb2.CreateWebhookEndpointResponse:
    request = webhook_pb2.CreateWebhookEndpointRequest(url=url, events=events or ALL)
    answer: webhook_pb2.CreateWebhookEndpointResponse = await company.call(request)
    return answer


async def relayed(company: Company) -> None:
    """What was said in the outbox becomes notifications."""
    service = company.service
    ends: dict[str, Callable[..., Any]] = {
        STREAM: service._numbering.deliver,
        HAPPENINGS: service.delivering.notifying.deliver,
    }
    for name, deliver in ends.items():
        relay = Relay(service._outbox, name, deliver, holder="test")
        while await relay.deliver_once():
            pass


async def told(company: Company) -> int:
    """Tell all that is due; how many attempts that took."""
    count = 0
    while await company.service.delivering.telling.tell_once():
        count += 1
    return count


async def in_state(company: Company, state: str, **asked: Any) -> list[webhook_pb2.WebhookNotification]:
    number = webhook_pb2.WebhookNotificationState.Value(f"WEBHOOK_NOTIFICATION_STATE_{state}")
    request = webhook_pb2.ListWebhookNotificationsRequest(state=number, **asked)
    return [edge.node for edge in (await company.call(request)).edges]


def bodies(gateway: Gateway) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in gateway.got]


def happening(id: str, event: Any = webhook_pb2.WEBHOOK_EVENT_ENQUIRY_OPENED) -> webhook_pb2.RecordHappeningsRequest:
    said = webhook_pb2.Happening(id=id, event=event, subject_id="enq_1", at=to_timestamp(utc_now()), version=3)
    return webhook_pb2.RecordHappeningsRequest(happenings=[said])


async def test_an_endpoint_is_told_of_what_it_wants_and_of_nothing_else(company: Company) -> None:
    async with running_gateway() as gateway:
        await wanting(
            company, gateway.url, webhook_pb2.WEBHOOK_EVENT_CUSTOMER_MERGED, webhook_pb2.WEBHOOK_EVENT_CONSENT_CHANGED
        )
        one, other = [(await created(company.running, number)).id for number in (1, 2)]
        await company.consented(one)
        await company.call(customer_pb2.MergeCustomersRequest(id=one, duplicate_ids=[other]))
        await company.call(happening("h1"))
        await relayed(company)
        assert await told(company) == 2
        said = sorted(bodies(gateway), key=lambda body: body["data"]["sequence"])
        assert [body["type"] for body in said] == ["consent.changed", "customer.merged"]
        assert [body["data"]["sequence"] for body in said] == [1, 2]
        assert said[1]["data"] == {"id": one, "sequence": 2, "version": said[1]["data"]["version"], "formers": [other]}
        assert said[0]["data"] == {"id": one, "sequence": 1}


async def test_a_change_of_a_customer_is_told_without_a_word_of_it(company: Company) -> None:
    async with running_gateway() as gateway:
        endpoint = await wanting(company, gateway.url, webhook_pb2.WEBHOOK_EVENT_CUSTOMER_CHANGED)
        one = (await created(company.running, 1)).id
        fields = customer_pb2.CustomerFields(family_name="Secret")
        await company.call(customer_pb2.UpdateCustomerRequest(id=one, fields=fields))
        await relayed(company)
        await told(company)
        assert {body["data"]["id"] for body in bodies(gateway)} == {one}
        assert all("Secret" not in body.decode() for _, body in gateway.got)
        headers, body = gateway.got[0]
        assert Webhook(endpoint.secret).verify(body, headers)["type"] == "customer.changed"


async def test_what_is_said_again_is_told_once_and_what_is_not_taken_is_told_again(company: Company) -> None:
    async with running_gateway() as gateway:
        await wanting(company, gateway.url)
        for _ in range(2):
            await company.call(happening("h1"))
        gateway.answers = ["500 Broken", "302 Elsewhere\r\nlocation: http://127.0.0.1:1/"]
        for attempt in (1, 2):
            assert await told(company) == 1
            [waiting] = await in_state(company, "QUEUED")
            assert waiting.attempts == attempt
            company.clock.ahead += timedelta(minutes=2)
        assert await told(company) == 1
        [sent] = await in_state(company, "SENT")
        assert [headers["webhook-id"] for headers, _ in gateway.got] == [sent.id] * 3
        assert (sent.happening.subject_id, sent.sequence, sent.attempts) == ("enq_1", 1, 2)
        # Whoever looks after the endpoint may ask for it once more.
        again = webhook_pb2.RedeliverWebhookNotificationRequest(id=sent.id)
        assert (await company.call(again)).notification.state == webhook_pb2.WEBHOOK_NOTIFICATION_STATE_QUEUED
        assert (await company.running.fault(again)).code == "CONFLICT"
        await told(company)
        assert gateway.got[-1][0]["webhook-id"] == sent.id


async def test_what_is_never_taken_is_given_up_and_listed_and_can_be_told_again(company: Company) -> None:
    async with running_gateway() as gateway, running_gateway() as healthy:
        endpoint = (await wanting(company, gateway.url)).endpoint
        await wanting(company, healthy.url)
        await company.call(happening("h1"))
        gateway.answers = ["503 Busy"] * MAX_ATTEMPTS
        for _ in range(MAX_ATTEMPTS):
            await told(company)
            company.clock.ahead += timedelta(hours=1)
        # One that does not take it holds up no other.
        assert len(healthy.got) == 1
        [failed] = await in_state(company, "FAILED", endpoint_id=endpoint.id)
        assert (failed.attempts, failed.last_error) == (MAX_ATTEMPTS, "HTTP 503")
        await company.call(webhook_pb2.RedeliverWebhookNotificationRequest(id=failed.id))
        await told(company)
        assert len(gateway.got) == MAX_ATTEMPTS + 1
        assert await in_state(company, "FAILED") == []
        # A partner sees none of it.
        partner = Caller("partner", frozenset({"*"}), sources=frozenset({"shop"}))
        sent = webhook_pb2.WEBHOOK_NOTIFICATION_STATE_SENT
        refused = await company.running.refused(webhook_pb2.ListWebhookNotificationsRequest(state=sent), partner)
        assert "webhooks:admin" in refused[1]


async def test_an_endpoint_that_is_gone_or_away_ends_or_waits(company: Company) -> None:
    async with running_gateway() as gateway:
        endpoint = (await wanting(company, gateway.url)).endpoint
        for id in ("h1", "h2"):
            await company.call(happening(id))
        gateway.answers = ["410 Gone"]
        await told(company)
        assert [one.last_error for one in await in_state(company, "FAILED")] == [
            "the endpoint is gone",
            "the endpoint is archived",
        ]
        [first, _] = await in_state(company, "FAILED")
        again = webhook_pb2.RedeliverWebhookNotificationRequest(id=first.id)
        assert (await company.running.fault(again)).message == f"{endpoint.id} is archived"
        url = gateway.url
    await wanting(company, url)
    await company.call(happening("h3"))
    # Nobody is there: it is left alone for a while.
    assert await told(company) == 1
    assert await told(company) == 0
    assert len(await in_state(company, "QUEUED")) == 1


async def test_what_is_told_costs_no_search_through_everything(company: Company) -> None:
    await wanting(company, "http://127.0.0.1:1/x")
    commands = Commands(company.database)
    with commands.recorded():
        await company.call(happening("h1"))
        await in_state(company, "FAILED")
        await in_state(company, "QUEUED", endpoint_id="whe_1")
        await told(company)
    assert await commands.unindexed() == []


async def test_endpoints_that_carry_nothing_do_not_get_in_each_others_way(company: Company) -> None:
    await wanting(company, "http://127.0.0.1:1/a")
    await wanting(company, "http://127.0.0.1:1/b")
    nothing = webhook_pb2.CreateWebhookEndpointRequest(url="http://127.0.0.1:1/c")
    assert (await company.running.fault(nothing)).path == ("channels",)
    unknown = webhook_pb2.CreateWebhookEndpointRequest(url="http://127.0.0.1:1/c", events=[99])  # type: ignore[list-item]  # what a newer client may send
    assert (await company.running.fault(unknown)).path == ("events", "0")


def test_the_catalogue_lists_what_there_is() -> None:
    told = DOCS.read_text().partition("## What your systems tell")[0]
    rows = [line.split("|")[1].strip(" `") for line in told.splitlines() if line.startswith("| `")]
    assert [row for row in rows if "." in row and row in {event.value for event in Event}] == [e.value for e in Event]
