"""One process of ours: started, watched, started again when it dies, and never left behind."""

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Called with the process's name and one line of what it printed.
Output = Callable[[str, str], None]

_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_STEADY_SECONDS = 10.0
_QUICK_DEATHS_ALLOWED = 8


def die_with_parent() -> None:
    """Runs in the child before its program: when the supervisor is killed, the kernel ends the child too."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """Restarted with exponential backoff; it gave up when it keeps dying right after its start."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, log: Path, output: Output | None
    ) -> None:
        self.name = name
        self.log = log
        self.last_status: int | None = None
        self.restarts = 0
        self.gave_up = False
        self._command = list(command)
        self._environment = dict(environment)
        self._output = output
        self._process: subprocess.Popen[str] | None = None
        self._wanted = threading.Event()
        self._changed = threading.Event()
        self._killed = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._wanted.set()
        self._changed.clear()
        self.gave_up = False
        self._spawn()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name=f"watch {self.name}")
        self._watcher.start()

    def stop(self, grace: float = 15.0) -> None:
        """SIGTERM, and SIGKILL when it does not end in time."""
        self._wanted.clear()
        self._changed.set()
        process = self._process
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._watcher:
            self._watcher.join()

    def kill(self) -> None:
        """kill -9; it is started again at once, for that it died is no fault of its own."""
        self._killed.set()
        if self._process:
            self._process.kill()

    def _spawn(self) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops everything in the right order.
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # prctl has no other place; no thread holds a lock it needs
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True, name=f"read {self.name}").start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None  # noqa: S101  # we asked for a pipe
        with self.log.open("a") as log, process.stdout as lines:
            for line in lines:
                log.write(line)
                log.flush()
                if self._output:
                    self._output(self.name, line.rstrip("\n"))

    def _watch(self) -> None:
        pause, quick = _FIRST_PAUSE, 0
        while self._wanted.is_set():
            process = self._process
            assert process is not None  # noqa: S101  # started before it is watched
            began = time.monotonic()
            self.last_status = process.wait()
            if not self._wanted.is_set():
                return
            if self._killed.is_set() or time.monotonic() - began > _STEADY_SECONDS:
                pause, quick = _FIRST_PAUSE, 0
                self._killed.clear()
            quick += 1
            if quick > _QUICK_DEATHS_ALLOWED:
                self.gave_up = True
                return
            if self._output:
                self._output(self.name, f"ended with status {self.last_status}; starts again in {pause:g} s")
            if self._changed.wait(pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE)
            self.restarts += 1
            self._spawn()
