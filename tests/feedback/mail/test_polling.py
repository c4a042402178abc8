"""A mailbox on a real IMAP server is read on from where it was left, and nothing in it is changed."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from imapclient import IMAPClient
from pydantic import SecretStr, ValidationError
from rundblick.feedback.v1 import mail_pb2

from chassis.channel import open_channel
from chassis.errors import Unavailable
from chassis.times import utc_now
from cli.system import free_port
from services.feedback.mail.domain import Company
from services.feedback.mail.imap import Imap, Server
from services.feedback.mail.polling import Polling
from services.feedback.mailing import Inbox, Mailing
from services.feedback.settings import FeedbackSettings
from tests.feedback.mail.conftest import OWN, Post, letter

FOLDER = "Kunden"


class Mailbox:
    """Like somebody's mail program."""

    def __init__(self, port: int) -> None:
        self.server = Server.of(f"imap://demouser:demopass@127.0.0.1:{port}/{FOLDER}")

    @contextmanager
    def opened(self) -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", self.server.port, ssl=False) as client:
            client.login("demouser", "demopass")
            yield client

    def put(self, *mails: bytes) -> None:
        with self.opened() as client:
            for mail in mails:
                client.append(FOLDER, mail)

    def made_anew(self) -> None:
        with self.opened() as client:
            if client.folder_exists(FOLDER):
                client.delete_folder(FOLDER)
            client.create_folder(FOLDER)

    def unread(self) -> int:
        with self.opened() as client:
            return int(client.folder_status(FOLDER, [b"UNSEEN"])[b"UNSEEN"])


@pytest.fixture(scope="module")
def imap_port() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--no-tls", "dict", "--demo-data"], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < end
    yield port
    server.terminate()
    server.wait()


@pytest.fixture
async def mailbox(imap_port: int) -> Mailbox:
    made = Mailbox(imap_port)
    await asyncio.to_thread(made.made_anew)
    return made


@pytest.fixture
async def polling(post: Post, mailbox: Mailbox) -> AsyncIterator[Polling]:
    service = post.running.service
    inbox = Inbox(Company.of(OWN), Imap(mailbox.server))
    async with open_channel(post.running.customers_address, process="feedback") as channel:
        mailing = Mailing(
            post.running.database,
            service._enquiries,
            channel,
            service.attaching.uploading,
            service._opening_over,
            service._changes_over,
            inbox,
            utc_now,
        )
        assert mailing.polling is not None
        yield mailing.polling


async def subjects(post: Post) -> list[str]:
    return sorted(await post.threads())


async def test_new_mail_is_taken_once_and_stays_where_it_lies(post: Post, mailbox: Mailbox, polling: Polling) -> None:
    await asyncio.to_thread(mailbox.put, letter("01"), letter("02"))
    assert await polling.step() is False
    assert await subjects(post) == ["Tür schließt nicht"]
    await asyncio.to_thread(mailbox.put, letter("03"), letter("05"))
    await polling.step()
    threads = await post.threads()
    assert {subject: len(messages) for subject, (_, messages) in threads.items()} == {
        "Tür schließt nicht": 3,
        "Invoice": 1,
    }
    # Nothing is marked as read, and none is gone.
    assert await asyncio.to_thread(mailbox.unread) == 4
    # When the server counts anew everything is read again, and known.
    await asyncio.to_thread(mailbox.made_anew)
    await asyncio.to_thread(mailbox.put, letter("01"), letter("06"))
    await polling.step()
    threads = await post.threads()
    assert {subject: len(messages) for subject, (_, messages) in threads.items()} == {
        "Tür schließt nicht": 3,
        "Invoice": 2,
    }


async def test_a_mail_that_cannot_be_read_is_put_aside_and_stops_no_other(
    post: Post, mailbox: Mailbox, polling: Polling
) -> None:
    await asyncio.to_thread(mailbox.put, letter("01"), b"Subject: from nobody\r\n\r\nHello\r\n", letter("05"))
    await polling.step()
    assert await subjects(post) == ["Invoice", "Tür schließt nicht"]
    [edge] = (await post.stub.ListParkedMails(mail_pb2.ListParkedMailsRequest(), timeout=10)).edges
    assert (edge.node.why, edge.node.mailbox) == ("it has no sender", mailbox.server.name)
    assert await polling.again([edge.node.id]) == 0
    # The one that read it then could not; this one is told no mailbox.
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await post.stub.RetryParkedMails(mail_pb2.RetryParkedMailsRequest(all=True), timeout=10)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    await asyncio.to_thread(mailbox.made_anew)
    assert await polling.again(None) == 1
    assert not (await post.stub.ListParkedMails(mail_pb2.ListParkedMailsRequest(), timeout=10)).edges


async def test_while_customers_is_away_mail_waits_in_its_mailbox(
    post: Post, mailbox: Mailbox, polling: Polling
) -> None:
    await asyncio.to_thread(mailbox.put, letter("01"))
    await post.running.stop_customers()
    with pytest.raises(Unavailable):
        await polling.step()
    await post.running.start_customers()
    await polling.step()
    assert await subjects(post) == ["Tür schließt nicht"]


async def test_a_server_that_is_away_or_refuses_is_asked_again_later(mailbox: Mailbox) -> None:
    for wrong in (replace(mailbox.server, password="wrong"), replace(mailbox.server, port=free_port())):
        with pytest.raises(Unavailable) as refused:
            async with Imap(wrong).opened():
                pass
        assert "demouser" not in refused.value.message


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"imap_url": "imaps://u:p@host/INBOX"}, "RUNDBLICK_MAIL_OWN"),
        ({"imap_url": "http://host", "mail_own": "company.example"}, "imaps://"),
        ({"mail_own": "@company.example"}, "own addresses read like"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FeedbackSettings(**settings)


def test_settings_say_which_mailbox_is_read() -> None:
    url = SecretStr("imaps://help%40company.example:p%3Aw@mail.company.example/Kunden")
    inbox = FeedbackSettings(imap_url=url, mail_own="company.example, help@other.example").inbox
    assert inbox.company == Company(frozenset({"help@other.example"}), frozenset({"company.example"}))
    server = Server.of(url.get_secret_value())
    assert (server.port, server.tls, server.username, server.password) == (993, True, "help@company.example", "p:w")
    assert inbox.mailbox is not None
    assert inbox.mailbox.name == "help@company.example@mail.company.example/Kunden"
