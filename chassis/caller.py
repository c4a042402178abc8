"""Who calls: carried as a signed token from the door to where the data lives, and checked at both."""

import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import IntEnum

from chassis.errors import Forbidden, Unauthenticated

ALL_SCOPES = "*"
# Looking after a running system: its outbox, its derivations, its self-checks.
OPERATIONS = "operations"
# With which a process says for which sources alone it calls: a list of them as JSON.
SOURCES_METADATA = "rundblick-sources"


class Reach(IntEnum):
    """Whose records a scope covers: one's own, those of one's team, or everybody's."""

    NONE = 0
    OWN = 1
    TEAM = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, a partner or a process; every repository method takes one.

    scopes: what they may do; with the ending `:team` or `:own` only with such records. sources: the only sources whose
    records a partner sees and writes; None: no such limit. roles: under which names the scopes were given. rows: how
    far the scope of the call that is being answered goes; repositories show no more than that.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    employee: str | None = None
    team: str | None = None
    sources: frozenset[str] | None = None
    roles: frozenset[str] = frozenset()
    rows: Reach = Reach.ALL

    def reach(self, scope: str) -> Reach:
        """How far a scope goes."""
        if ALL_SCOPES in self.scopes or scope in self.scopes:
            return Reach.ALL
        if f"{scope}:team" in self.scopes:
            return Reach.TEAM
        return Reach.OWN if f"{scope}:own" in self.scopes else Reach.NONE

    def may(self, scope: str) -> bool:
        return self.reach(scope) is not Reach.NONE

    def within(self, sources: Iterable[str]) -> "Caller":
        """Limited to these sources; what limited the caller before still does."""
        limit = frozenset(sources)
        return replace(self, sources=limit if self.sources is None else self.sources & limit)

    def require(self, scope: str) -> None:
        if not self.may(scope):
            raise Forbidden(f"the scope {scope} is needed")


def service_caller(name: str) -> Caller:
    """The process itself, when it acts on its own account (outbox, folder)."""
    return Caller(subject=f"service:{name}", scopes=frozenset({ALL_SCOPES}))


DEVELOPMENT_CALLER = Caller(subject="development", scopes=frozenset({ALL_SCOPES}))

_current: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """The caller of the RPC that is being answered; set by the server's interceptor."""
    try:
        return _current.get()
    except LookupError:
        raise Unauthenticated("no caller") from None


def set_current_caller(caller: Caller) -> None:
    _current.set(caller)


def bearer(header: str | None) -> str | None:
    """The token in an Authorization header; Unauthenticated when the header is of another kind."""
    if not header:
        return None
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must read: Bearer <token>")
    return token.strip()


def limit_of(header: str) -> list[str]:
    """What SOURCES_METADATA says. Unauthenticated: it cannot be read, and is not taken for no limit."""
    try:
        said = json.loads(header)
    except ValueError:
        said = None
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise Unauthenticated("the limit of sources cannot be read")
    return said


def scopes_of(text: str | Iterable[str]) -> frozenset[str]:
    return frozenset(text.replace(",", " ").split() if isinstance(text, str) else text)
