"""Who is behind a token: asked of whoever keeps employees and partner clients."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """employee, team: ids. sources, scopes: what a partner's client has at most; None: it is none. revoked: refused."""

    employee: str | None = None
    team: str | None = None
    sources: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    revoked: bool = False


class Directory(Protocol):
    async def identity_of(self, issuer: str, subject: str, client: str | None) -> Identity | None:
        """None: neither the subject nor the client is known. Unavailable: nobody can tell now."""
        ...
