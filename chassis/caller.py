"""Who calls: carried as a signed token from the door to where the data lives, and checked at both."""

import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

import jwt

from chassis.errors import Forbidden, Unauthenticated

ALL_SCOPES = "*"
# Looking after a running system: its outbox, its derivations, its self-checks.
OPERATIONS = "operations"
_ALGORITHM = "HS256"
_AUDIENCE = "rundblick"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, a partner or a process; every repository method takes one.

    sources: the only sources whose records a partner sees and writes; None: no such limit.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    employee: str | None = None
    team: str | None = None
    sources: frozenset[str] | None = None

    def may(self, scope: str) -> bool:
        return ALL_SCOPES in self.scopes or scope in self.scopes

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


class Authenticator:
    """Checks and issues tokens. Without a token, a development system lets everything be seen; production refuses."""

    def __init__(self, secret: str | None, *, production: bool) -> None:
        if production and not secret:
            raise ValueError("RUNDBLICK_TOKEN_SECRET is required when RUNDBLICK_ENV=production")
        self._secret = secret
        self._production = production

    def caller_of(self, token: str | None) -> Caller:
        if token is None:
            if self._production:
                raise Unauthenticated("a token is needed: Authorization: Bearer <token>")
            return DEVELOPMENT_CALLER
        if self._secret is None:
            raise Unauthenticated("this system has no secret to check tokens with")
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": ["exp", "sub"]}
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"the token is not valid: {error}") from None
        sources = claims.get("sources")
        return Caller(
            subject=str(claims["sub"]),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            employee=claims.get("employee"),
            team=claims.get("team"),
            sources=None if sources is None else frozenset(map(str, sources)),
        )

    def expires_at(self, token: str | None) -> float | None:
        """When a token that was checked ends, in seconds since 1970; None: without a token there is no end."""
        if token is None:
            return None
        return float(jwt.decode(token, options={"verify_signature": False})["exp"])

    def issue(self, caller: Caller, *, seconds: float = 3600) -> str | None:
        """A token that says who calls; None on a development system without a secret, where none is needed."""
        if self._secret is None:
            return None
        claims: dict[str, object] = {
            "sub": caller.subject,
            "aud": _AUDIENCE,
            "exp": int(time.time() + seconds),
            "scope": " ".join(sorted(caller.scopes)),
        }
        claims |= {name: value for name, value in (("employee", caller.employee), ("team", caller.team)) if value}
        if caller.sources is not None:
            claims["sources"] = sorted(caller.sources)
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)


def bearer(header: str | None) -> str | None:
    """The token in an Authorization header; Unauthenticated when the header is of another kind."""
    if not header:
        return None
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must read: Bearer <token>")
    return token.strip()


def scopes_of(text: str | Iterable[str]) -> frozenset[str]:
    return frozenset(text.replace(",", " ").split() if isinstance(text, str) else text)
