"""Judges the finished days of all KPIs, one replica at a time."""

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from chassis.caller import service_caller
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from services.metrics.alert.domain import LOOK_BACK, Happening, abandoned, judge, started
from services.metrics.alert.figures import DailyFigures, complete, made_of, watched
from services.metrics.alert.repository import Judged, MongoAlertRepository
from services.metrics.kpi.catalogue import Catalogue, Catalogues
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import Days
from services.metrics.kpi.reader import Reader

log = logging.getLogger(__name__)

# So many days of a KPI are judged in one transaction; of one that was never judged, no more than these at all.
MOST_DAYS = 60
_DAY = timedelta(days=1)
_PAUSE = 60.0


class Judging:
    """until: before which moment everything is counted; None: that is not known yet.

    lag: how many days after it a day is judged, at least.
    """

    def __init__(
        self,
        database: Database,
        alerts: MongoAlertRepository,
        reader: Reader,
        catalogues: Catalogues,
        *,
        until: Callable[[], datetime | None],
        now: Callable[[], datetime],
        holder: str,
        lag: int = 0,
    ) -> None:
        self._database = database
        self._alerts = alerts
        self._figures = DailyFigures(reader, lag)
        self._catalogues = catalogues
        self._until = until
        self._now = now
        self._caller = service_caller("metrics")
        self._lease = Lease(database, "alerts", holder, seconds=30)

    async def judge_once(self) -> int:
        """Every KPI one step further, each in a transaction of its own. How many went a step."""
        until = self._until()
        if until is None:
            return 0
        catalogue = await self._catalogues.current()
        yesterday = catalogue.zone.day(min(until, self._now())) - _DAY
        states = await self._alerts.states(self._caller)
        steps = 0
        kept = {kpi.key for kpi in catalogue.all}
        for key in sorted(states.keys() - kept):
            steps += await self._write(key, states[key], None, abandoned(states[key][1]))
        for key in sorted(kept):
            kpi = catalogue.get(key)
            if complete(catalogue, kpi):
                lag = self._figures.lag_of(catalogue, kpi) * _DAY
                steps += await self._step(catalogue, kpi, states.get(key), yesterday - lag)
        return steps

    async def _step(self, catalogue: Catalogue, kpi: Kpi, seen: Judged | None, last: date) -> bool:
        made = made_of(catalogue, kpi)
        if seen is not None and seen[0] != made:
            return await self._write(kpi.key, seen, None, abandoned(seen[1]))
        before = seen[1].judged if seen is not None else None
        if before is not None and before >= last:
            return False
        first = before + _DAY if before is not None else last - (MOST_DAYS - 1) * _DAY
        last = min(last, first + (MOST_DAYS - 1) * _DAY)
        days = Days(first - LOOK_BACK, last + _DAY, catalogue.zone)
        figures = await self._figures.of(self._caller, catalogue, kpi, days, self._now())
        if seen is None:
            # Of what is not there yet nothing is noted: else its history would come after it was judged.
            if not any(first <= day for day in figures):
                return False
            state, happenings = started(watched(kpi), figures, first, last)
            return await self._write(kpi.key, None, (made, state), happenings)
        state, told = seen[1], list[Happening]()
        for number in range((last - first).days + 1):
            state, happened = judge(watched(kpi), state, figures, first + number * _DAY)
            told.extend(happened)
        return await self._write(kpi.key, seen, (made, state), tuple(told))

    async def _write(
        self, key: str, seen: Judged | None, after: Judged | None, happenings: tuple[Happening, ...]
    ) -> bool:
        async def work(session: Session) -> bool:
            return await self._alerts.keep(self._caller, session, key, seen, after, happenings, self._now())

        return await in_transaction(self._database, work)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            steps = 0
            try:
                if await self._lease.hold():
                    async with self._lease.renewed():
                        steps = await self.judge_once()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # it looks again
                log.warning("alerts: %s", type(error).__name__)
            if not steps:
                await asyncio.sleep(_PAUSE)
