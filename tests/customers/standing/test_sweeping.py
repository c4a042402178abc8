"""Sweeps: everybody is judged once, also when whoever does it is gone half way, and again when rules changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.customers.consent.permissions import Permissions
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.job import walking
from services.customers.job.domain import Job, Kind, State
from services.customers.job.repository import MongoJobRepository
from services.customers.standing.judging import Case, Standing
from services.customers.standing.sweeping import Sweep
from tests.commands import Commands

START = datetime(2026, 6, 1, tzinfo=UTC)


class Noting:
    """Writes down who was judged."""

    def __init__(self) -> None:
        self.judged: list[str] = []

    async def judge(self, caller: Caller, case: Case, session: Session) -> None:
        self.judged += case.facts


class Sweeping:
    """A replica that sweeps, at the moment that its test says."""

    def __init__(self, database: Database) -> None:
        customers = MongoCustomerRepository(database)
        gathering = Gathering(database, Permissions(customers, MongoConsentRepository(database)))
        self.now = START
        self.noting = Noting()
        standing = Standing(database, customers, gathering, Outbox(database), [self.noting], lambda: self.now)
        self.ended: list[str] = []
        self.jobs = MongoJobRepository(database)
        self.sweep = Sweep(database, customers, self.jobs, standing, timedelta(hours=24), lambda: self.now, self._due)

    async def _due(self, caller: Caller, now: datetime, most: int) -> list[str]:
        ended, self.ended = self.ended, []
        return ended

    async def newest(self) -> Job:
        found = await self.sweep.newest()
        assert found is not None
        return found

    async def all(self) -> list[str]:
        while await self.sweep.step():
            pass
        judged, self.noting.judged = self.noting.judged, []
        return judged


async def stored(database: Database, count: int) -> list[str]:
    ids = [f"cus_{number:026}" for number in range(count)]
    said: dict[str, Any] = {"kind": "PERSON", "values": {}, "sources": ["shop"], "owner": None}
    await database["customers"].insert_many(
        [{"_id": id, **said, "created_at": START, "updated_at": START} for id in ids]
    )
    return ids


async def test_whoever_takes_over_goes_on_and_everybody_is_judged_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, commands: Commands
) -> None:
    monkeypatch.setattr(walking, "_AT_ONCE", 3)
    ids = await stored(database, 8)
    first, second = Sweeping(database), Sweeping(database)
    await first.jobs.ensure_indexes()
    assert await first.sweep.step()
    assert first.noting.judged == ids[:3]
    job = await second.newest()
    assert (job.kind, job.state, job.done, job.total) == (Kind.STANDING_SWEEP, State.RUNNING, 3, 8)
    with commands.recorded():
        assert await second.all() == ids[3:]
    assert await commands.unindexed() == []
    job = await first.newest()
    assert (job.subject, job.state, job.done, job.total, job.finished_at) == ("schedule", State.DONE, 8, 8, START)
    assert await first.all() == ids[:3]  # what it judged before, and nothing since

    # Not again before its time, but at once when rules changed; in the middle of one, when that is over.
    second.now = START + timedelta(hours=23)
    assert await second.all() == []
    second.ended = [ids[5]]
    assert await second.all() == [ids[5]]
    second.now = START + timedelta(hours=24)
    assert await second.sweep.step()
    await in_transaction(database, lambda session: second.sweep.ask("care", session))
    assert (await second.newest()).state is State.WAITING
    assert await second.all() == [*ids, *ids]
    job = await second.newest()
    assert (job.subject, job.state, job.done) == ("care", State.DONE, 8)
