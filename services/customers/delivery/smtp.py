"""E-mail by SMTP: encrypted but on the machine itself, and answers told apart by whose fault they are."""

import logging
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.customers.delivery.carriers import Away, Message, TryAgain, Undeliverable

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"smtp": 587, "smtps": 465}
_SECONDS = 20.0
_PERMANENT = 500
_TOO_LARGE = 552
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")


def mailbox(text: str) -> Address:
    """`Company <news@company.example>` or the address alone. ValueError: it is neither."""
    name, address = parseaddr(text)
    if not _ADDRESS.fullmatch(address) or "\n" in text or "\r" in text:
        raise ValueError("a mailbox reads like Company <news@company.example>")
    return Address(display_name=name, addr_spec=address)


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> Self:
        """smtp://user:password@host:port, or smtps for TLS from the first byte. ValueError: it is not one."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("it reads smtp://user:password@host:port, or smtps://")
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            parts.scheme == "smtps",
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )

    @property
    def start_tls(self) -> bool:
        """Never in the clear over a network: a server that does not offer it is not used."""
        return not self.tls and self.host not in LOOPBACK


class Smtp:
    """One connection for each message; sender: as customers see it, and where the server sends what comes back."""

    def __init__(self, server: Server, sender: Address, reply_to: Address | None = None) -> None:
        self._server = server
        self._sender = sender
        self._reply_to = reply_to

    async def carry(self, message: Message) -> None:
        if message.address is None:
            raise Undeliverable("no address")
        mail, server = self.composed(message), self._server
        try:
            await aiosmtplib.send(
                mail,
                sender=self._sender.addr_spec,
                recipients=[message.address],
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                use_tls=server.tls,
                start_tls=server.start_tls,
                local_hostname=self._sender.domain,
                timeout=_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _answered("RCPT", error.recipients[0].code) from None
        except aiosmtplib.SMTPSenderRefused as error:
            if error.code == _TOO_LARGE:
                raise _answered("MAIL", error.code) from None
            # Of our own address: the next message is not taken either, so the server is as good as away.
            raise Away(f"SMTP {error.code} at MAIL") from None
        except aiosmtplib.SMTPDataError as error:
            raise _answered("DATA", error.code) from None
        except aiosmtplib.SMTPNotSupported:
            raise Undeliverable("the mail server does not take such addresses") from None
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError) as error:
            raise TryAgain(type(error).__name__) from None
        except aiosmtplib.SMTPResponseException as error:
            raise Away(f"SMTP {error.code}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Away(type(error).__name__) from None

    def composed(self, message: Message) -> EmailMessage:
        address = message.address or ""
        mail = EmailMessage(policy=SMTP if address.isascii() else SMTPUTF8)
        mail["From"] = self._sender
        mail["To"] = address
        if self._reply_to is not None:
            mail["Reply-To"] = self._reply_to
        mail["Subject"] = message.subject or ""
        mail["Date"] = message.queued_at
        # The same however often it is sent: who gets it twice can tell.
        mail["Message-ID"] = f"<{message.id}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        if message.unsubscribe is not None:
            mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail


def _answered(where: str, code: int) -> Exception:
    what = f"SMTP {code} at {where}"
    return Undeliverable(what) if code >= _PERMANENT else TryAgain(what)
