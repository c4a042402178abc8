"""Who brings a message to the customer, by channel: a mail server, or a system of the company behind a webhook."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.customers.consent.domain import ConsentPurpose
from services.customers.touchpoint.domain import Channel

# Below the public address of the gateway; each token confirms, ends or answers what it was made for.
PATHS: Mapping[str, str] = {"confirm": "/consent/", "unsubscribe": "/unsubscribe/", "survey": "/s/"}


class Undeliverable(Exception):
    """The address does not take it, today or later."""


class TryAgain(Exception):
    """It was not taken now; later it may be."""


class Away(Exception):
    """The carrier cannot be reached, or does not let us in: that is no fault of the message."""


@dataclass(frozen=True, slots=True)
class Message:
    """As it leaves. unsubscribe: the link by which the customer ends such messages.

    address: None on channels whose carrier knows the customer by the id.
    """

    id: str
    channel: Channel
    text: str
    language: str
    queued_at: datetime
    address: str | None = None
    customer: str | None = None
    purpose: ConsentPurpose | None = None
    subject: str | None = None
    html: str | None = None
    reference: str | None = None
    unsubscribe: str | None = None


class Carrier(Protocol):
    async def carry(self, message: Message) -> None:
        """Returns once it was taken. Undeliverable, TryAgain, Away: it was not; none of them says whom it was for."""


class Carriers(Protocol):
    async def present(self) -> Mapping[Channel, Carrier]:
        """Those of today; what goes out on other channels waits."""


def links(tokens: Mapping[str, str], public_url: str | None) -> dict[str, str]:
    """Name -> where it leads; nothing without a public address."""
    if public_url is None:
        return {}
    return {name: f"{public_url.rstrip('/')}{PATHS[name]}{token}" for name, token in tokens.items()}


def filled(text: str, links: Mapping[str, str], *, escaped: bool = False) -> str:
    """The text with its links; a place that has none is left empty."""
    for name in PATHS:
        link = links.get(name, "")
        text = text.replace("{{" + name + "}}", html.escape(link) if escaped else link)
    return text
