"""How many unique events a second come in over the public RPC and are counted, beside MongoDB on the same machine.

    python -m bench.ingest                        # 5,000/s for ten minutes; writes bench/results/<date>-ingest.json
    python -m bench.ingest --rate 0 --minutes 1   # as many as it takes

Five KPIs of three dimension sets each count every event: a number, a sum, a mean of an expression, a quantile behind a
filter and a share. At the end: how long until every event is counted, and whether a recomputation gives the same.
"""

import argparse
import asyncio
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from rundblick.metrics.v1 import event_pb2, event_pb2_grpc

from bench import report
from chassis.calls import call
from chassis.channel import open_channel
from chassis.errors import Exhausted
from cli.graph import Graph
from cli.kpis import Applying, Definitions
from cli.system import System, running_system
from cli.verify import verify

BATCH = 1_000
CLIENTS = 2
EVENT = "machine.stopped"
SETS = [["touchpoint"], ["plant", "team"]]
DEFINED = Definitions(
    events=[
        {
            "name": EVENT,
            "description": "A machine stood still.",
            "unit": "s",
            "dimensions": ["plant"],
            "attributes": {"planned": "FLAG", "cost": "NUMBER"},
        }
    ],
    kpis=[
        {"key": "stops", "unit": "1", "aggregation": "COUNT"},
        {"key": "stop_seconds", "unit": "s", "aggregation": "SUM"},
        {"key": "stop_cost", "unit": "EUR", "aggregation": "MEAN", "value": "event.cost * 1.19"},
        {
            "key": "stop_length",
            "unit": "s",
            "aggregation": "QUANTILE",
            "filter": "!event.planned",
            "target": {"value": 600},
        },
        {"key": "planned_share", "unit": "1", "aggregation": "RATE", "value": "event.planned"},
    ],
)


def _definitions() -> Definitions:
    common = {"event": EVENT, "direction": "LOWER_IS_BETTER", "dimensionSets": SETS}
    return Definitions([{"name": kpi["key"], **common, **kpi} for kpi in DEFINED.kpis], DEFINED.events)


