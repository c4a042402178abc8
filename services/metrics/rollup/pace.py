"""How many events one transaction takes: many where that is quick, fewer where the machine or the database is slow."""

import time

_SMALLEST = 100
# Well below the 15 seconds after which the laptop's MongoDB aborts, and far enough apart that a size can settle.
_QUICK, _SLOW = 2.0, 6.0


class Pace:
    """MongoDB aborts a transaction that lasts too long; the same batch again would only be aborted again.

    So a try that follows one that did not end takes half as many, and so does one after a slow one. largest: never
    more than that.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._smallest = min(_SMALLEST, largest)
        self._size = largest
        self._began: float | None = None

    def begin(self) -> int:
        """A try begins; how many it may take."""
        if self._began is not None:
            self._size = max(self._size // 2, self._smallest)
        self._began = time.monotonic()
        return self._size

    def end(self) -> None:
        """What was begun is committed."""
        seconds = time.monotonic() - self._began if self._began is not None else 0.0
        self._began = None
        if seconds > _SLOW:
            self._size = max(self._size // 2, self._smallest)
        elif seconds < _QUICK:
            self._size = min(self._size * 2, self._largest)
