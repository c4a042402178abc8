"""One way to call another process: always with a deadline, and with its refusals as our errors."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from chassis import errors
from chassis.interceptors import ERROR_METADATA, INTERNAL_ERROR

if TYPE_CHECKING:
    Response = TypeVar("Response")
else:
    Response = Any

_ERROR_OF_STATUS: dict[grpc.StatusCode, type[errors.DomainError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInput,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Conflict,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.Forbidden,
    grpc.StatusCode.OUT_OF_RANGE: errors.CursorExpired,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Exhausted,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
}


def metadata_of(token: str | None, extra: Mapping[str, str] | None = None) -> tuple[tuple[str, str], ...]:
    pairs = tuple((extra or {}).items())
    return pairs if token is None else (("authorization", f"Bearer {token}"), *pairs)


def error_of(error: grpc.aio.AioRpcError) -> errors.DomainError:
    """What the other process said; a DomainError with code INTERNAL when it was its own mistake."""
    kind = _ERROR_OF_STATUS.get(error.code())
    if kind is None and error.details() == INTERNAL_ERROR:
        return errors.DomainError(INTERNAL_ERROR)
    if kind is None:
        # Not what a servicer says (CANCELLED, UNKNOWN, INTERNAL with a text of gRPC's own): the other process died.
        return errors.Unavailable("the service broke off")
    if kind is errors.Unavailable:
        # What gRPC says here names addresses of the inside.
        return errors.Unavailable("the service does not answer")
    if kind is errors.DeadlineExceeded:
        return errors.DeadlineExceeded("the service did not answer in time")
    for key, value in error.trailing_metadata() or ():
        if key == ERROR_METADATA:
            said = json.loads(value)
            if said["code"] == errors.Exhausted.code:
                return errors.Exhausted(said["message"], said["path"], said.get("retry_seconds"))
            return errors.ERROR_OF_CODE.get(said["code"], kind)(said["message"], said["path"])
    return kind(error.details() or error.code().name)


async def call(
    method: Any, request: Any, *, timeout: float, token: str | None = None, metadata: Mapping[str, str] | None = None
) -> Any:
    """Call a stub's unary method. timeout: seconds. Raises a DomainError, also when nobody answers."""
    if timeout <= 0:
        raise errors.DeadlineExceeded("no time is left for the call")
    try:
        return await method(request, timeout=timeout, metadata=metadata_of(token, metadata))
    except grpc.aio.AioRpcError as error:
        raise error_of(error) from error


async def stream(method: Any, request: Any, *, timeout: float, token: str | None = None) -> AsyncIterator[Any]:
    """The answers of a stub's method that answers more than once. Raises as `call`."""
    if timeout <= 0:
        raise errors.DeadlineExceeded("no time is left for the call")
    try:
        async for answer in method(request, timeout=timeout, metadata=metadata_of(token)):
            yield answer
    except grpc.aio.AioRpcError as error:
        raise error_of(error) from error
