"""The routes of the issuer: its discovery document, its keys, and tokens for clients (RFC 6749, 4.4)."""

import base64
import binascii
import math
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.errors import DomainError
from chassis.keys import DISCOVERY
from issuer.signing import ALGORITHM, Issuer
from issuer.tries import Tries

# client id, secret -> the scopes it may have; None: it is not let in.
Check = Callable[[str, str], Awaitable[frozenset[str] | None]]

GRANT = "client_credentials"
TOKEN_SECONDS = 3600
_LARGEST_BODY = 10_000
_LONGEST_ID = 200
# Answers with tokens are kept by nobody on the way.
_HEADERS = {"cache-control": "no-store"}


class Refused(Exception):
    """An error of RFC 6749, 5.2."""

    def __init__(self, code: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = JSONResponse(
            {"error": code, "error_description": message}, status, headers={**_HEADERS, **(headers or {})}
        )


def _not_let_in() -> Refused:
    return Refused("invalid_client", "unknown client, or not its secret", 401, {"www-authenticate": "Basic"})


def issuer_app(issuer: Issuer, check: Check, tries: Tries) -> Starlette:
    async def discovery(request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": issuer.url,
                "token_endpoint": f"{issuer.url}/token",
                "jwks_uri": f"{issuer.url}/jwks",
                "grant_types_supported": [GRANT],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    async def jwks(request: Request) -> Response:
        return JSONResponse(issuer.keys.jwks())

    async def token(request: Request) -> Response:
        try:
            asked = await _form(request)
            client, secret = _credentials(request, asked)
            if asked.get("grant_type") != GRANT:
                code = "unsupported_grant_type" if asked.get("grant_type") else "invalid_request"
                raise Refused(code, f"grant_type is {GRANT}")
            scopes = _granted(asked, await admitted(client, secret))
        except Refused as refused:
            return refused.answer
        claims = {"sub": client, "client_id": client, "scope": " ".join(scopes)}
        signed = issuer.token(claims, seconds=TOKEN_SECONDS)
        said = {"access_token": signed, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": claims["scope"]}
        return JSONResponse(said, headers=_HEADERS)

    async def admitted(client: str, secret: str) -> frozenset[str]:
        if not 0 < len(client) <= _LONGEST_ID:
            raise _not_let_in()
        wait = tries.begin(client)
        if wait is not None:
            seconds = str(math.ceil(wait))
            message = f"too many tries: the next is admitted in {seconds} s"
            raise Refused("invalid_client", message, 429, {"retry-after": seconds})
        try:
            granted = await check(client, secret)
        except DomainError:
            raise Refused("temporarily_unavailable", "secrets cannot be checked now", 503) from None
        if granted is None:
            raise _not_let_in()
        tries.succeeded(client)
        return granted

    return Starlette(
        routes=[
            Route(DISCOVERY, discovery),
            Route("/jwks", jwks),
            Route("/token", token, methods=["POST"]),
        ]
    )


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refused("invalid_request", "the body is application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Refused("invalid_request", f"the body has more than {_LARGEST_BODY} bytes", 413)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Refused("invalid_request", "the body cannot be read") from None
    if len(pairs) != len(dict(pairs)):
        raise Refused("invalid_request", "a parameter comes twice")
    return dict(pairs)


def _credentials(request: Request, asked: Mapping[str, str]) -> tuple[str, str]:
    """The client's id and its secret, from the header or from the body."""
    header = request.headers.get("authorization")
    if header is None:
        if "client_id" not in asked or "client_secret" not in asked:
            raise _not_let_in()
        return asked["client_id"], asked["client_secret"]
    if "client_secret" in asked:
        raise Refused("invalid_request", "a client says who it is in one way")
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        raise _not_let_in()
    try:
        client, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Refused("invalid_request", "the Authorization header cannot be read") from None
    # Both are form-encoded before they are put together: RFC 6749, 2.3.1.
    return unquote_plus(client), unquote_plus(secret)


def _granted(asked: Mapping[str, str], granted: frozenset[str]) -> list[str]:
    """What was asked for; all of it, when nothing was."""
    scopes = frozenset(asked.get("scope", "").split()) or granted
    if not scopes <= granted:
        raise Refused("invalid_scope", f"this client does not get {' '.join(sorted(scopes - granted))}")
    return sorted(scopes)
