"""What a partner's client is: which sources and scopes it has, and the secrets it signs in with."""

import hashlib
import hmac
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import Conflict, InvalidInput, NotFound

# Rundblick's own records, which no partner brought in.
OWN_SOURCE = "rundblick"
DEFAULT_OVERLAP = timedelta(days=1)
_LONGEST_OVERLAP = timedelta(days=30)
_LONGEST_NAME = 200
_LONGEST_SOURCE = 100
_MOST_SOURCES = 100


class ClientNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no client {id}", ("id",))


class ClientRevoked(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} was revoked, and that is for ever: create another", ("id",))


@dataclass(frozen=True, slots=True)
class Secret:
    """What is kept of one. until: when it counts no more; None: it is the newest."""

    id: str
    hash: bytes
    until: datetime | None = None

    def counts(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Client:
    """secrets: the newest last."""

    id: str
    name: str
    sources: frozenset[str]
    scopes: frozenset[str]
    secrets: tuple[Secret, ...]
    created_at: datetime
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None

    def rotated(self, secret: Secret, overlap: timedelta, now: datetime) -> "Client":
        """With a new secret; those until now end after the overlap, or earlier if they would have. ClientRevoked."""
        if self.revoked_at is not None:
            raise ClientRevoked(self.id)
        ends = now + overlap
        former = (
            replace(one, until=ends if one.until is None else min(one.until, ends))
            for one in self.secrets
            if one.counts(now)
        )
        kept = tuple(one for one in former if one.counts(now))
        return replace(self, secrets=(*kept, secret), rotated_at=now)

    def revoked(self, now: datetime) -> "Client":
        """For ever; the first time counts."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now, secrets=self.secrets[-1:])

    def admits(self, hash: bytes, now: datetime) -> bool:
        """Is this the hash of one of its secrets, and may it come in?"""
        known = [hmac.compare_digest(secret.hash, hash) for secret in self.secrets if secret.counts(now)]
        return any(known) and self.revoked_at is None


def registered(
    id: str,
    name: str,
    sources: Iterable[str],
    scopes: Iterable[str],
    *,
    allowed: Set[str],
    secret: Secret,
    now: datetime,
) -> Client:
    """A new client. allowed: the scopes that partners may have. InvalidInput: what is wrong with which field."""
    return Client(id, _name(name), _sources(list(sources)), _scopes(list(scopes), allowed), (secret,), created_at=now)


def secret_hash(client: str, secret: str) -> bytes:
    """Takes some 16 MB and a twentieth of a second, whoever asks."""
    # The id is the salt: random, and never used twice. So one that nobody has costs the same work as any other.
    return hashlib.scrypt(secret.encode(), salt=client.encode(), n=2**14, r=8, p=1)


def overlap_of(seconds: int) -> timedelta:
    """InvalidInput: it is negative, or longer than secrets should be out."""
    if not 0 <= seconds <= _LONGEST_OVERLAP.total_seconds():
        raise InvalidInput(f"an overlap lasts at most {_LONGEST_OVERLAP.days} days", ("overlap_seconds",))
    return timedelta(seconds=seconds)


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
    return name


def _sources(sources: list[str]) -> frozenset[str]:
    if not 1 <= len(sources) <= _MOST_SOURCES:
        raise InvalidInput(f"a client has 1 to {_MOST_SOURCES} sources", ("sources",))
    for position, source in enumerate(sources):
        path = ("sources", str(position))
        if source != source.strip() or not 1 <= len(source) <= _LONGEST_SOURCE:
            raise InvalidInput(f"a source has 1 to {_LONGEST_SOURCE} characters and no space at its ends", path)
        if source == OWN_SOURCE:
            raise InvalidInput(f"{OWN_SOURCE} is the source of the company's own records", path)
    return frozenset(sources)


def _scopes(scopes: list[str], allowed: Set[str]) -> frozenset[str]:
    if not scopes:
        raise InvalidInput("a client has at least one scope", ("scopes",))
    for position, scope in enumerate(scopes):
        if scope not in allowed:
            known = ", ".join(sorted(allowed))
            raise InvalidInput(f"a partner does not get {scope}; it may have {known}", ("scopes", str(position)))
    return frozenset(scopes)
