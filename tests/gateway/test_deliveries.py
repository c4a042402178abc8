"""What goes out to customers, as frontend teams, operators and the customers themselves meet it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import utc_now
from cli.__main__ import app
from gateway.app import Gateway
from gateway.settings import GatewaySettings
from services.customers.delivering import Outside
from services.customers.delivery.smtp import Server, Smtp, mailbox
from services.customers.webhook.notification import Event, Happening
from services.customers.wiring import CustomersService
from tests import tokens
from tests.conftest import free_port
from tests.customers.delivery.mailserver import MailServer, running_mail_server
from tests.customers.webhook.test_carrying import running_gateway
from tests.gateway.conftest import _listening

PUBLIC_URL = "https://company.example"
WHOLE = """id state attempts lastError refusal { code text } channel address purpose subject text html language
  reference queuedAt expiresAt sentAt source externalId customer { id displayName }"""


@dataclass
class House:
    client: httpx.AsyncClient
    service: CustomersService
    mails: MailServer

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        headers = {"accept-language": "de"}
        response = await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def made(self, name: str, selected: str, /, **input: Any) -> Any:
        type = name[0].upper() + name[1:]
        query = f"mutation($i: {type}Input!) {{ {name}(input: $i) {{ {selected} userErrors {{ code path }} }} }}"
        return (await self.data(query, i=input))[name]

    async def sent(self) -> None:
        while await self.service.delivering.sending.send_once():
            pass

    async def ran(self, *arguments: str) -> str:
        """What `rundblick deliveries` says."""
        told = [*arguments, "--endpoint", str(self.client.base_url).rstrip("/")]
        # In a thread: the command has an event loop of its own.
        result = await asyncio.to_thread(CliRunner(env={"COLUMNS": "250"}).invoke, app, ["deliveries", *told])
        return f"{result.exit_code} {result.output}"

    def link(self, number: int) -> str:
        """The path of the one link in a mail."""
        body = self.mails.taken[number].get_body(("plain",))
        assert body is not None
        [link] = re.findall(rf"{PUBLIC_URL}(/\w+/[\w-]+)", body.get_content())
        return str(link)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        mails = await stack.enter_async_context(running_mail_server())
        smtp = Smtp(Server.of(f"smtp://127.0.0.1:{mails.port}"), mailbox("news@company.example"))
        service = CustomersService(database, outside=Outside(smtp, PUBLIC_URL))
        await service.ready.ensure_indexes()
        serving = running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
        )
        port = (await stack.enter_async_context(serving)).port
        settings = GatewaySettings(
            **tokens.SETTINGS,
            customers_address=f"127.0.0.1:{port}",
            feedback_address=f"127.0.0.1:{free_port()}",
            metrics_address=f"127.0.0.1:{free_port()}",
            public_url=PUBLIC_URL,
        )
        http = await stack.enter_async_context(_listening(Gateway(settings)))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}", timeout=30))
        yield House(client, service, mails)


async def test_a_customer_confirms_gets_what_they_confirmed_and_ends_it(house: House) -> None:
    customer = {"kind": "PERSON", "displayName": "Ada", "emails": ["ada@example.org"], "locale": "de"}
    ada = (await house.made("createCustomer", "customer { id }", **customer))["customer"]["id"]
    consent = {"customer": ada, "channel": "EMAIL", "purpose": "MARKETING", "address": "ada@example.org"}
    asked = await house.made("recordConsent", "token consentRecord { id status }", **consent, doubleOptIn=True)
    assert (asked["token"], asked["consentRecord"]["status"]) == (None, "PENDING")
    await house.sent()

    german = {"accept-language": "de-DE,de;q=0.9"}
    path = house.link(0)
    shown = await house.client.get(path, headers=german)
    assert shown.status_code == 200
    assert 'lang="de"' in shown.text
    assert '<form method="post">' in shown.text
    assert (shown.headers["referrer-policy"], shown.headers["cache-control"]) == ("no-referrer", "no-store")
    stands = "query($id: ID!) { node(id: $id) { ... on Customer { consents { status } } } }"
    assert (await house.data(stands, id=ada))["node"]["consents"] == [{"status": "PENDING"}], "looking changes nothing"
    answers = [await house.client.post(path, headers=german) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 410], "a token confirms once"
    assert "Vielen Dank" in answers[0].text
    assert (await house.data(stands, id=ada))["node"]["consents"] == [{"status": "GRANTED"}]

    news = {"customer": ada, "channel": "EMAIL", "purpose": "MARKETING", "subject": "News", "text": "{{unsubscribe}}"}
    queued = (await house.made("sendDelivery", f"delivery {{ {WHOLE} }}", **news, externalId="n1"))["delivery"]
    assert (queued["state"], queued["sentAt"], queued["customer"]["displayName"]) == ("QUEUED", None, "Ada")
    await house.sent()
    one_click = await house.client.post(house.link(1), content="List-Unsubscribe=One-Click")
    assert one_click.status_code == 200
    assert (await house.data(stands, id=ada))["node"]["consents"] == [{"status": "REVOKED"}]
    await house.made("sendDelivery", "delivery { id }", **news)
    await house.sent()
    listed = f"""query($id: ID!) {{ node(id: $id) {{ ... on Customer {{
      deliveries(first: 2) {{ edges {{ cursor node {{ {WHOLE} }} }} pageInfo {{ hasNextPage endCursor }} }}
      older: deliveries(last: 1) {{ edges {{ node {{ reference state }} }} }} }} }} }}"""
    found = (await house.data(listed, id=ada))["node"]
    states = [edge["node"]["state"] for edge in found["deliveries"]["edges"]]
    assert states == ["REFUSED", "SENT"]
    refusal = found["deliveries"]["edges"][0]["node"]["refusal"]
    assert refusal["code"] == "CONTACT_REVOKED"
    assert refusal["text"].startswith("Der Kunde hat am ")
    assert found["deliveries"]["pageInfo"]["hasNextPage"]
    assert found["older"]["edges"] == [{"node": {"reference": asked["consentRecord"]["id"], "state": "SENT"}}]
    assert len(house.mails.taken) == 2

    bounced = await house.made("recordBounce", "delivery { state }", messageId=house.mails.taken[1]["Message-ID"])
    assert bounced["delivery"] == {"state": "BOUNCED"}
    again = await house.made("retryDelivery", "delivery { id state }", id=queued["id"])
    assert again["delivery"] == {"id": queued["id"], "state": "QUEUED"}
    wrong = await house.made("sendDelivery", "delivery { id }", channel="EMAIL", text="x", subject="x")
    assert wrong["userErrors"] == [{"code": "INVALID", "path": ["input", "customer"]}]
    for way in ("consent", "unsubscribe"):
        unknown = await house.client.post(f"/{way}/{'x' * 43}")
        assert (unknown.status_code, "not known" in unknown.text) == (404, True)


async def test_an_endpoint_is_registered_shown_without_its_secret_and_archived(house: House) -> None:
    whole = "webhookEndpoint { id url channels createdAt archivedAt gone }"
    url = "https://hooks.company.example/in"
    made = await house.made("createWebhookEndpoint", f"secret {whole}", url=url, channels=["SMS", "MESSENGER"])
    endpoint = made["webhookEndpoint"]
    assert made["secret"].startswith("whsec_")
    assert (endpoint["url"], sorted(endpoint["channels"])) == (url, ["MESSENGER", "SMS"])
    listed = "{ webhookEndpoints(first: 5) { edges { cursor node { id archivedAt } } pageInfo { hasNextPage } } }"
    [edge] = (await house.data(listed))["webhookEndpoints"]["edges"]
    assert edge["node"] == {"id": endpoint["id"], "archivedAt": None}
    taken = await house.made("createWebhookEndpoint", whole, url=url, channels=["SMS"])
    assert taken["userErrors"] == [{"code": "ALREADY_EXISTS", "path": ["input", "channels"]}]
    archived = await house.made("archiveWebhookEndpoint", whole, id=endpoint["id"])
    assert archived["webhookEndpoint"]["archivedAt"] is not None


async def test_what_an_endpoint_is_told_is_listed_and_told_once_more(house: House) -> None:
    async def listed(state: str) -> list[dict[str, Any]]:
        fields = "id endpoint event subject customer occurredAt sequence state attempts lastError queuedAt sentAt"
        query = f"{{ webhookNotifications(state: {state}) {{ edges {{ node {{ {fields} }} }} }} }}"
        return [edge["node"] for edge in (await house.data(query))["webhookNotifications"]["edges"]]

    async with running_gateway() as gateway:
        events = ["ENQUIRY_OPENED", "CONSENT_CHANGED"]
        made = await house.made("createWebhookEndpoint", "webhookEndpoint { events }", url=gateway.url, events=events)
        assert sorted(made["webhookEndpoint"]["events"]) == sorted(events)
        said = Happening("h1", Event.ENQUIRY_OPENED, "enq_1", utc_now(), customer="cus_1")
        await house.service.delivering.notifying.record([said])
        [waiting] = await listed("QUEUED")
        assert (waiting["event"], waiting["subject"], waiting["customer"], waiting["sequence"]) == (
            "ENQUIRY_OPENED",
            "enq_1",
            "cus_1",
            1,
        )
        early = await house.made("redeliver", "webhookNotification { id }", id=waiting["id"])
        assert [one["code"] for one in early["userErrors"]] == ["CONFLICT"]
        assert await house.service.delivering.telling.tell_once()
        assert re.search(f"{waiting['id']} .*ENQUIRY_OPENED", await house.ran("notifications", "--state", "sent"))
        assert "0 1 queued again" in await house.ran("retry", waiting["id"])
        assert await house.service.delivering.telling.tell_once()
        again = await house.made("redeliver", "webhookNotification { state }", id=waiting["id"])
        assert again["webhookNotification"] == {"state": "QUEUED"}
        assert [headers["webhook-id"] for headers, _ in gateway.got] == [waiting["id"]] * 2
        assert await listed("SENT") == []


async def test_operators_see_what_did_not_arrive_without_texts_and_send_it_again(house: House) -> None:
    ran = house.ran
    house.mails.at_rcpt = ["550 no such user"]
    letter = {"channel": "EMAIL", "address": "gone@example.org", "subject": "Secret", "text": "Secret"}
    id = (await house.made("sendDelivery", "delivery { id }", **letter))["delivery"]["id"]
    await house.sent()
    assert "There are none" in await ran("list")
    listed = await ran("list", "--state", "bounced")
    assert re.search(rf"{id} .*EMAIL.*SMTP 550 at RCPT", listed)
    assert "Secret" not in listed
    assert "gone@" not in listed
    assert "0 1 queued again" in await ran("retry", id)
    assert "is QUEUED" in await ran("retry", id)
    await house.sent()
    assert house.mails.recipients == ["gone@example.org"]
