"""Requests of GraphQL over HTTP as its specification says: media types, bodies, and who asks."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from chassis import errors as domain
from chassis.caller import Caller, bearer
from chassis.tokens import Authenticator
from gateway.documents import Said, said_by
from gateway.errors import RequestError

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
# Of the sentences in answers; the first where none is asked for.
LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Operation:
    said: Said
    variables: dict[str, Any] | None
    name: str | None


def _weights(accept: str) -> list[tuple[float, str]]:
    """What a client takes, most wanted first; of weight 0: what it does not."""
    ranges = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if kind:
            # Beyond the scale, or not a number at all.
            weight = weight if 0 <= weight <= 1 else 0.0
            ranges.append((weight, kind))
    return sorted(ranges, key=lambda one: -one[0])


def media_type(accept: str | None) -> str:
    """RequestError: the client takes nothing of what there is.

    A stream of events is for who wants it most: many clients name it last, in every request.
    """
    if not accept:
        return JSON
    wanted = [kind for weight, kind in _weights(accept) if weight]
    if wanted and wanted[0] == EVENTS:
        return EVENTS
    for kind in wanted:
        if kind == GRAPHQL:
            return GRAPHQL
        if kind in (JSON, "*/*", "application/*"):
            return JSON
    raise RequestError("NOT_ACCEPTABLE", f"the answer is {GRAPHQL}, {JSON} or {EVENTS}", 406)


def language_of(accept: str | None) -> str:
    """The language a client wants most of those there are (RFC 9110, 12.5.4); a region is taken for its language."""
    wanted = [(weight, tag.partition("-")[0]) for weight, tag in _weights(accept or "")]
    named = {tag for _, tag in wanted}
    for weight, tag in wanted:
        if weight and tag in LANGUAGES:
            return tag
        # Anything else than what is named.
        others = [language for language in LANGUAGES if language not in named]
        if weight and tag == "*" and others:
            return others[0]
    return LANGUAGES[0]


async def body_of(request: Request, limit: int) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")
    if kind[0].strip().lower() != JSON:
        raise RequestError("UNSUPPORTED_MEDIA_TYPE", f"the request's content-type must be {JSON}", 415)
    charset = kind[2].strip().lower().removeprefix("charset=").strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise RequestError("UNSUPPORTED_MEDIA_TYPE", "the request must be in UTF-8", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise RequestError("REQUEST_TOO_LARGE", f"the body has more than {limit} bytes", 413)
    return bytes(body)


def operation_of(body: bytes) -> Operation:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RequestError("BAD_REQUEST", "the body is no JSON in UTF-8") from None
    if not isinstance(said, dict):
        raise RequestError("BAD_REQUEST", "the body must be a JSON object with a query")
    document, variables, name = said_by(said), said.get("variables"), said.get("operationName")
    if variables is not None and not isinstance(variables, dict):
        raise RequestError("BAD_REQUEST", "variables must be an object")
    if name is not None and not isinstance(name, str):
        raise RequestError("BAD_REQUEST", "operationName must be a string")
    return Operation(document, variables, name or None)


async def admitted(authenticator: Authenticator, request: Request) -> tuple[str | None, Caller]:
    """The token and the caller it names. RequestError: there is none, it is not valid, or it cannot be checked now."""
    try:
        token = bearer(request.headers.get("authorization"))
        return token, await authenticator.caller_of(token)
    except domain.Unauthenticated as error:
        raise RequestError("UNAUTHENTICATED", error.message, 401) from None
    except domain.Unavailable as error:
        raise RequestError(error.code, error.message, 503) from None
