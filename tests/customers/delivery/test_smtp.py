"""An e-mail as it leaves: nothing gets into its headers, and nothing leaves in the clear."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.customers.delivery.carriers import Away, Message, Undeliverable
from services.customers.delivery.smtp import Server, Smtp, mailbox
from services.customers.settings import CustomersSettings
from services.customers.touchpoint.domain import Channel
from tests.conftest import free_port
from tests.customers.delivery.mailserver import running_mail_server

MESSAGE = Message(
    id="dlv_00000000000000000000000001",
    channel=Channel.EMAIL,
    text="Hello",
    language="en",
    queued_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    address="a@example.org",
    subject="News",
)


def smtp(port: int = 25) -> Smtp:
    return Smtp(Server.of(f"smtp://127.0.0.1:{port}"), mailbox("Company <news@company.example>"))


@pytest.mark.parametrize("ending", ["\r\nBcc: victim@example.org", "\nBcc: victim@example.org", "\r\n\r\nbody"])
def test_no_line_gets_into_a_header(ending: str) -> None:
    said = f"x{ending}"
    for message in (
        replace(MESSAGE, subject=said),
        replace(MESSAGE, address=said),
        replace(MESSAGE, id=said),
        replace(MESSAGE, unsubscribe=said),
        replace(MESSAGE, language=said),
    ):
        with pytest.raises(ValueError, match="linefeed"):
            smtp().composed(message)


def test_a_mail_says_when_it_was_written_and_which_it_is() -> None:
    mail = smtp().composed(replace(MESSAGE, html="<p>Hello</p>"))
    assert mail["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert mail["Message-ID"] == f"<{MESSAGE.id}@company.example>"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_server_in_the_network_must_encrypt_and_one_on_the_machine_need_not() -> None:
    far = Server.of("smtp://user:p%40ss@mail.company.example")
    assert (far.start_tls, far.tls, far.port, far.password) == (True, False, 587, "p@ss")
    tls = Server.of("smtps://mail.company.example")
    assert (tls.start_tls, tls.tls, tls.port) == (False, True, 465)
    assert not Server.of("smtp://localhost:25").start_tls


async def test_a_server_that_does_not_encrypt_is_not_used_over_the_network() -> None:
    async with running_mail_server() as mails:
        server = replace(Server.of(f"smtp://127.0.0.1:{mails.port}"), host="127.0.0.2")
        assert server.start_tls
        with pytest.raises(Away):
            await Smtp(server, mailbox("news@company.example")).carry(MESSAGE)
        mails.at_rcpt = ["553 5.1.3 no such mailbox"]
        with pytest.raises(Undeliverable, match="SMTP 553 at RCPT"):
            await smtp(mails.port).carry(MESSAGE)
        mails.at_mail = ["530 5.7.0 who are you", "552 5.3.4 too large"]
        with pytest.raises(Away, match="SMTP 530 at MAIL"):
            await smtp(mails.port).carry(MESSAGE)
        with pytest.raises(Undeliverable, match="SMTP 552 at MAIL"):
            await smtp(mails.port).carry(MESSAGE)
        assert mails.taken == []
    with pytest.raises(Away):
        await smtp(free_port()).carry(MESSAGE)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"smtp_url": "smtp://mail.company.example"}, "RUNDBLICK_MAIL_FROM"),
        ({"smtp_url": "http://mail.company.example", "mail_from": "a@b.example"}, "RUNDBLICK_SMTP_URL"),
        ({"mail_from": "nobody"}, "RUNDBLICK_MAIL_FROM"),
        ({"mail_from": "a@b.example\nBcc: c@d.example"}, "RUNDBLICK_MAIL_FROM"),
    ],
)
def test_settings_with_which_no_mail_can_be_sent_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CustomersSettings.model_validate(settings)
