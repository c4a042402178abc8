"""Ctrl-C and SIGTERM end a command in good order."""

import signal
from typing import NoReturn


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


def stop_on_signals() -> None:
    def stop(*_: object) -> NoReturn:
        # A second Ctrl-C must not break the orderly end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise Stop

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
