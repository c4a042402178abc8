"""Kills processes of a running system at random moments, lets it come back, and looks for what was lost or doubled."""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from cli.system import System
from cli.verify import Report, verify
from tests.faults.load import Load, Written
from tests.faults.writes import WRITES

ROOT = Path(__file__).parents[2]
# After a kill the next one comes within so many seconds of the system being whole again.
_LONGEST_PAUSE = 0.8


@dataclass
class Found:
    """What a run did and what it found."""

    kills: Counter[str] = field(default_factory=Counter)
    recovery_seconds: list[float] = field(default_factory=list)
    writes: int = 0
    written: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    parked: int = 0
    at_rest: bool = True

    @property
    def wrong(self) -> list[str]:
        rest = [] if self.at_rest else ["the outbox was not emptied"]
        parked = [f"{self.parked} deliveries are parked"] if self.parked else []
        return [*self.faults, *self.lost, *self.doubled, *self.differences, *rest, *parked]

    def summary(self) -> dict[str, object]:
        seconds = self.recovery_seconds
        shown = asdict(self)
        shown |= {name: len(shown[name]) for name in ("lost", "doubled", "faults", "differences")}
        shown |= {"kills": dict(self.kills), "written": dict(sorted(self.written.items()))}
        shown["recovery_seconds"] = {
            "median": round(statistics.median(seconds), 2) if seconds else None,
            "longest": round(max(seconds), 2) if seconds else None,
        }
        return shown


def client_of(system: System) -> MongoClient[dict[str, Any]]:
    return MongoClient(system.mongo_uri)


Commands = Mapping[str, "list[subprocess.Popen[str]]"]


class Killer:
    """names: which processes; mongo is one of them. commands: of the command line, the last of each list is running."""

    def __init__(
        self, system: System, found: Found, *, seed: int, names: Sequence[str], commands: Commands | None = None
    ) -> None:
        self._system = system
        self._found = found
        self._rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self._commands = commands or {}
        self._names = [*names, *self._commands]

    def kill(self, times: int) -> None:
        for _ in range(times):
            time.sleep(self._rng.uniform(0, _LONGEST_PAUSE))
            name = self._rng.choice(self._names)
            began = time.monotonic()
            if name in self._commands:
                for process in self._commands[name][-1:]:
                    if process.poll() is None:
                        self._found.kills[name] += 1
                    process.kill()
                continue
            if name == "mongo":
                assert self._system.mongo is not None
                self._system.mongo.kill()
            else:
                self._system.kill(name)
            # So that what is asked next is not the one that is dying.
            time.sleep(0.05)
            self._system.wait_until_healthy(90)
            self._found.kills[name] += 1
            self._found.recovery_seconds.append(time.monotonic() - began)


@contextmanager
def under_load(system: System, found: Found, *, seed: int) -> Iterator[None]:
    """Clients write while the block runs; then everything acknowledged must be there, once."""
    with Load(system.endpoint, seed=seed) as load:
        yield
    written = load.written
    found.writes += written.count
    found.resent += written.resent
    found.faults += written.faults
    _compare(system, written, found)


def _compare(system: System, written: Written, found: Found) -> None:
    with client_of(system) as mongo:
        databases = {service: mongo[f"rundblick_{service}"] for service in ("customers", "feedback")}
        done = {
            service: {one["_id"].rpartition("|")[2] for one in database["idempotency"].find({}, {"_id": 1})}
            for service, database in databases.items()
        }
        for what, marks in written.marks.items():
            write = WRITES[what]
            found.written[what] += len(marks)
            found.lost += [
                f"{what} {one} was acknowledged and nobody knows of it" for one in marks.keys() - done[write.service]
            ]
            if write.kept is None:
                continue
            collection, name = write.kept
            kept = databases[write.service][collection].find({}, {name: 1})
            there = Counter(one[name] for one in kept if one.get(name) is not None)
            found.lost += [f"{what} {mark} was acknowledged and is gone" for mark in marks if not there[mark]]
            found.doubled += [f"{what} {mark} is there {there[mark]} times" for mark in marks if there[mark] > 1]
        # What an enquiry was opened with is a message too.
        bodies = Counter(one["body"] for one in databases["feedback"]["messages"].find({}, {"body": 1}))
        found.lost += [f"the message of {mark} is gone" for mark in written.marks["enquiry"] if bodies[mark] != 1]


def check(system: System, found: Found, *, seconds: float = 90) -> Report:
    """The system's own check, when nothing is on its way any more."""
    report = asyncio.run(verify(system.addresses, None, seconds=seconds))
    found.differences += [f"{d.what} {d.id}: {d.detail}" for d in report.differences]
    found.parked += report.parked
    found.at_rest = found.at_rest and report.at_rest
    return report


def command(system: System, *words: str) -> "subprocess.Popen[str]":
    """The command line, in a process of its own."""
    line = [sys.executable, "-m", "cli", *words, "--endpoint", system.endpoint]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def until_done(
    system: System,
    words: Iterable[str],
    *,
    tries: int = 20,
    running: "list[subprocess.Popen[str]] | None" = None,
) -> str:
    """Run a command again until it ends well, as its user would. running: gets each process that is started."""
    words = list(words)
    for _ in range(tries):
        process = command(system, *words)
        if running is not None:
            running.append(process)
        output, _ = process.communicate(timeout=180)
        if process.returncode == 0:
            return output
        time.sleep(0.2)
    raise AssertionError(f"{words} did not end well: {output}")
