"""How much runs at once: what is too much is refused at once, and a replica that refuses much is not ready."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.errors import RequestError

# So many refusals within so many seconds, and the balancer should look elsewhere for a while.
_REFUSALS = 10
_WITHIN_SECONDS = 5.0


class Load:
    """most: operations that run at once; 0: any number."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._running = 0
        self._refused: deque[float] = deque(maxlen=_REFUSALS)

    @property
    def running(self) -> int:
        return self._running

    @property
    def overloaded(self) -> bool:
        return len(self._refused) == _REFUSALS and self._clock() - self._refused[0] < _WITHIN_SECONDS

    @contextmanager
    def carrying(self) -> Iterator[None]:
        """RequestError: enough runs already."""
        if self._most and self._running >= self._most:
            self._refused.append(self._clock())
            raise RequestError(
                "SERVICE_UNAVAILABLE", "too many operations run at once", 503, headers={"retry-after": "1"}
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
