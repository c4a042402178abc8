"""POST /graphql: one operation, its answer as JSON or as a stream of events.

https://graphql.github.io/graphql-over-http/draft/ and, for streams,
https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md ("distinct connections").
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.tokens import Authenticator
from gateway.context import Context
from gateway.door import Door
from gateway.errors import RequestError, formatted
from gateway.execution import Chosen, RefusedDocument
from gateway.http import EVENTS, GRAPHQL, JSON, Operation, admitted, body_of, language_of, media_type, operation_of
from gateway.sharing import InFlight

log = logging.getLogger(__name__)

_CHARSET = "; charset=utf-8"
# Nobody between us and the client may think that the other side is gone.
_QUIET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Timing:
    """request: of one operation, all its calls together; call: of one call at most; stream: of a subscription."""

    request: float
    call: float
    stream: float


@dataclass(frozen=True, slots=True)
class _Asker:
    """client: whose limits count."""

    caller: Caller
    token: str | None
    client: str
    language: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """content: encoded. data: does it hold any?"""

    content: bytes
    data: bool
    request_id: str


class GraphQLRoute:
    """A fresh context, and with it fresh loaders, for each operation."""

    def __init__(
        self,
        door: Door,
        authenticator: Authenticator,
        prepare: Callable[[Context], None],
        timing: Timing,
        *,
        body_bytes: int,
    ) -> None:
        self._door = door
        self._authenticator = authenticator
        self._prepare = prepare
        self._timing = timing
        self._body_bytes = body_bytes
        self._in_flight: InFlight[_Answer] = InFlight()

    async def __call__(self, request: Request) -> Response:
        request_id = new_id("req")
        kind = JSON
        headers: Mapping[str, str] = {}
        try:
            kind = media_type(request.headers.get("accept"))
            asker = await self._asker(request)
            operation = operation_of(await body_of(request, self._body_bytes))
            chosen = await self._door.admit(operation, asker.client)
            headers = await self._left(asker)
            if kind == EVENTS:
                return self._streamed(chosen, operation, asker, request_id, headers)
            with self._door.load.carrying():
                answer = await self._answered(chosen, operation, asker, request_id)
            content, request_id = answer.content, answer.request_id
            status = 200 if answer.data or kind == JSON else 400
        except RefusedDocument as refused:
            content = _encoded({"errors": formatted(refused.errors, request_id, refused.code)})
            status = 400 if kind == GRAPHQL else 200
        except RequestError as error:
            content, status, headers = _encoded({"errors": [error.formatted(request_id)]}), error.status, error.headers
            if status == 200 and kind == GRAPHQL:
                status = 400  # without data it is no success there
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # nothing internal is shown, whatever it was
            log.error("%s failed", request_id, exc_info=error)
            content, status = _hidden(request_id), 500
        named = _headers(request_id, headers)
        if status == 401:
            named["www-authenticate"] = "Bearer"
        return Response(content, status, named, media_type=(JSON if kind == EVENTS else kind) + _CHARSET)

    async def _asker(self, request: Request) -> _Asker:
        token, caller = await admitted(self._authenticator, request)
        language = language_of(request.headers.get("accept-language"))
        return _Asker(caller, token, client_of(request, token, caller), language)

    async def _left(self, asker: _Asker) -> Mapping[str, str]:
        """How many operations the client may still ask for, in headers."""
        left = (await self._door.rates.left(asker.client)).get("operations")
        return left.headers if left is not None else {}

    async def _answered(self, chosen: Chosen, operation: Operation, asker: _Asker, request_id: str) -> _Answer:
        async def answered() -> _Answer:
            context = self._context(asker, request_id)
            answer = await self._door.executor.execute(chosen, operation.variables, context)
            return _Answer(_encoded(answer), "data" in answer, request_id)

        if chosen.kind is not OperationType.QUERY:
            return await answered()
        # The same operation, variables and rights: the token says whose they are.
        variables = orjson.dumps(operation.variables or {}, option=orjson.OPT_SORT_KEYS)
        key = (chosen, variables, asker.token, asker.language)
        return await self._in_flight.share(key, answered)

    def _streamed(
        self, chosen: Chosen, operation: Operation, asker: _Asker, request_id: str, headers: Mapping[str, str]
    ) -> Response:
        until = time.monotonic() + self._left_of(asker.token)
        context = self._context(asker, request_id, until)
        answers = self._door.executor.stream(chosen, operation.variables, context)
        return StreamingResponse(
            _events(answers, context, until), 200, _headers(request_id, headers), media_type=EVENTS
        )

    def _left_of(self, token: str | None) -> float:
        """For how many seconds a stream of this token may last."""
        ends = self._authenticator.expires_at(token)
        return self._timing.stream if ends is None else min(ends - time.time(), self._timing.stream)

    def _context(self, asker: _Asker, request_id: str, until: float | None = None) -> Context:
        context = Context(
            caller=asker.caller,
            token=asker.token,
            client=asker.client,
            request_id=request_id,
            deadline=time.monotonic() + self._timing.request,
            call_seconds=self._timing.call,
            language=asker.language,
            until=until,
        )

        def renewed() -> None:
            context.deadline = time.monotonic() + self._timing.request
            self._prepare(context)

        if until is not None:
            context.renewed = renewed
        self._prepare(context)
        return context


def client_of(request: HTTPConnection, token: str | None, caller: Caller) -> str:
    """Whose limits count: whoever the token names; without one, the address."""
    if token is not None:
        return caller.subject
    return request.client.host if request.client is not None else "unknown"


async def _events(answers: AsyncIterator[dict[str, Any]], context: Context, until: float) -> AsyncIterator[bytes]:
    """Framed by LF alone: some clients look for nothing else. A stream ends when its token does."""
    source = aiter(answers)
    following: asyncio.Task[dict[str, Any]] | None = None
    try:
        while (left := until - time.monotonic()) > 0:
            following = following or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait([following], timeout=min(left, _QUIET_SECONDS))
            if not done:
                yield b":\n\n"
                continue
            try:
                answer = following.result()
            except StopAsyncIteration:
                break
            following = None
            place = f"id: {context.cursor}\n".encode() if context.cursor is not None else b""
            yield b"event: next\n" + place + b"data: " + _encoded(answer) + b"\n\n"
    except RequestError as error:
        yield b"event: next\ndata: " + _encoded({"errors": [error.formatted(context.request_id)]}) + b"\n\n"
    except Exception as error:  # nothing internal is shown, whatever it was
        log.error("%s failed", context.request_id, exc_info=error)
        yield b"event: next\ndata: " + _hidden(context.request_id) + b"\n\n"
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await answers.aclose()  # type: ignore[attr-defined]  # a generator
    yield b"event: complete\ndata:\n\n"


def _hidden(request_id: str) -> bytes:
    return _encoded({"errors": [RequestError("INTERNAL_SERVER_ERROR", "internal error").formatted(request_id)]})


def _headers(request_id: str, more: Mapping[str, str]) -> dict[str, str]:
    """An answer is its caller's alone."""
    fixed = {"x-request-id": request_id, "vary": "accept, accept-language", "cache-control": "private, no-cache"}
    return {**fixed, **more}


def _encoded(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS)
