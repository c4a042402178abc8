"""How long a search for customers takes at the service, and how many documents MongoDB looks at for it.

    python -m bench.search                      # 100,000 customers; writes bench/results/<date>-search.json
    python -m bench.search --customers 10000

Every fifth customer is an organisation. Of people's names a few are frequent and most are rare, as in a telephone
book; each customer has one source record with an e-mail address and a phone number, inserted straight. What is searched
was drawn from the customers: the beginning of a name, a whole one, one with a slip, an address, a number, an id.
"""

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc

from bench import report
from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.ids import new_id
from chassis.mongo import Database, open_database
from chassis.server import running_server
from cli.mongod import running_mongod
from cli.system import free_port
from services.customers.contract import FILES
from services.customers.customer.documents import customer_to_document, record_to_document
from services.customers.customer.domain import Customer, CustomerKind, golden, new_record
from services.customers.wiring import CustomersService
from tests import tokens
from tests.commands import Commands

MOST_MS = 20.0
ROUNDS = 100
_AT_ONCE = 2_000
_DATA = Path(__file__).parent / "data"
# The most frequent first.
_FAMILY = (_DATA / "family-names.txt").read_text().splitlines()
_GIVEN = (_DATA / "given-names.txt").read_text().splitlines()
_SYLLABLES = re.findall("..", "badedohokelimanaostreisetaulvoweizigrastfebrühökä")
_LINES = ("Maschinenbau", "Logistik", "Elektro", "Bau", "Software", "Autohaus", "Bäckerei", "Pflege")


class Names:
    """Drawn anew in the same order each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret

    def family(self) -> str:
        draw = self.random
        if draw.random() < 0.35:  # about the share that frequent names have in Germany
            return _FAMILY[min(int(draw.expovariate(1 / 12)), len(_FAMILY) - 1)]
        return "".join(draw.choice(_SYLLABLES) for _ in range(draw.choice((2, 3, 3)))).capitalize()

    def given(self) -> str:
        return self.random.choice(_GIVEN)

    def values(self, number: int) -> tuple[CustomerKind, dict[str, Any]]:
        family = self.family()
        said = {
            "emails": [f"{family.lower()}.{number}@example.org"],
            "phones": [f"+4930{10_000_000 + number}"],
        }
        if number % 5 == 0:
            name = f"{family} {self.random.choice(_LINES)} GmbH"
            return CustomerKind.ORGANISATION, {"organisation_name": name, **said}
        return CustomerKind.PERSON, {"given_name": self.given(), "family_name": family, **said}


async def fill(database: Database, count: int) -> list[Customer]:
    names, now = Names(1), datetime.now(UTC)
    made: list[Customer] = []
    for start in range(0, count, _AT_ONCE):
        customers = []
        for number in range(start, min(start + _AT_ONCE, count)):
            id = new_id("cus")
            kind, said = names.values(number)
            record = new_record("shop", f"K-{number:07}", said, now, id)
            customers.append(golden(id, kind, [record], owner=None, now=now))
        await database["customers"].insert_many(map(customer_to_document, customers), ordered=False)
        records = [record_to_document(record, customer) for customer in customers for record in customer.records]
        await database["source_records"].insert_many(records, ordered=False)
        made += names.random.sample(customers, min(40, len(customers)))
    return made


def _slip(draw: random.Random, word: str) -> str:
    """One letter lost, doubled, or two swapped."""
    place = draw.randrange(1, len(word) - 1)
    return draw.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :],
        )
    )


def _family(customer: Customer) -> str:
    return str(customer.values.get("family_name") or customer.display_name.split()[0])


_Typed = Callable[[random.Random, Customer], str]
CASES: Mapping[str, _Typed] = {
    "two letters": lambda _, customer: _family(customer)[:2],
    "beginning of a name": lambda _, customer: _family(customer)[:4],
    "family name": lambda _, customer: _family(customer),
    "whole name": lambda _, customer: customer.display_name,
    "name with a slip": lambda draw, customer: _slip(draw, _family(customer)),
    "whole name with a slip": lambda draw, c: c.display_name.replace(_family(c), _slip(draw, _family(c))),
    "e-mail address": lambda _, customer: str(customer.values["emails"][0]),
    "phone number": lambda _, customer: "0" + str(customer.values["phones"][0])[3:],
    "external id": lambda _, customer: customer.external_ids[0][1],
    "nothing like it": lambda draw, _: "".join(draw.choice("qxyzwj") for _ in range(9)),
}


async def _measured(
    stub: customer_pb2_grpc.CustomerServiceStub, database: Database, made: Sequence[Customer], typed: _Typed
) -> dict[str, Any]:
    search: Any = stub.ListCustomers
    draw = random.Random(2)  # noqa: S311  # no secret
    token = tokens.token_for(Caller("a", frozenset({"customers:read", "customers:personal"})))
    metadata = (("authorization", f"Bearer {token}"),)
    spent, hits, most = [], 0, 0
    commands = Commands(database)
    for number in range(ROUNDS):
        customer = draw.choice(made)
        request = customer_pb2.ListCustomersRequest(search=typed(draw, customer))
        with commands.recorded():
            began = time.perf_counter()
            answer = await search(request, timeout=10, metadata=metadata)
            spent.append((time.perf_counter() - began) * 1000)
        hits += customer.id in {edge.node.id for edge in answer.edges}
        if number % 10 == 0:
            most = max(most, await commands.examined())
    cuts = statistics.quantiles(spent, n=20)
    return {
        "p50_ms": round(statistics.median(spent), 2),
        "p95_ms": round(cuts[18], 2),
        "found_on_first_page": round(hits / ROUNDS, 3),
        "most_documents_examined": most,
    }


async def measure(uri: str, count: int) -> dict[str, Any]:
    async with open_database(uri, "customers") as database:
        service = CustomersService(database)
        await service.ready.ensure_indexes()
        began = time.perf_counter()
        made = await fill(database, count)
        filled = time.perf_counter() - began
        figures: dict[str, Any] = {}
        async with (
            running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
            ) as server,
            open_channel(f"127.0.0.1:{server.port}", FILES) as channel,
        ):
            stub = customer_pb2_grpc.CustomerServiceStub(channel)
            for name, typed in CASES.items():
                figures[name] = await _measured(stub, database, made, typed)
        stats = await database.command("collStats", "customers")
        return {
            "customers": count,
            "searches_per_case": ROUNDS,
            # Other work on the machine is in the times.
            "load_average": round(os.getloadavg()[0], 1),
            "filled_in_seconds": round(filled, 1),
            "bytes_per_customer": {
                "documents": round(stats["size"] / count),
                **{name: round(stats["indexSizes"][name] / count) for name in ("filed", "name", "terms", "near")},
            },
            "cases": figures,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_mongod(Path(folder), free_port()) as mongod:
        result = asyncio.run(measure(mongod.uri, asked.customers))
    report.write("search", "python -m bench.search", result)
    return int(max(case["p95_ms"] for case in result["cases"].values()) > MOST_MS)


if __name__ == "__main__":
    sys.exit(main())
