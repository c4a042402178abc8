"""Stops asking a service that does not answer: callers are told at once, and one call after a while tries again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from chassis.errors import DeadlineExceeded, DomainError, Unavailable

_FAILURES = 20
_REST_SECONDS = 2.0


class State(Enum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Breaker:
    """Of one service. failures: so many in a row open it; rest_seconds: so long it stays open before one may try."""

    def __init__(
        self,
        *,
        failures: int = _FAILURES,
        rest_seconds: float = _REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._rest = rest_seconds
        self._clock = clock
        self._failed = 0
        self._opened_at = 0.0
        self.state = State.CLOSED

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Around one call. Unavailable: the service is given a rest, or somebody else tries already."""
        self._admit()
        try:
            yield
        except BaseException as error:
            self._note(error)
            raise
        self._note(None)

    def _admit(self) -> None:
        if self.state is State.CLOSED:
            return
        if self.state is State.OPEN and self._clock() - self._opened_at >= self._rest:
            self.state = State.HALF_OPEN
            return
        raise Unavailable("the service did not answer lately")

    def _note(self, error: BaseException | None) -> None:
        """How an admitted call ended. Only silence is a failure: whoever refuses answers."""
        if isinstance(error, (Unavailable, DeadlineExceeded)):
            self._failed += 1
            if self.state is State.HALF_OPEN or self._failed >= self._most:
                self.state, self._opened_at = State.OPEN, self._clock()
        elif error is None or isinstance(error, DomainError):
            self._failed = 0
            self.state = State.CLOSED
        elif self.state is State.HALF_OPEN:
            # Cancelled: nobody knows; the next one tries.
            self.state = State.OPEN
