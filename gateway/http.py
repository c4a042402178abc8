"""GraphQL over HTTP as its specification says: media types, status codes, and requests that are none."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis import errors as domain
from chassis.caller import Caller, bearer
from chassis.ids import new_id
from chassis.tokens import Authenticator
from gateway.context import Context
from gateway.errors import RequestError, formatted
from gateway.execution import Executor, RefusedDocument

log = logging.getLogger(__name__)

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
_CHARSET = "; charset=utf-8"
# Of the sentences in answers; the first where none is asked for.
LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Operation:
    query: str
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
    """RequestError: the client takes nothing of what there is."""
    if not accept:
        return JSON
    for weight, kind in _weights(accept):
        if not weight:
            break
        if kind == GRAPHQL:
            return GRAPHQL
        if kind in (JSON, "*/*", "application/*"):
            return JSON
    raise RequestError("NOT_ACCEPTABLE", f"the answer is {GRAPHQL} or {JSON}", 406)


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
    query, variables = said.get("query"), said.get("variables")
    name, extensions = said.get("operationName"), said.get("extensions")
    if not isinstance(query, str) or not query:
        raise RequestError("BAD_REQUEST", "query must be a string")
    if variables is not None and not isinstance(variables, dict):
        raise RequestError("BAD_REQUEST", "variables must be an object")
    if name is not None and not isinstance(name, str):
        raise RequestError("BAD_REQUEST", "operationName must be a string")
    if extensions is not None and not isinstance(extensions, dict):
        raise RequestError("BAD_REQUEST", "extensions must be an object")
    return Operation(query, variables, name or None)


class GraphQLRoute:
    """POST /graphql. A fresh context, and with it fresh loaders, for each operation."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        prepare: Callable[[Context], None],
        *,
        request_seconds: float,
        call_seconds: float,
        body_bytes: int,
    ) -> None:
        self._executor = executor
        self._authenticator = authenticator
        self._prepare = prepare
        self._request_seconds = request_seconds
        self._call_seconds = call_seconds
        self._body_bytes = body_bytes

    async def __call__(self, request: Request) -> Response:
        request_id = new_id("req")
        kind = JSON
        try:
            kind = media_type(request.headers.get("accept"))
            context = await self._context(request, request_id)
            body = await body_of(request, self._body_bytes)
            operation = operation_of(body)
            answer = await self._executor.run(operation.query, operation.variables, operation.name, context)
            status = 200 if "data" in answer or kind == JSON else 400
        except RefusedDocument as refused:
            answer = {"errors": formatted(refused.errors, request_id, refused.code)}
            status = 200 if kind == JSON else 400
        except RequestError as error:
            answer = {"errors": [error.formatted(request_id)]}
            status = error.status
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # nothing internal is shown, whatever it was
            log.error("%s failed", request_id, exc_info=error)
            answer = {"errors": [RequestError("INTERNAL_SERVER_ERROR", "internal error").formatted(request_id)]}
            status = 500
        headers = {"x-request-id": request_id, "vary": "accept, accept-language"}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        return Response(_encoded(answer), status, headers, media_type=kind + _CHARSET)

    async def _context(self, request: Request, request_id: str) -> Context:
        token, caller = await admitted(self._authenticator, request)
        context = Context(
            caller=caller,
            token=token,
            request_id=request_id,
            deadline=time.monotonic() + self._request_seconds,
            call_seconds=self._call_seconds,
            language=language_of(request.headers.get("accept-language")),
        )
        self._prepare(context)
        return context


async def admitted(authenticator: Authenticator, request: Request) -> tuple[str | None, Caller]:
    """The token and the caller it names. RequestError: there is none, it is not valid, or it cannot be checked now."""
    try:
        token = bearer(request.headers.get("authorization"))
        return token, await authenticator.caller_of(token)
    except domain.Unauthenticated as error:
        raise RequestError("UNAUTHENTICATED", error.message, 401) from None
    except domain.Unavailable as error:
        raise RequestError(error.code, error.message, 503) from None


def _encoded(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS)
