"""What can go wrong, in words the whole system shares.

DomainError
  InvalidInput          the caller can mend it; says which field
  NotFound
  AlreadyExists
  Conflict              stale version, or a step the present state does not allow
    IdempotencyMismatch the key was used with other input
  Unauthenticated
  Forbidden
  CursorExpired         what came after the place is not all kept any more
  Exhausted             try again later, nothing was taken
  Unavailable           something behind us does not answer

Messages name ids and values of the request, never personal data of others.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A DomainError as data: one key of a batch failed, the others stand."""

    code: str
    message: str
    path: tuple[str, ...] = ()


class DomainError(Exception):
    """A refusal with a stable code; `path` is the input field, outermost first, in the names of the proto."""

    code = "INTERNAL"

    def __init__(self, message: str, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)

    @property
    def fault(self) -> Fault:
        return Fault(self.code, self.message, self.path)


class InvalidInput(DomainError):
    code = "INVALID"


class NotFound(DomainError):
    code = "NOT_FOUND"


class AlreadyExists(DomainError):
    code = "ALREADY_EXISTS"


class Conflict(DomainError):
    code = "CONFLICT"


class IdempotencyMismatch(Conflict):
    code = "IDEMPOTENCY_MISMATCH"


class Unauthenticated(DomainError):
    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    code = "FORBIDDEN"


class CursorExpired(DomainError):
    code = "CURSOR_EXPIRED"


class Exhausted(DomainError):
    """retry_seconds: after which it is worth to try again; None: nothing is known of it."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, path: Sequence[str] = (), retry_seconds: float | None = None) -> None:
        super().__init__(message, path)
        self.retry_seconds = retry_seconds


class Unavailable(DomainError):
    code = "SERVICE_UNAVAILABLE"


class DeadlineExceeded(Unavailable):
    code = "GATEWAY_TIMEOUT"


ERROR_OF_CODE: dict[str, type[DomainError]] = {
    error.code: error
    for error in (
        InvalidInput,
        NotFound,
        AlreadyExists,
        Conflict,
        IdempotencyMismatch,
        Unauthenticated,
        Forbidden,
        CursorExpired,
        Exhausted,
        Unavailable,
        DeadlineExceeded,
    )
}
