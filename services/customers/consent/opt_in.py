"""Double opt-in: the token that confirms a consent, and the way it takes to the customer."""

import hashlib
import secrets
from datetime import timedelta
from typing import Protocol

from chassis.caller import Caller
from chassis.mongo import Session
from services.customers.consent.domain import ConsentEntry

# Long enough for a mail that is read after a holiday weekend.
LIFETIME = timedelta(days=7)


class HandingOver(Protocol):
    async def hand_over(self, caller: Caller, session: Session, pending: ConsentEntry, token: str) -> str | None:
        """Take care, with the session's commit, that the token reaches the address of the entry.

        Answers the token where the caller has to send it themselves.
        """


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept. Tokens are drawn by chance and long, so a plain hash does."""
    return hashlib.sha256(token.encode()).digest()
