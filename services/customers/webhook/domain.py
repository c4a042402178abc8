"""What a webhook endpoint is: a URL of the company that carries what goes out, or is told what happens."""

import secrets
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from chassis.errors import AlreadyExists, InvalidInput, NotFound
from services.customers.touchpoint.domain import Channel
from services.customers.webhook.notification import Event

PREFIX = "whe"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_URL = 2_000


class EndpointNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no webhook endpoint {id}", ("id",))


class ChannelTaken(AlreadyExists):
    def __init__(self) -> None:
        super().__init__("another endpoint carries one of these channels: archive it first", ("channels",))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """secret: with which all it gets is signed, as it is kept. gone: archived since it answered 410."""

    id: str
    url: str
    channels: frozenset[Channel]
    secret: str
    created_at: datetime
    archived_at: datetime | None = None
    gone: bool = False
    events: frozenset[Event] = frozenset()

    def archived(self, at: datetime, *, gone: bool = False) -> "Endpoint":
        """For ever; the first time counts."""
        return self if self.archived_at is not None else replace(self, archived_at=at, gone=gone)


def registered(
    id: str,
    url: str,
    channels: Iterable[Channel],
    events: Iterable[Event],
    carried: frozenset[Channel],
    now: datetime,
    *,
    production: bool,
) -> Endpoint:
    """A new endpoint with a new secret. carried: the channels there may be. InvalidInput: which field, and why."""
    meant, wanted = frozenset(channels), frozenset(events)
    if not meant and not wanted:
        raise InvalidInput("an endpoint carries a channel, or is told of an event", ("channels",))
    if wrong := sorted(one.value for one in meant - carried):
        raise InvalidInput(f"nothing is sent on {', '.join(wrong)}", ("channels",))
    _require_url(url, production=production)
    # As https://www.standardwebhooks.com has it.
    return Endpoint(id, url, meant, "whsec_" + b64encode(secrets.token_bytes(32)).decode(), now, events=wanted)


def is_public(address: str) -> bool:
    """Does this IP address lie in the internet, and not in a network of ours?"""
    ip = ip_address(address.partition("%")[0])
    return ip.is_global and not ip.is_multicast


def _require_url(url: str, *, production: bool) -> None:
    path = ("url",)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("this is not a URL", path) from None
    if len(url) > _LONGEST_URL or not host or parts.username is not None or parts.fragment or not url.isprintable():
        raise InvalidInput("this is not a URL of an endpoint", path)
    local = not production and host in LOOPBACK
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise InvalidInput("the URL of an endpoint begins with https://", path)
    if production and not _may_be_public(host):
        raise InvalidInput("the URL of an endpoint leads to the internet", path)


def _may_be_public(host: str) -> bool:
    """A name is looked up when something is sent; a bare address can be told now."""
    try:
        return is_public(host)
    except ValueError:
        return host not in LOOPBACK
