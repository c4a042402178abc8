"""How long it takes until all customers were asked by a rule that is new, beside MongoDB on the same machine.

    python -m bench.segments                      # 100,000 customers; writes bench/results/<date>-segments.json
    python -m bench.segments --customers 10000

Each customer has one source record and three interactions, inserted straight. The rule asks for their number and for
the country, so that facts of every kind are gathered, and a third of the customers belong to it. Ten other segments
are active besides.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import report
from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.mongo import Database, open_database
from cli.mongod import running_mongod
from cli.system import free_port
from services.customers.customer.documents import customer_to_document, record_to_document
from services.customers.customer.domain import CustomerKind, golden, new_record
from services.customers.segment.domain import Segment
from services.customers.wiring import CustomersService

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
            began = time.monotonic()
            while await segmenting.evaluating.step():
                pass
            seconds = time.monotonic() - began
            [shown] = await segmenting.segments.shown(caller, {"_id": segments[0].id})
    return {
        "customers": count,
        "active segments": len(segments),
        "members": shown.size,
        "seconds": round(seconds, 1),
        "customers per second": round(count / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=100_000)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.customers))
    report.write("segments", f"python -m bench.segments --customers {asked.customers}", figures)


if __name__ == "__main__":
    main()
