"""What stands before every servicer method: a deadline, a known caller, errors as statuses."""

import functools
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from chassis import errors
from chassis.caller import SOURCES_METADATA, bearer, current_caller, limit_of, set_current_caller
from chassis.masking import Masking
from chassis.rights import Rights
from chassis.tls import PROCESS_METADATA, over_tls, peer_of
from chassis.tokens import Authenticator

log = logging.getLogger(__name__)

ERROR_METADATA = "rundblick-error-bin"
# All that callers learn of a mistake of ours.
INTERNAL_ERROR = "internal error"

STATUS_OF: dict[type[errors.DomainError], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.CursorExpired: grpc.StatusCode.OUT_OF_RANGE,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}

# Tools ask these without a deadline and before anybody has signed in; they show no data.
_OPEN_TO_ALL = ("/grpc.health.v1.Health/", "/grpc.reflection.")


def status_of(error: errors.DomainError) -> grpc.StatusCode:
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return grpc.StatusCode.INTERNAL


async def _abort(context: Any, error: errors.DomainError) -> NoReturn:
    said: dict[str, object] = {"code": error.code, "message": error.message, "path": error.path}
    metadata: list[tuple[str, str | bytes]] = []
    if isinstance(error, errors.Exhausted) and error.retry_seconds is not None:
        said["retry_seconds"] = error.retry_seconds
        # As gRPC's own clients understand it: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
        metadata.append(("grpc-retry-pushback-ms", str(round(error.retry_seconds * 1000))))
    metadata.append((ERROR_METADATA, json.dumps(said).encode()))
    await context.abort(status_of(error), error.message, trailing_metadata=tuple(metadata))
    raise AssertionError("abort returns never")


async def _refuse(context: Any, method: str, error: Exception) -> NoReturn:
    """Tell the caller about its mistakes and the log about ours."""
    if isinstance(error, errors.DomainError):
        await _abort(context, error)
    if isinstance(error, (ConnectionFailure, ExecutionTimeout)):
        log.warning("%s: the database does not answer: %s", method, type(error).__name__)
        await _abort(context, errors.Unavailable("the database does not answer"))
    if isinstance(error, PyMongoError) and error.timeout:
        log.warning("%s: the database was too slow: %s", method, type(error).__name__)
        await _abort(context, errors.Unavailable("the database was too slow"))
    log.error("%s failed", method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_ERROR)
    raise AssertionError("abort returns never")


class Guard(grpc.aio.ServerInterceptor):
    """Refuses calls without a deadline, a valid caller or the right to call, and translates what the servicer raises.

    Personal fields that the caller may not see do not leave the process. Without rights, for a server without a table,
    everybody who is known may call everything.
    """

    def __init__(self, authenticator: Authenticator, rights: Rights | None = None) -> None:
        self._authenticator = authenticator
        self._rights = rights
        self._masking = Masking(rights) if rights is not None else None

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(_OPEN_TO_ALL):
            return handler
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary), handler.request_deserializer, handler.response_serializer
            )
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                self._stream(method, handler.stream_stream), handler.request_deserializer, handler.response_serializer
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            self._unary(method, handler.stream_unary), handler.request_deserializer, handler.response_serializer
        )

    async def _admit(self, method: str, context: Any) -> None:
        if context.time_remaining() is None:
            raise errors.InvalidInput("the call has no deadline")
        metadata = dict(context.invocation_metadata() or ())
        token, process = bearer(metadata.get("authorization")), metadata.get(PROCESS_METADATA)
        if process is not None and over_tls(context) and peer_of(context) != process:
            raise errors.Unauthenticated(f"the certificate is not that of {process}")
        caller = await self._authenticator.caller_of(token, process)
        if (limit := metadata.get(SOURCES_METADATA)) is not None:
            caller = caller.within(limit_of(limit))
        set_current_caller(caller if self._rights is None else self._rights.admitted(caller, method))

    def _masked(self, answer: Any) -> Any:
        if self._masking is not None:
            self._masking.mask(current_caller(), answer)
        return answer

    def _unary(self, method: str, inner: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        @functools.wraps(inner)
        async def guarded(request: Any, context: Any) -> Any:
            try:
                await self._admit(method, context)
                return self._masked(await inner(request, context))
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the one edge where every error becomes a status
                await _refuse(context, method, error)

        return guarded

    def _stream(
        self, method: str, inner: Callable[[Any, Any], AsyncIterator[Any]]
    ) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def guarded(requests: Any, context: Any) -> AsyncIterator[Any]:
            try:
                await self._admit(method, context)
                async for answer in inner(requests, context):
                    yield self._masked(answer)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # as above
                await _refuse(context, method, error)

        return guarded
