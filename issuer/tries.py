"""How often a secret may be guessed: seldom enough that guessing is of no use."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_TRIES = 10
_WINDOW_SECONDS = 60.0
_MOST_CLIENTS = 10_000


class Tries:
    """Of each client: those of the last minute that did not succeed, or not yet. clock: in seconds."""

    def __init__(self, *, most_clients: int = _MOST_CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_clients = most_clients
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, client: str) -> float | None:
        """Count one more; the seconds until the next is admitted, when this one is not."""
        now = self._clock()
        tries = self._tries.setdefault(client, deque(maxlen=_MOST_TRIES))
        self._tries.move_to_end(client)
        if len(self._tries) > self._most_clients:
            self._tries.popitem(last=False)
        while tries and tries[0] <= now - _WINDOW_SECONDS:
            tries.popleft()
        if len(tries) == _MOST_TRIES:
            return tries[0] + _WINDOW_SECONDS - now
        tries.append(now)
        return None

    def succeeded(self, client: str) -> None:
        self._tries.pop(client, None)