class Load:
    """Unique events of the last 90 days: 8 touchpoints, 4 plants, 5 teams."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  # a seed, no secret
        self._seed = seed
        self._count = 0
        self._now = datetime.now(UTC)

    def batch(self) -> event_pb2.IngestEventsRequest:
        chance = self._chance
        request = event_pb2.IngestEventsRequest()
        for _ in range(BATCH):
            self._count += 1
            id = f"{self._seed}-{self._count}"
            event = request.events.add(id=id, name=EVENT, subject_id=id, source="plc")
            said = event.after
            said.state = event_pb2.OBSERVATION_STATE_COMPLETE
            said.started_at.FromDatetime(self._now - timedelta(seconds=chance.random() * 90 * 86_400))
            said.value = chance.lognormvariate(5, 1.5)
            said.dimensions["touchpoint"] = f"tou_{chance.randrange(8)}"
            said.dimensions["plant"] = f"plant {chance.randrange(4)}"
            said.dimensions["team"] = f"tea_{chance.randrange(5)}"
            said.attributes["planned"].flag = chance.random() < 0.3
            said.attributes["cost"].number = chance.random() * 500
        return request


class Counts:
    def __init__(self) -> None:
        self.accepted = self.refused = 0
        self.slowest = 0.0
        self.lags: list[float] = []


async def _client(address: str, load: Load, counts: Counts, rate: float, until: float) -> None:
    """rate: events a second of this client; 0: as many as are taken."""
    async with open_channel(address) as channel:
        stub = event_pb2_grpc.EventServiceStub(channel)
        due = time.monotonic()
        while time.monotonic() < until:
            request = load.batch()
            if rate:
                await asyncio.sleep(max(due - time.monotonic(), 0))
                due += BATCH / rate
            while True:
                began = time.monotonic()
                try:
                    answer: event_pb2.IngestEventsResponse = await call(stub.IngestEvents, request, timeout=60)
                except Exhausted as refused:
                    counts.refused += 1
                    await asyncio.sleep(refused.retry_seconds or 1)
                    continue
                counts.slowest = max(counts.slowest, time.monotonic() - began)
                counts.accepted += answer.accepted
                if answer.rejected:
                    raise SystemExit(str(answer.rejected[0]))
                break


def _counted(http: httpx.Client) -> tuple[int, float]:
    """How many events are in the figures, and how many seconds they are behind."""
    query = """{ kpi(key: "stops") { result(period: {start: "2000-01-01T00:00:00Z", end: "2100-01-01T00:00:00Z"}) {
      n freshness } } }"""
    result = http.post("/graphql", json={"query": query}).json()["data"]["kpi"]["result"]
    behind = (datetime.now(UTC) - datetime.fromisoformat(result["freshness"])).total_seconds()
    return result["n"], behind


def _addresses(http: httpx.Client) -> dict[str, str]:
    found: dict[str, str] = http.get("/.well-known/rundblick").json()["services"]
    return found


async def _watch(http: httpx.Client, counts: Counts, until: float) -> None:
    while time.monotonic() < until:
        _, behind = await asyncio.to_thread(_counted, http)
        counts.lags.append(behind)
        await asyncio.sleep(2)


async def _run(system: System, http: httpx.Client, rate: float, seconds: float) -> dict[str, Any]:
    addresses = await asyncio.to_thread(_addresses, http)
    address = addresses["metrics"]
    counts = Counts()
    began = time.monotonic()
    until = began + seconds
    clients = (_client(address, Load(seed), counts, rate / CLIENTS, until) for seed in range(1, CLIENTS + 1))
    cpu = _cpu(system)
    await asyncio.gather(*clients, _watch(http, counts, until))
    took = time.monotonic() - began
    while True:
        counted, _ = await asyncio.to_thread(_counted, http)
        if counted == counts.accepted:
            break
        if time.monotonic() - began > took + 600:
            raise SystemExit(f"{counts.accepted} events were taken, {counted} are counted")
        await asyncio.sleep(0.1)
    caught_up = time.monotonic() - began - took
    spent = {name: round((after - cpu[name]) / counts.accepted * 1e6, 1) for name, after in _cpu(system).items()}
    checked = time.monotonic()
    found = await verify(addresses, None)
    return {
        "seconds": round(took, 1),
        "events": counts.accepted,
        "events_per_second": round(counts.accepted / took),
        "refused_calls": counts.refused,
        "slowest_call_seconds": round(counts.slowest, 3),
        "lag_seconds": {"median": _at(counts.lags, 0.5), "p99": _at(counts.lags, 0.99), "max": _at(counts.lags, 1)},
        "seconds_until_all_is_counted": round(caught_up, 2),
        "cpu_microseconds_per_event": spent,
        "differences_to_a_recomputation": len(found.differences) + sum(part.more for part in found.parts),
        "seconds_of_the_recomputation": round(time.monotonic() - checked, 1),
    }


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)


def _cpu(system: System) -> dict[str, float]:
    pids = {"metrics": system.pids()["metrics"]}
    if system.mongo is not None:
        pids["mongod"] = system.mongo.pid
    return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in pids.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=5_500, help="events a second; 0: as many as are taken")
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder) / "data") as system:
        definitions = _definitions()
        applying = Applying(Graph(system.endpoint), definitions, "bench")
        list(applying.apply(list(applying.plans())))
        with httpx.Client(base_url=system.endpoint, timeout=60) as http:
            figures = asyncio.run(_run(system, http, arguments.rate, arguments.minutes * 60))
    name = "ingest" if arguments.rate else "ingest-limit"
    command = f"python -m bench.ingest --rate {arguments.rate:g} --minutes {arguments.minutes:g}"
    report.write(name, command, {"asked_per_second": arguments.rate, **figures})
    if figures["differences_to_a_recomputation"]:
        raise SystemExit("figures differ from a recomputation")


if __name__ == "__main__":
    main()
