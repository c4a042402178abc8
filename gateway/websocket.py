"""Subscriptions over WebSocket: https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverWebSocket.md

The subprotocol graphql-transport-ws. Each operation has a context and loaders of its own, made anew for each event, so
nothing that was loaded for one event is shown with the next. A socket ends when its token does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from chassis import errors as domain
from chassis.caller import Caller, bearer
from chassis.ids import new_id
from chassis.tokens import Authenticator
from gateway.context import Context
from gateway.door import Door
from gateway.errors import RequestError, formatted
from gateway.execution import RefusedDocument
from gateway.http import Operation, language_of, operation_of
from gateway.route import Timing, client_of

log = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
MOST_OPERATIONS = 100
LONGEST_ID = 200


class Closing(Exception):
    """Why the socket is closed, as the protocol numbers it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSocket:
    """/graphql as WebSocket. origins: other sites whose pages may come. init_seconds: so long a client may take to say
    who it is.
    """

    def __init__(
        self,
        door: Door,
        authenticator: Authenticator,
        prepare: Callable[[Context], None],
        timing: Timing,
        *,
        origins: Collection[str] = (),
        init_seconds: float = 10.0,
    ) -> None:
        self.door = door
        self._authenticator = authenticator
        self._prepare = prepare
        self._timing = timing
        self._origins = origins
        self._init_seconds = init_seconds

    async def __call__(self, websocket: WebSocket) -> None:
        if not self._is_ours(websocket.headers.get("origin"), websocket.headers.get("host")):
            await websocket.close(4403)  # before it was accepted: 403
            return
        if PROTOCOL not in websocket.scope.get("subprotocols", ()):
            await websocket.accept()
            await websocket.close(4406, "Subprotocol not acceptable")
            return
        await websocket.accept(PROTOCOL)
        connection = _Connection(self, websocket)
        try:
            await connection.run()
        except WebSocketDisconnect:
            return
        except Closing as closing:
            await _close(websocket, closing.code, closing.reason)
        except Exception as error:  # nothing internal is shown, whatever it was
            log.error("a socket failed", exc_info=error)
            await _close(websocket, 1011, "internal error")
        finally:
            await connection.end()

    def _is_ours(self, origin: str | None, host: str | None) -> bool:
        """Browsers name the site whose page opens the socket; others name none."""
        return origin is None or origin.partition("://")[2] == host or origin in self._origins or "*" in self._origins

    async def admitted(self, websocket: WebSocket, payload: object) -> tuple[str | None, Caller, float]:
        """The token, its caller, and for how many seconds it is good. Closing: it is not."""
        given = payload.get("authorization", payload.get("Authorization")) if isinstance(payload, dict) else None
        header = given if isinstance(given, str) else websocket.headers.get("authorization")
        try:
            token = bearer(header)
            caller = await self._authenticator.caller_of(token)
        except domain.Unauthenticated:
            raise Closing(4403, "Forbidden") from None
        except domain.Unavailable:
            raise Closing(1013, "Try again later") from None
        ends = self._authenticator.expires_at(token)
        left = self._timing.stream if ends is None else min(ends - time.time(), self._timing.stream)
        return token, caller, left

    def context(self, token: str | None, caller: Caller, until: float, language: str) -> Context:
        context = Context(
            caller=caller,
            token=token,
            request_id=new_id("req"),
            deadline=time.monotonic() + self._timing.request,
            call_seconds=self._timing.call,
            language=language,
            until=until,
        )

        def renewed() -> None:
            context.deadline = time.monotonic() + self._timing.request
            self._prepare(context)

        context.renewed = renewed
        self._prepare(context)
        return context

    @property
    def init_seconds(self) -> float:
        return self._init_seconds


