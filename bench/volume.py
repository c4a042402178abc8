"""What a question costs when there are more and more events: it should not depend on how many.

    python -m bench.volume                      # 10^4 ... 10^7 events; writes bench/results/<date>-volume.json
    python -m bench.volume --largest 6

8 touchpoints, 20 employees, 5 teams, 10 categories and customers at 3 stages over 180 days. Up to 10^6 events come in
over the public RPC; beyond, they are summed by the folder's own code and written as it writes them, without being
stored one by one. At each size: a breakdown of 90 days by touchpoint and a daily series of two quantiles over 90 days,
each asked 400 times; how many documents MongoDB looked at for it, in any collection; how large the state is on disk.
From the fewest events to the most neither the 95th percentile nor the documents may grow to more than 1.5 times the
least.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
from rundblick.metrics.v1 import event_pb2, event_pb2_grpc, kpi_pb2, kpi_pb2_grpc

from bench import report
from chassis.caller import service_caller
from chassis.calls import call
from chassis.channel import open_channel
from chassis.mongo import Database, Document, Session, in_transaction, open_database
from chassis.times import to_timestamp
from cli.graph import Graph
from cli.kpis import Applying, Definitions
from cli.system import System, running_system
from services.metrics.event.domain import Event, Observation, State
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.kpi.periods import UTC_DAYS
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.rollup.folder import Writing
from services.metrics.rollup.history import UNKNOWN, History, fact_of
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.sums import Sums

EVENT = "contact.handled"
STAGE_CHANGED = "customer.stage_changed"
KPI = "handling_time"
ASKED = 400
BY_RPC = 10**6
FLAT = 1.5
# The folder and the looks beside it read a little too, whatever is asked; seldom in each of so many looks.
LOOKS = 5
BATCH = 1_000
AT_ONCE = 100_000
DAYS = 180
DEFINITIONS = Definitions(
    [
        {
            "key": KPI,
            "name": "Handling time",
            "unit": "s",
            "direction": "LOWER_IS_BETTER",
            "event": EVENT,
            "aggregation": "QUANTILE",
            "quantile": 0.5,
            "target": {"value": 600},
            "dimensionSets": [
                ["touchpoint"],
                ["employee"],
                ["team"],
                ["category"],
                ["stage"],
                ["touchpoint", "category"],
                ["touchpoint", "employee"],
            ],
        }
    ],
    [{"name": EVENT, "description": "A contact was handled.", "unit": "s"}],
)
# The stage is not said by events: it is what the customer had reached when they began.
STAGES = {f"src_{stage.lower()}": stage for stage in ("LEAD", "CUSTOMER", "EVANGELIST")}


class Stream:
    """Always the same events, one after the other."""

    def __init__(self) -> None:
        self._chance = random.Random(11)  # noqa: S311  # a seed, no secret
        self._end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.count = 0

    @property
    def end(self) -> datetime:
        return self._end

    @property
    def facts(self) -> list[Event]:
        """Who is at which stage, from before the first event on."""
        reached = self._end - timedelta(days=DAYS + 1)
        return [
            Event(
                record,
                STAGE_CHANGED,
                record,
                "pbx",
                after=Observation(
                    State.COMPLETE, reached, dimensions={"stage": stage}, customer_id=record, source_record_id=record
                ),
            )
            for record, stage in STAGES.items()
        ]

    @property
    def histories(self) -> dict[str, History]:
        """The same, as the folder knows it."""
        found = {}
        for event in self.facts:
            fact = fact_of(event, event.after) if event.after is not None else None
            found[event.subject_id] = History.of([fact] if fact is not None else [])
        return found

    def next(self, count: int) -> Iterator[Event]:
        chance, records = self._chance, list(STAGES)
        for _ in range(count):
            self.count += 1
            id = str(self.count)
            observation = Observation(
                State.COMPLETE,
                self._end - timedelta(seconds=chance.random() * DAYS * 86_400),
                None,
                chance.lognormvariate(6, 1.2),
                {
                    "touchpoint": f"tou_{chance.randrange(8)}",
                    "employee": f"emp_{chance.randrange(20)}",
                    "team": f"tea_{chance.randrange(5)}",
                    "category": f"category {chance.randrange(10)}",
                },
                source_record_id=records[chance.randrange(len(records))],
            )
            yield Event(id, EVENT, id, "pbx", after=observation)


def _message(event: Event) -> event_pb2.Event:
    said = event.after
    if said is None:
        raise ValueError(event.id)
    after = event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(said.started_at),
        value=said.value,
        dimensions=said.dimensions,
        source_record_id=said.source_record_id,
        customer_id=said.customer_id,
    )
    return event_pb2.Event(id=event.id, name=event.name, subject_id=event.id, source=event.source, after=after)


async def _ingest(channel: grpc.aio.Channel, stream: Stream, until: int) -> None:
    stub = event_pb2_grpc.EventServiceStub(channel)
    if not stream.count:
        await call(stub.IngestEvents, event_pb2.IngestEventsRequest(events=map(_message, stream.facts)), timeout=60)
    while stream.count < until:
        events = map(_message, stream.next(min(BATCH, until - stream.count)))
        await call(stub.IngestEvents, event_pb2.IngestEventsRequest(events=events), timeout=60)


async def _sum(database: Database, stream: Stream, until: int) -> None:
    """Without storing the events: only what they add up to."""
    catalogue = await Catalogues(MongoKpiRepository(database), UTC_DAYS).refresh()
    writing = Writing(MongoRollupRepository(database), MongoMemberRepository(database))
    while stream.count < until:
        sums = Sums(catalogue)
        sums.histories = stream.histories
        for event in stream.next(min(AT_ONCE, until - stream.count)):
            sums.take(event)

        async def write(session: Session, sums: Sums = sums) -> None:
            await writing.write(session, sums)

        await in_transaction(database, write, seconds=300)


def _period(end: datetime) -> kpi_pb2.Period:
    return kpi_pb2.Period(start=to_timestamp(end - timedelta(days=90)), end=to_timestamp(end))


async def _asked(channel: grpc.aio.Channel, database: Database, end: datetime) -> dict[str, Any]:
    stub = kpi_pb2_grpc.KpiServiceStub(channel)
    selection = kpi_pb2.ResultSelection(quantiles=[0.5, 0.9])
    query = kpi_pb2.ResultQuery(kpi=KPI, period=_period(end), selection=selection)
    found: dict[str, Any] = {}
    for name, method, request in (
        ("breakdown", stub.GetBreakdown, kpi_pb2.GetBreakdownRequest(query=query, by=["touchpoint"])),
        ("series", stub.GetSeries, kpi_pb2.GetSeriesRequest(query=query, granularity=kpi_pb2.GRANULARITY_DAY)),
    ):
        times = []
        for _ in range(ASKED):
            began = time.perf_counter()
            await call(method, request, timeout=60)
            times.append(time.perf_counter() - began)
        times.sort()
        found[name] = {
            "p50_ms": round(times[len(times) // 2] * 1000, 1),
            "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 1),
            "documents_read": min(
                [await _documents(database, call(method, request, timeout=60)) for _ in range(LOOKS)]
            ),
        }
    return found


async def _documents(database: Database, asked: Any) -> int:
    """How many documents MongoDB looked at while this was answered, in all collections."""
    await database["system.profile"].drop()
    await database.command("profile", 2)
    await asked
    await database.command("profile", 0)
    read = {"ns": {"$ne": f"{database.name}.system.profile"}, "op": {"$in": ["query", "command", "getmore"]}}
    count = sum([int(one.get("docsExamined", 0)) async for one in database["system.profile"].find(read)])
    if not count:
        raise SystemExit("MongoDB's profiler saw nothing that was read")
    return count


async def _sizes(database: Database) -> dict[str, Any]:
    sizes = {}
    for name in ("cells", "events"):
        stats = await database.command("collStats", name)
        sizes[name] = {
            "documents": stats["count"],
            "megabytes": round((stats["storageSize"] + stats["totalIndexSize"]) / 1e6, 1),
        }
    return sizes


async def _run(system: System, addresses: dict[str, str], largest: int) -> list[dict[str, Any]]:
    stream = Stream()
    found = []
    async with (
        open_database(system.mongo_uri, "rundblick_metrics") as database,
        open_channel(addresses["metrics"]) as channel,
    ):
        # What is summed offline is written in larger transactions than the folder's: on a busy machine they take long.
        await database.client.admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 300})
        for power in range(4, largest + 1):
            began = time.monotonic()
            await _ingest(channel, stream, min(10**power, BY_RPC))
            await _counted(database, min(10**power, BY_RPC) + len(STAGES))
            await _sum(database, stream, 10**power)
            took = time.monotonic() - began
            for dimensions in ("", "stage"):
                n = await _in_cells(database, dimensions)
                if n != 10**power:
                    raise SystemExit(f"{n} events are in the figures by {dimensions or 'nothing'}, not {10**power}")
            # All of it is on disk before anything is asked: the cost of a question is meant, not that of the load.
            await database.client.admin.command("fsync")
            asked = await _asked(channel, database, stream.end)
            found.append(
                {"events": 10**power, "seconds_to_bring_in": round(took, 1), **asked, "kept": await _sizes(database)}
            )
    return found


async def _in_cells(database: Database, dimensions: str) -> int:
    """How many events, but those of whose customer nothing was known."""
    cells = {"k": f"{KPI}/1", "s": dimensions, "v0": {"$ne": UNKNOWN}}
    pipeline: list[Document] = [{"$match": cells}, {"$group": {"_id": None, "n": {"$sum": "$m.n"}}}]
    return sum([int(one["n"]) async for one in database["cells"].aggregate(pipeline)])


async def _counted(database: Database, count: int) -> None:
    caller = service_caller("metrics")
    rollups = MongoRollupRepository(database)
    while True:
        if sum((await rollups.positions(caller)).values()) >= count:
            return
        await asyncio.sleep(0.1)


def _ratios(found: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each question the dearest to the cheapest, over all sizes."""
    flat: dict[str, dict[str, float]] = {}
    for name in ("breakdown", "series"):
        for what in ("p50_ms", "p95_ms", "documents_read"):
            values = [one[name][what] for one in found]
            flat.setdefault(name, {})[what] = round(max(values) / min(values), 2)
    return flat


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=7, help="a power of ten")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder) / "data") as system:
        applying = Applying(Graph(system.endpoint), DEFINITIONS, "bench")
        list(applying.apply(list(applying.plans())))
        with httpx.Client(base_url=system.endpoint, timeout=60) as http:
            addresses = http.get("/.well-known/rundblick").json()["services"]
        found = asyncio.run(_run(system, addresses, arguments.largest))
    flat = _ratios(found)
    command = f"python -m bench.volume --largest {arguments.largest}"
    report.write("volume", command, {"sizes": found, "dearest_to_cheapest": flat})
    steep = [f"{name} {what}: {ratio}" for name, of in flat.items() for what, ratio in of.items() if ratio > FLAT]
    if steep:
        raise SystemExit(f"a question costs more with more events: {', '.join(steep)}; at most {FLAT}")


if __name__ == "__main__":
    main()
