"""Double opt-in: the token that confirms a consent, and the way it takes to the customer."""

import hashlib
import secrets
from datetime import timedelta
from typing import Protocol

from chassis.mongo import Session
from services.customers.consent.domain import ConsentEntry

# Long enough for a mail that is read after a holiday weekend.
LIFETIME = timedelta(days=7)


class Delivery(Protocol):
    async def hand_over(self, session: Session, pending: ConsentEntry, token: str) -> str | None:
        """Take care, with the session's commit, that the token reaches the address of the entry.

        Answers the token where the caller has to send it themselves.
        """


class ByTheCaller:
    """The company's own mail system sends it: whoever recorded the consent is told the token."""

    async def hand_over(self, session: Session, pending: ConsentEntry, token: str) -> str | None:
        return token


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept. Tokens are drawn by chance and long, so a plain hash does."""
    return hashlib.sha256(token.encode()).digest()