class _Connection:
    """One socket."""

    def __init__(self, owner: GraphQLSocket, websocket: WebSocket) -> None:
        self._owner = owner
        self._websocket = websocket
        self._caller: Caller | None = None
        self._token: str | None = None
        self._until = 0.0
        self._language = language_of(websocket.headers.get("accept-language"))
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Closing, WebSocketDisconnect: why it ended."""
        try:
            async with asyncio.timeout(self._owner.init_seconds):
                while self._caller is None:
                    await self._take(await self._message())
        except TimeoutError:
            raise Closing(4408, "Connection initialisation timeout") from None
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._until - time.monotonic()):
                while True:
                    await self._take(await self._message())
        except TimeoutError:
            raise Closing(4403, "Forbidden: the token has ended") from None

    async def end(self) -> None:
        for task in self._operations.values():
            task.cancel()
        await asyncio.gather(*self._operations.values(), return_exceptions=True)

    async def _message(self) -> dict[str, Any]:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        try:
            said = orjson.loads(received.get("text") or b"")
        except orjson.JSONDecodeError:
            raise Closing(4400, "Invalid message received: no JSON") from None
        if not isinstance(said, dict) or not isinstance(said.get("type"), str):
            raise Closing(4400, "Invalid message received: a message is an object with a type")
        return said

    async def _take(self, said: dict[str, Any]) -> None:
        kind = said["type"]
        if kind == "connection_init":
            await self._init(said.get("payload"))
        elif kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "pong":
            return
        elif kind == "subscribe":
            self._subscribe(said)
        elif kind == "complete":
            task = self._operations.pop(str(said.get("id")), None)
            if task is not None:
                task.cancel()
        else:
            raise Closing(4400, f"Invalid message received: there is no type {kind[:40]}")

    async def _init(self, payload: object) -> None:
        if self._caller is not None:
            raise Closing(4429, "Too many initialisation requests")
        self._token, self._caller, left = await self._owner.admitted(self._websocket, payload)
        self._until = time.monotonic() + left
        await self._send({"type": "connection_ack"})

    def _subscribe(self, said: dict[str, Any]) -> None:
        if self._caller is None:
            raise Closing(4401, "Unauthorized")
        id = said.get("id")
        if not isinstance(id, str) or not 0 < len(id) <= LONGEST_ID:
            raise Closing(4400, "Invalid message received: an operation has an id")
        if id in self._operations:
            raise Closing(4409, f"Subscriber for {id} already exists")
        if len(self._operations) >= MOST_OPERATIONS:
            raise Closing(4400, f"Invalid message received: at most {MOST_OPERATIONS} operations at once")
        try:
            operation = operation_of(orjson.dumps(said.get("payload")))
        except RequestError as error:
            raise Closing(4400, f"Invalid message received: {error.message}"[:120]) from None
        context = self._owner.context(self._token, self._caller, self._until, self._language)
        context.alive = partial(self._alive, id)
        self._operations[id] = asyncio.create_task(self._operate(id, operation, context))

    async def _operate(self, id: str, operation: Operation, context: Context) -> None:
        try:
            context.client = client_of(self._websocket, context.token, context.caller)
            chosen = await self._owner.door.admit(operation, context.client)
            answers = self._owner.door.executor.stream(chosen, operation.variables, context)
            async for answer in answers:
                if "data" not in answer:
                    await self._send({"id": id, "type": "error", "payload": answer["errors"]})
                    return
                await self._send({"id": id, "type": "next", "payload": answer})
            await self._send({"id": id, "type": "complete"})
        except RefusedDocument as refused:
            said = formatted(refused.errors, context.request_id, refused.code)
            await self._send({"id": id, "type": "error", "payload": said})
        except RequestError as error:
            await self._send({"id": id, "type": "error", "payload": [error.formatted(context.request_id)]})
        except WebSocketDisconnect:
            return
        except Exception as error:  # nothing internal is shown, whatever it was
            log.error("%s failed", context.request_id, exc_info=error)
            hidden = RequestError("INTERNAL_SERVER_ERROR", "internal error").formatted(context.request_id)
            await self._send({"id": id, "type": "error", "payload": [hidden]})
        finally:
            if self._operations.get(id) is asyncio.current_task():
                del self._operations[id]

    async def _alive(self, id: str, cursor: str) -> None:
        """That an operation goes on though it has nothing to say, and from where, should it be opened again."""
        await self._send({"type": "ping", "payload": {"id": id, "cursor": cursor}})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS).decode())


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    try:
        await websocket.close(code, reason)
    except (RuntimeError, WebSocketDisconnect):
        return  # the client was faster
