"""Errors as clients see them: a stable code, the service, whether to try again; nothing of the inside."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from chassis import errors

log = logging.getLogger(__name__)

MOST_ERRORS = 20

CODES = {
    "INVALID": "BAD_USER_INPUT",
    "NOT_FOUND": "NOT_FOUND",
    "ALREADY_EXISTS": "BAD_USER_INPUT",
    "CONFLICT": "CONFLICT",
    "IDEMPOTENCY_MISMATCH": "IDEMPOTENCY_MISMATCH",
    "UNAUTHENTICATED": "UNAUTHENTICATED",
    "FORBIDDEN": "FORBIDDEN",
    "CURSOR_EXPIRED": "CURSOR_EXPIRED",
    "RATE_LIMITED": "RATE_LIMITED",
    "SERVICE_UNAVAILABLE": "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT": "GATEWAY_TIMEOUT",
}
RETRYABLE = frozenset({"RATE_LIMITED", "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT"})

_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


class ServiceError(Exception):
    """What a service answered instead of a result."""

    def __init__(self, service: str, error: errors.DomainError) -> None:
        super().__init__(error.message)
        self.service = service
        self.error = error


class RequestError(Exception):
    """The request as a whole is refused. headers: of the answer that says so."""

    def __init__(self, code: str, message: str, status: int = 400, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}

    def formatted(self, request_id: str) -> dict[str, Any]:
        said = {"code": self.code, "requestId": request_id, "retryable": self.code in RETRYABLE}
        return {"message": self.message, "extensions": said}


def bad_input(message: str, *path: str) -> errors.InvalidInput:
    """The caller's mistake, found here."""
    return errors.InvalidInput(message, path)


def _shown(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    """The message and the extensions."""
    original: BaseException | None = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    if isinstance(original, ServiceError):
        code = CODES.get(original.error.code, "INTERNAL_SERVER_ERROR")
        extensions = {"code": code, "service": original.service, "retryable": code in RETRYABLE}
        if isinstance(original.error, errors.Exhausted) and original.error.retry_seconds is not None:
            extensions["retryAfterSeconds"] = original.error.retry_seconds
        return original.error.message, extensions
    if isinstance(original, errors.DomainError):
        code = CODES.get(original.code, "INTERNAL_SERVER_ERROR")
        return original.message, {"code": code, "retryable": code in RETRYABLE}
    if original is None or isinstance(original, GraphQLError):
        given = dict(error.extensions or {})
        return _SUGGESTION.sub("", error.message), {"code": "BAD_USER_INPUT", **given}
    log.error("a resolver failed at %s", error.path, exc_info=original)
    return "internal error", {"code": "INTERNAL_SERVER_ERROR", "retryable": False}


def formatted(found: Sequence[GraphQLError], request_id: str, code: str | None = None) -> list[dict[str, Any]]:
    """At most MOST_ERRORS of them; code: of errors that are the document's own."""
    result = []
    for error in found[:MOST_ERRORS]:
        message, extensions = _shown(error)
        if code is not None and error.original_error is None:
            extensions["code"] = (error.extensions or {}).get("code", code)
        shown: dict[str, Any] = {"message": message}
        if error.locations:
            shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
        if error.path is not None:
            shown["path"] = error.path
        result.append({**shown, "extensions": {**extensions, "requestId": request_id}})
    return result
