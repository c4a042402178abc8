"""A mailbox by IMAP (RFC 9051), read and never changed; always encrypted but on the machine itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from chassis.errors import Unavailable
from services.feedback.mail.domain import Box, Unreadable
from services.feedback.mail.reading import LARGEST

T = TypeVar("T")

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"imap": 143, "imaps": 993}
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    tls: bool
    username: str
    password: str
    folder: str

    @classmethod
    def of(cls, url: str) -> Self:
        """imaps://user:password@host:port/Folder, or imap for STARTTLS. ValueError: it is not one."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is None or parts.password is None:
            raise ValueError("it reads imaps://user:password@host:port/INBOX, or imap://")
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            parts.scheme == "imaps",
            unquote(parts.username),
            unquote(parts.password),
            unquote(parts.path.strip("/")) or "INBOX",
        )

    @property
    def name(self) -> str:
        return f"{self.username}@{self.host}/{self.folder}"


class Imap:
    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def name(self) -> str:
        return self._server.name

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Box]:
        """Unavailable: the server is away, or does not let us in."""
        client = await _done(self._connect)
        try:
            selected = await _done(client.select_folder, self._server.folder, readonly=True)
            yield _Open(client, int(selected[b"UIDVALIDITY"]))
        finally:
            with suppress(Unavailable):
                await _done(client.logout)

    def _connect(self) -> IMAPClient:
        server = self._server
        client = IMAPClient(server.host, server.port, use_uid=True, ssl=server.tls, timeout=_SECONDS)
        try:
            if not server.tls and server.host not in _LOOPBACK:
                client.starttls()
            client.login(server.username, server.password)
        except BaseException:
            client.shutdown()
            raise
        return client


class _Open:
    def __init__(self, client: IMAPClient, validity: int) -> None:
        self._client = client
        self.validity = validity

    async def after(self, uid: int, most: int) -> list[int]:
        found = await _done(self._client.search, ["UID", f"{uid + 1}:*"])
        # The star is the last one there is, even where that comes before (RFC 9051, 6.4.9).
        return sorted(one for one in found if one > uid)[:most]

    async def content(self, uid: int) -> bytes | None:
        sizes = await _done(self._client.fetch, [uid], ["RFC822.SIZE"])
        if uid not in sizes:
            return None
        if sizes[uid][b"RFC822.SIZE"] > LARGEST:
            raise Unreadable(f"it has more than {LARGEST // 1_000_000} MB")
        found = await _done(self._client.fetch, [uid], ["BODY.PEEK[]"])
        content = found.get(uid, {}).get(b"BODY[]")
        return bytes(content) if content is not None else None


async def _done(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """Beside the loop, since the library waits."""
    try:
        return await asyncio.to_thread(work, *given, **named)
    except (IMAPClientError, OSError) as error:
        # Without what the server said: that may name whose mailbox it is.
        raise Unavailable(f"the mailbox cannot be read: {type(error).__name__}") from None
