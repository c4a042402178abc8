"""The process that looks for duplicates, now and then: settings -> database -> look, and end."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from chassis.caller import service_caller
from chassis.idempotency import Writes
from chassis.mongo import open_database
from chassis.outbox import Outbox
from chassis.settings import read
from chassis.telemetry import configure_logging
from chassis.times import utc_now
from services.customers.candidate.job import Found, Looking
from services.customers.candidate.linking import Scored, linked
from services.customers.candidate.settings import CandidateSettings
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.identifying import Identifying


async def main(settings: CandidateSettings) -> Found:
    def link(rows: Sequence[dict[str, Any]]) -> Sequence[Scored]:
        threads, memory = settings.linkage_threads, settings.linkage_memory
        return linked(rows, settings.suggest_above, threads=threads, memory=memory)

    async with open_database(settings.mongo_uri, settings.database) as database:
        customers, writes, outbox = MongoCustomerRepository(database), Writes(database), Outbox(database)
        identifying = Identifying(database, customers, writes, outbox, utc_now)
        await identifying.ensure_indexes()
        looking = Looking(
            database,
            customers,
            identifying,
            link,
            utc_now,
            merge_above=settings.merge_above,
            most=settings.merge_most,
        )
        return await looking.run(service_caller("customers"))


if __name__ == "__main__":
    settings = read(CandidateSettings)
    configure_logging("candidates", settings.log_level)
    found = asyncio.run(main(settings))
    sys.stdout.write(
        f"{found.customers:,} customers; pairs: {found.pairs:,}, new: {found.new:,}, "
        f"merged: {found.merged:,}, no longer likely: {found.forgotten:,}\n"
    )
