"""How long it takes until all customers were asked by a rule that is new, beside MongoDB on the same machine.

    python -m bench.segments                      # 100,000 customers; writes bench/results/<date>-segments.json
    python -m bench.segments --customers 10000

Each customer has one source record and three interactions, inserted straight. The rule asks for their number and for
the country, so that facts of every kind are gathered, and a third of the customers belong to it. Ten other segments
are active besides. Metrics runs beside it, and is told who belongs now: how long are the queues on the way?
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import report
from chassis.background import working
from chassis.caller import service_caller
from chassis.channel import open_channel
from chassis.ids import new_id
from chassis.mongo import Database, open_database
from chassis.server import running_server
from cli.mongod import running_mongod
from cli.system import free_port
from services.customers.customer.documents import customer_to_document, record_to_document
from services.customers.customer.domain import CustomerKind, golden, new_record
from services.customers.segment.domain import Segment
from services.customers.wiring import CustomersService
from services.metrics.wiring import MetricsService

RULE = 'interactions.last_365_days >= 2.0 && customer.locale == "de" && !("SMS" in interactions.channels)'
OTHERS = 10
_AT_ONCE = 2_000
_LOCALES = ("de", "fr", "it")


async def _fill(database: Database, count: int) -> None:
    now = datetime.now(UTC)
    await database["touchpoints"].insert_one({"_id": "tou_1", "channel": "WEB_FORM"})
    for start in range(0, count, _AT_ONCE):
        customers, records, interactions = [], [], []
        for number in range(start, min(start + _AT_ONCE, count)):
            id = new_id("cus")
            said = {"display_name": f"Customer {number}", "locale": _LOCALES[number % 3]}
            record = new_record("shop", str(number), said, now, id)
            customer = golden(id, CustomerKind.PERSON, [record], owner=None, now=now)
            customers.append(customer_to_document(customer))
            records.append(record_to_document(record, customer))
            interactions += [_interaction(id, record.id, now - timedelta(days=40 * days)) for days in range(3)]
        await database["customers"].insert_many(customers, ordered=False)
        await database["source_records"].insert_many(records, ordered=False)
        await database["interactions"].insert_many(interactions, ordered=False)


def _interaction(customer: str, record: str, at: datetime) -> dict[str, Any]:
    return {
        "_id": new_id("int"),
        "customer": customer,
        "source_record": record,
        "touchpoint": "tou_1",
        "direction": "INBOUND",
        "kind": "VISIT",
        "occurred_at": at,
        "source": "shop",
        "team": None,
        "owner": None,
    }


@dataclass
class _Queues:
    """entries: of at most 500 changes each. The largest numbers that were seen."""

    outbox: Database
    metrics: MetricsService
    entries: int = 0
    events: int = 0

    async def look(self) -> int:
        """How much is on its way."""
        entries = await self.outbox["outbox"].count_documents({"destination": "metrics"})
        events = await self.metrics._events.unfolded(service_caller("metrics"))
        self.entries, self.events = max(self.entries, entries), max(self.events, events)
        return entries + events


@asynccontextmanager
async def _telling(service: CustomersService, outbox: Database, counted: Database) -> AsyncIterator[_Queues]:
    """Metrics learns of it and counts until the block is left."""
    metrics = MetricsService(counted)
    await metrics.ready.ensure_indexes()
    server = running_server("127.0.0.1:0", metrics.register, rights=metrics.rights)
    async with server as running, open_channel(f"127.0.0.1:{running.port}", process="customers") as channel:
        [relay] = [one for one in service.relays(channel, channel) if one.destination == "metrics"]
        async with metrics.folding(), working(relay.run()):
            yield _Queues(outbox, metrics)


async def measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, running_mongod(Path(folder), free_port()) as mongod:
        async with open_database(mongod.uri, "customers") as database:
            service = CustomersService(database)
            await service.ready.ensure_indexes()
            await _fill(database, count)
            segmenting, caller = service._segmenting, service_caller("customers")
            rules = [RULE, *(f'customer.locale == "{number}"' for number in range(OTHERS))]
            segments = [Segment(new_id("seg"), f"s{n}", f"s{n}", rule=rule) for n, rule in enumerate(rules)]

            async def define(session: Any) -> None:
                for segment in segments:
                    await segmenting.segments.save(caller, segment, session)
                await segmenting.evaluating.ask(segments[0], session)

            async with await database.client.start_session() as session, session.start_transaction():
                await define(session)
            async with (
                open_database(mongod.uri, "metrics") as counted,
                _telling(service, database, counted) as queues,
            ):
                began = time.monotonic()
                while await segmenting.evaluating.step():
                    await queues.look()
                seconds = time.monotonic() - began
                while await queues.look():
                    continue
                told = time.monotonic() - began
            [shown] = await segmenting.segments.shown(caller, {"_id": segments[0].id})
    return {
        "customers": count,
        "active segments": len(segments),
        "members": shown.size,
        "seconds": round(seconds, 1),
        "customers per second": round(count / seconds),
        "seconds until counted": round(told, 1),
        "entries waiting, at most": queues.entries,
        "events not counted yet, at most": queues.events,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=100_000)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.customers))
    report.write("segments", f"python -m bench.segments --customers {asked.customers}", figures)


if __name__ == "__main__":
    main()
