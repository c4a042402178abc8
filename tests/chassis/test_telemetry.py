"""One request is one connected trace over gRPC and MongoDB, and nothing of what it says is in it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A process of its own: what instruments the libraries is set for the whole process and stays.
PROGRAM = """
import asyncio, json, sys
from typing import Any
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rundblick.customers.v1 import team_pb2, team_pb2_grpc
from chassis.calls import call
from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.server import running_server
from chassis.telemetry import running_telemetry

exporter = InMemorySpanExporter()

class Teams(team_pb2_grpc.TeamServiceServicer):
    def __init__(self, database: Any) -> None:
        self._database = database

    async def BatchGetTeams(self, request: Any, context: Any) -> Any:
        await self._database["teams"].find_one({"name": "a personal name"})
        return team_pb2.BatchGetTeamsResponse()

async def main() -> None:
    async with open_database(sys.argv[1], "telemetry") as database:
        register = lambda server: team_pb2_grpc.add_TeamServiceServicer_to_server(Teams(database), server)
        async with (
            running_server("localhost:0", register, grace=1) as running,
            open_channel(f"localhost:{running.port}") as channel,
        ):
            with trace.get_tracer("test").start_as_current_span("the request"):
                request = team_pb2.BatchGetTeamsRequest(ids=["a personal name"])
                await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, request, timeout=10)

with running_telemetry("test", None, exporter):
    asyncio.run(main())
print(json.dumps([json.loads(span.to_json()) for span in exporter.get_finished_spans()]))
"""


def test_a_request_is_one_connected_trace_that_holds_nothing_of_its_content(mongo_uri: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mongo_uri], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    spans = json.loads(done.stdout)
    root = next(span for span in spans if span["name"] == "the request")
    ours = {
        span["context"]["span_id"]: span for span in spans if span["context"]["trace_id"] == root["context"]["trace_id"]
    }
    database = [span for span in ours.values() if span["attributes"].get("db.system") == "mongodb"]
    assert len(database) == 1

    def way_up(span: dict[str, object]) -> list[object]:
        parent = span["parent_id"]
        return [span["kind"], *(way_up(ours[str(parent)]) if parent is not None else [])]

    assert way_up(database[0]) == ["SpanKind.CLIENT", "SpanKind.SERVER", "SpanKind.CLIENT", "SpanKind.INTERNAL"]
    assert "a personal name" not in done.stdout
    assert {span["resource"]["attributes"]["service.name"] for span in spans} == {"rundblick-test"}


def test_a_process_without_a_collector_records_nothing(mongo_uri: str) -> None:
    program = PROGRAM.replace('running_telemetry("test", None, exporter)', 'running_telemetry("test", None)')
    done = subprocess.run(
        [sys.executable, "-c", program, mongo_uri], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == []


DELIVERY = """
import asyncio, json, sys
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from chassis.mongo import in_transaction, open_database
from chassis.outbox import Entry, Outbox
from chassis.relay import Relay
from chassis.telemetry import running_telemetry

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()

async def main() -> None:
    async with open_database(sys.argv[1], "telemetry_outbox") as database:
        outbox = Outbox(database)
        await outbox.ensure_indexes()
        for number in range(2):
            with trace.get_tracer("test").start_as_current_span(f"request {number}"):
                async def write(session):
                    await outbox.append(session, [Entry("metrics", f"enq_{number}", 1, "events", b"")])
                await in_transaction(database, write)
        delivered = asyncio.Event()
        async def deliver(entries):
            trace.get_tracer("test").start_span("arrived").end()
            delivered.set()
            return {}
        relay = Relay(outbox, "metrics", deliver, holder="a")
        task = asyncio.create_task(relay.run())
        await delivered.wait()
        while relay._backlog is None:
            await asyncio.sleep(0.01)
        trace.get_tracer_provider().force_flush()
        print(json.dumps([json.loads(span.to_json()) for span in exporter.get_finished_spans()]))
        print(reader.get_metrics_data().to_json(indent=None))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.client.drop_database(database.name)

with running_telemetry("test", None, exporter, reader):
    asyncio.run(main())
"""


def test_a_delivery_belongs_to_every_request_it_tells_of_and_its_lag_is_shown(mongo_uri: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DELIVERY, mongo_uri], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    told, gauges = done.stdout.splitlines()[:2]
    spans = {span["name"]: span for span in json.loads(told)}
    delivery, arrived = spans["deliver to metrics"], spans["arrived"]
    traces = [spans[f"request {number}"]["context"]["trace_id"] for number in range(2)]
    linked = [link["context"]["trace_id"] for link in delivery["links"]]
    assert {delivery["context"]["trace_id"], *linked} == set(traces)
    assert len(linked) == 1
    assert arrived["parent_id"] == delivery["context"]["span_id"]
    shown = {
        metric["name"]: metric["data"]["data_points"][0]
        for resource in json.loads(gauges)["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    assert set(shown) == {"rundblick.outbox.pending", "rundblick.outbox.parked", "rundblick.outbox.lag"}
    assert shown["rundblick.outbox.parked"]["attributes"] == {"destination": "metrics"}
    assert 0 <= shown["rundblick.outbox.lag"]["value"] < 60
