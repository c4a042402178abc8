"""Tells who calls: from tokens that an OpenID Connect issuer signed, or from the name of a process."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jwt

from chassis import roles
from chassis.caller import ALL_SCOPES, DEVELOPMENT_CALLER, Caller, Reach, service_caller
from chassis.directory import Directory, Identity
from chassis.errors import Unauthenticated
from chassis.keys import KeySet
from chassis.rights import Rights
from chassis.settings import TokenSettings

# So long a caller is known by its token alone; what the directory says since then counts after it.
KNOWN_SECONDS = 15.0
_MOST_KNOWN = 10_000
# Of clients that are registered here; an issuer may name them in `sub` alone.
CLIENT_PREFIX = "cli_"

_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is from another issuer",
    jwt.InvalidSignatureError: "its signature is wrong",
    jwt.InvalidAlgorithmError: "its algorithm is not admitted",
}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are believed. roles_claim: where they name roles; dots lead into objects."""

    issuer: str
    keys: KeySet
    audience: str = "rundblick"
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    skew_seconds: float = 60.0
    roles_claim: str = "roles"


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float


class Authenticator:
    """Without a token and without a process's name, a development system lets everything be seen; production refuses.

    rights: the scopes there are, and what each process may do on its own account. trust: None: no token is believed.
    directory: who is behind a token that does not say so itself; None: nobody is asked. clock: seconds since 1970.
    """

    def __init__(
        self,
        rights: Rights | None = None,
        *,
        production: bool = False,
        trust: Trust | None = None,
        roles: Mapping[str, roles.Role] | None = None,
        directory: Directory | None = None,
        most_known: int = _MOST_KNOWN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rights = rights or Rights()
        self._production = production
        self._trust = trust
        self._roles = roles or {}
        self._directory = directory
        self._most_known = most_known
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._grantable = self._rights.grantable - ({ALL_SCOPES} if production else frozenset())

    @classmethod
    def of(cls, settings: TokenSettings, rights: Rights, directory: Directory | None = None) -> "Authenticator":
        """As the environment says. ValueError, OSError: its table of roles is wrong."""
        production = settings.env == "production"
        trust = None
        if settings.issuer is not None:
            trust = Trust(
                settings.issuer,
                KeySet(settings.issuer, settings.jwks, secure=production),
                settings.audience,
                settings.algorithms,
                settings.clock_skew_seconds,
                settings.roles_claim,
            )
        return cls(rights, production=production, trust=trust, roles=roles.load(settings.roles), directory=directory)

    async def caller_of(self, token: str | None, process: str | None = None) -> Caller:
        """process: who calls on its own account, as its certificate proves. A token goes before it.

        Unauthenticated: nobody, or nobody that is known. Unavailable: the issuer or the directory cannot be asked now.
        """
        if token is not None:
            return await self._caller_behind(token)
        if process is not None:
            if process not in self._rights.processes:
                raise Unauthenticated(f"no process is called {process}")
            return replace(service_caller(process), scopes=self._rights.processes[process])
        if self._production:
            raise Unauthenticated("a token is needed: Authorization: Bearer <token>")
        return DEVELOPMENT_CALLER

    def expires_at(self, token: str | None) -> float | None:
        """When a token that was checked ends, in seconds since 1970; None: without a token there is no end."""
        if token is None:
            return None
        return float(jwt.decode(token, options={"verify_signature": False})["exp"])

    async def _caller_behind(self, token: str) -> Caller:
        # Not the token itself: what is in memory for long opens no door.
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(key)
            return known.caller
        claims = await self._claims(token)
        caller = await self._caller(claims)
        self._known[key] = _Known(caller, min(self._clock() + KNOWN_SECONDS, float(claims["exp"])))
        self._known.move_to_end(key)
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
        return caller

    async def _claims(self, token: str) -> Mapping[str, Any]:
        trust = self._trust
        if trust is None:
            raise Unauthenticated("this system knows no issuer of tokens")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in trust.algorithms:
                raise jwt.InvalidAlgorithmError
            key = await trust.keys.key_of(header.get("kid"), algorithm)
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=trust.audience,
                issuer=trust.issuer,
                leeway=trust.skew_seconds,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(f"the token is not valid: it has no {error.claim}") from None
        except (jwt.PyJWTError, ValueError) as error:
            reason = next((said for kind, said in _REASONS.items() if isinstance(error, kind)), "it cannot be read")
            raise Unauthenticated(f"the token is not valid: {reason}") from None
        return claims

    async def _caller(self, claims: Mapping[str, Any]) -> Caller:
        trust = self._trust
        named = frozenset(_names(_at(claims, trust.roles_claim if trust else ""))) & self._roles.keys()
        scopes = frozenset(_names(claims.get("scope"))) | frozenset(_names(claims.get("scp")))
        sources = claims.get("sources")
        caller = Caller(
            subject=claims["sub"],
            scopes=scopes.union(*(self._roles[name].scopes for name in named)) & self._grantable,
            employee=_text(claims, "employee"),
            team=_text(claims, "team"),
            sources=None if sources is None else frozenset(_names(sources)),
            roles=named,
        )
        client = _client_of(claims)
        # A client may have been revoked since, whatever its token says of it.
        if self._directory is None or (client is None and caller.employee is not None):
            return caller
        identity = await self._directory.identity_of(claims["iss"], caller.subject, client)
        if identity is None and client is not None and client.startswith(CLIENT_PREFIX):
            # What limits it is not known: then it is not let in, rather than without limits.
            raise Unauthenticated("the token was given to a client that is not registered here")
        return caller if identity is None else _identified(caller, identity)


def _identified(caller: Caller, identity: Identity) -> Caller:
    """What the token says of a person goes before; what limits a client holds beside the token's own limits."""
    if identity.revoked:
        raise Unauthenticated("whom the token was given to may not come in any more")
    sources = caller.sources
    if identity.sources is not None:
        sources = identity.sources if sources is None else sources & identity.sources
    return replace(
        caller,
        employee=caller.employee or identity.employee,
        team=caller.team or identity.team,
        sources=sources,
        scopes=caller.scopes if identity.scopes is None else _within(caller, identity.scopes),
    )


def _within(caller: Caller, limits: frozenset[str]) -> frozenset[str]:
    """Each scope as far as both go."""
    limit = Caller("", limits)
    ends = {Reach.OWN: ":own", Reach.TEAM: ":team", Reach.ALL: ""}
    names = {scope.removesuffix(":own").removesuffix(":team") for scope in (*caller.scopes, *limits)}
    reaches = {name: min(caller.reach(name), limit.reach(name)) for name in names}
    return frozenset(name + ends[reach] for name, reach in reaches.items() if reach is not Reach.NONE)


def _client_of(claims: Mapping[str, Any]) -> str | None:
    """The client that a token was given to, however its issuer says it."""
    subject: str = claims["sub"]
    named = _text(claims, "client_id") or _text(claims, "azp")
    return named or (subject if subject.startswith(CLIENT_PREFIX) else None)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    said = claims.get(name)
    return said if isinstance(said, str) and said else None


def _names(said: object) -> Iterable[str]:
    """A list of names, or a string with blanks between them; whatever else it is names nothing."""
    if isinstance(said, str):
        return said.split()
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []


def _at(claims: Mapping[str, Any], path: str) -> object:
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
