"""What a service asks MongoDB for: recorded from the driver, counted, and explained."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson import decode, encode
from pymongo import monitoring

from chassis.mongo import Database

_OF_DATA = frozenset(
    {"find", "aggregate", "insert", "update", "delete", "findAndModify", "count", "distinct", "getMore"}
)
_EXPLAINED = frozenset({"find", "aggregate"})
# Few documents, read whole and on purpose.
_DEFINITIONS = frozenset({"calendars", "policies", "kpi_versions", "kpi_counts", "event_types", "watermarks"})


class Recorder(monitoring.CommandListener):
    """Hears every command of every client of the test run."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, Mapping[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _OF_DATA:
            self.heard.append((event.database_name, event.command_name, decode(encode(event.command))))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


RECORDER = Recorder()
monitoring.register(RECORDER)


class Commands:
    """The commands of one database within a block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.found: list[tuple[str, Mapping[str, Any]]] = []

    @contextmanager
    def recorded(self) -> Iterator[None]:
        begin = len(RECORDER.heard)
        yield
        self.found = [
            (name, command)
            for database, name, command in RECORDER.heard[begin:]
            if database == self._database.name and command.get(name) not in ("leases", "outbox", "event_counters")
        ]

    async def unindexed(self) -> list[str]:
        """The recorded reads that look through a whole collection, or sort what no index has in order."""
        wrong = []
        for name, command in self.found:
            whole = command.get(name) in _DEFINITIONS and not command.get("filter")
            if name in _EXPLAINED and not whole:
                async for part, plan in self._explained(command):
                    wrong += [f"{fault} in {part}" for fault in _faults(plan)]
        return wrong

    async def examined(self) -> int:
        """How many documents MongoDB looked at for the recorded reads."""
        total = 0
        for name, command in self.found:
            if name in _EXPLAINED:
                total += sum([n async for _, plan in self._explained(command) for n in _examined(plan)])
        return total

    async def _explained(self, command: Mapping[str, Any]) -> AsyncIterator[tuple[Mapping[str, Any], Any]]:
        plain = {key: value for key, value in command.items() if not key.startswith("$") and key not in _SESSION}
        for part in _parts(plain):
            yield part, await self._database.command("explain", part, verbosity="executionStats")


_SESSION = frozenset({"lsid", "txnNumber", "startTransaction", "autocommit", "readConcern", "writeConcern"})


def _parts(command: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each branch of a union by itself: MongoDB 6.0 dies of explaining them together."""
    pipeline = command.get("pipeline", [])
    yield {**command, "pipeline": [stage for stage in pipeline if "$unionWith" not in stage]} if pipeline else command
    for stage in pipeline:
        if "$unionWith" in stage:
            yield {"aggregate": stage["$unionWith"]["coll"], "pipeline": stage["$unionWith"]["pipeline"], "cursor": {}}


def _examined(plan: Any) -> Iterator[int]:
    if isinstance(plan, list):
        for part in plan:
            yield from _examined(part)
    elif isinstance(plan, dict):
        if "totalDocsExamined" in plan:
            yield plan["totalDocsExamined"]
        else:
            for value in plan.values():
                yield from _examined(value)


def _faults(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _faults(part)
    elif isinstance(plan, dict):
        if plan.get("stage") == "COLLSCAN" and "documents" not in str(plan.get("namespace", "")):
            yield "COLLSCAN"
        if plan.get("stage") == "SORT":
            yield "SORT"
        if plan.get("collectionScans"):
            yield "COLLSCAN below $lookup"
        for value in plan.values():
            yield from _faults(value)
