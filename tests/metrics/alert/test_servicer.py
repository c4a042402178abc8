"""Alerts of a running service: told once, whoever judges and whenever it dies."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rundblick.metrics.v1 import alert_pb2 as pb
from rundblick.metrics.v1 import event_pb2, kpi_pb2

from chassis.ids import prefix_of
from chassis.mongo import Database
from services.metrics.alert.judging import MOST_DAYS
from tests.metrics.alert.conftest import TODAY, Running, Serve
from tests.metrics.conftest import event, observation

DAY = timedelta(days=1)
YESTERDAY = (TODAY - DAY).date()


async def breach(metrics: Running) -> pb.Alert:
    """Far more enquiries than ever on the last finished day."""
    await metrics.history()
    await metrics.enquiries(YESTERDAY, 100)
    await metrics.judge()
    [alert] = await metrics.listed(kpi_keys=["enquiries"])
    return alert


async def good_days(metrics: Running, count: int) -> None:
    for _ in range(count):
        await metrics.enquiries(metrics.clock().date(), 20)
        metrics.clock.at += DAY


def waits(day: datetime, *hours: float | None) -> list[event_pb2.Event]:
    """First waits that began on that day: answered after so many hours, or not yet."""
    return [
        event(f"{day:%m%d}-{number}", observation(None if wait is None else wait * 3600, at=day))
        for number, wait in enumerate(hours)
    ]


async def test_a_day_outside_its_limits_is_told_with_what_it_should_have_been(metrics: Running) -> None:
    alert = await breach(metrics)
    assert prefix_of(alert.id) == "alt"
    assert (alert.kind, alert.opened_day, alert.value, alert.n) == (
        pb.ALERT_KIND_CONTROL_LIMITS,
        YESTERDAY.isoformat(),
        121.0,
        121,
    )
    assert 0 < alert.lower < 20 < alert.centre < 22 < alert.upper < 50
    assert alert.opened_at.ToDatetime(UTC) == TODAY
    assert (alert.sequence, alert.opened_sequence) == (1, 1)
    assert (alert.HasField("closed_day"), alert.HasField("closed_at"), alert.ending) == (False, False, 0)


async def test_days_as_usual_are_no_alert(metrics: Running) -> None:
    await metrics.history()
    assert await metrics.judge() == 1
    assert await metrics.listed() == []


async def test_two_replicas_at_once_tell_it_once(serve: Serve) -> None:
    async with serve() as one, serve() as other:
        await one.history()
        await one.enquiries(YESTERDAY, 100)
        for replica in (one, other):
            await replica.service.freshness.look()
        await asyncio.gather(*(replica.service.judging.judge_once() for replica in (one, other) * 4))
        assert len(await other.listed()) == 1
        assert await one.judge() + await other.judge() == 0
        for replica in (one, other):
            await good_days(replica, 2) if replica is one else None
            replica.clock.at = one.clock.at
            await replica.service.freshness.look()
        await asyncio.gather(*(replica.service.judging.judge_once() for replica in (one, other) * 4))
        [alert] = await one.listed()
        assert (alert.ending, alert.sequence) == (pb.ALERT_ENDING_BACK_INSIDE, 2)


async def test_a_restart_tells_nothing_again_and_closes_what_is_open(serve: Serve) -> None:
    async with serve() as before:
        told = await breach(before)
    async with serve(clock=before.clock) as after:
        assert await after.judge() == 0
        await good_days(after, 1)
        assert await after.judge() == 1
        assert await after.listed(open_only=True) == [told]
        await good_days(after, 1)
        await after.judge()
        [alert] = await after.listed()
    assert (alert.id, alert.ending) == (told.id, pb.ALERT_ENDING_BACK_INSIDE)
    assert alert.closed_day == (TODAY + DAY).date().isoformat()
    assert alert.closed_at.ToDatetime(UTC) == TODAY + 2 * DAY
    assert (alert.opened_sequence, alert.sequence) == (1, 2)


async def test_a_death_between_alert_and_state_leaves_neither(
    metrics: Running, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await metrics.history()
    await metrics.enquiries(YESTERDAY, 100)
    await metrics.service.freshness.look()
    repository = metrics.service.judging._alerts

    async def dies(*_: Any) -> int:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(repository, "_next", dies)
        with pytest.raises(ConnectionError):
            await metrics.service.judging.judge_once()
    assert await database["alert_states"].count_documents({}) == 0
    await metrics.judge()
    assert len(await metrics.listed()) == 1


async def test_late_facts_do_not_rewrite_what_was_told(metrics: Running) -> None:
    told = await breach(metrics)
    await metrics.enquiries(YESTERDAY, 500)
    await metrics.enquiries(YESTERDAY - 3 * DAY, 500)
    assert await metrics.judge() == 0
    assert await metrics.listed() == [told]


async def test_a_first_start_tells_what_is_open_and_no_history(metrics: Running) -> None:
    await metrics.history(days=MOST_DAYS + 60)
    for past in (50, 30, 10):
        await metrics.enquiries(YESTERDAY - past * DAY, 200)
    await metrics.judge()
    assert await metrics.listed() == []


async def test_days_that_passed_while_nobody_judged_are_judged_in_their_order(metrics: Running) -> None:
    await metrics.history()
    await metrics.judge()
    for count in (100, 20, 20, 20, 100, 20, 20):
        await metrics.enquiries(metrics.clock().date(), count)
        metrics.clock.at += DAY
    await metrics.judge()
    days = [(alert.opened_day, alert.closed_day, alert.sequence) for alert in await metrics.listed()]
    assert days == [
        ((TODAY + 4 * DAY).date().isoformat(), (TODAY + 6 * DAY).date().isoformat(), 4),
        (TODAY.date().isoformat(), (TODAY + 2 * DAY).date().isoformat(), 2),
    ]


async def test_no_day_is_judged_before_all_of_it_is_counted(metrics: Running) -> None:
    await metrics.history()
    assert await metrics.service.judging.judge_once() == 0
    metrics.clock.at = datetime(2026, 6, 1, tzinfo=UTC) - timedelta(seconds=1)
    await metrics.judge()
    metrics.clock.at += timedelta(seconds=1)
    assert await metrics.judge() == 1
    assert await metrics.judge() == 0


async def test_a_lag_lets_days_wait(serve: Serve) -> None:
    async with serve(alert_lag=2) as metrics:
        await metrics.history()
        await metrics.judge()
        await metrics.enquiries(metrics.clock().date(), 100)
        metrics.clock.at += 2 * DAY
        await metrics.judge()
        assert await metrics.listed() == []
        metrics.clock.at += DAY
        await metrics.judge()
        [alert] = await metrics.listed()
        assert alert.opened_day == TODAY.date().isoformat()


async def test_a_day_begins_in_the_reporting_zone(serve: Serve) -> None:
    async with serve(zone="Pacific/Auckland") as metrics:
        await metrics.history()
        # There it is midnight: the first of June is over, and nobody enquired.
        await metrics.judge()
        [alert] = await metrics.listed()
        assert (alert.opened_day, alert.value, alert.n) == ("2026-06-01", 0.0, 0)


@pytest.mark.parametrize("answered", [None, 60.0])
async def test_a_day_on_which_hardly_anybody_is_answered_misses_the_target(
    metrics: Running, answered: float | None
) -> None:
    """Judged when all of it is due, a day later than others. Who waited still at that time is one of the day."""
    for past in range(40, 3, -1):
        await metrics.take(waits(TODAY - past * DAY, *(2 + number / 10 for number in range(8))))
    await metrics.take(waits(TODAY - 3 * DAY, *[2.0] * 3, *[answered] * 5))
    metrics.clock.at -= 2 * DAY
    await metrics.judge()
    assert await metrics.listed(kpi_keys=["first_response_time"]) == []
    metrics.clock.at += DAY
    await metrics.judge()
    alerts = await metrics.listed(kpi_keys=["first_response_time"])
    assert {alert.kind for alert in alerts} == {pb.ALERT_KIND_TARGET, pb.ALERT_KIND_CONTROL_LIMITS}
    target = next(alert for alert in alerts if alert.kind == pb.ALERT_KIND_TARGET)
    assert (target.opened_day, target.value, target.upper, target.n) == (
        (TODAY - 3 * DAY).date().isoformat(),
        1.5 * 86_400,
        86_400,
        8,
    )
    assert not target.HasField("lower")


async def test_an_archived_kpi_has_no_open_alert(metrics: Running) -> None:
    told = await breach(metrics)
    for key in ("conversion_rate", "cost_per_enquiry", "enquiries"):
        await metrics.kpis.ArchiveKpi(kpi_pb2.ArchiveKpiRequest(key=key), timeout=10)
    await metrics.service._catalogues.refresh()
    await metrics.judge()
    [alert] = await metrics.listed()
    assert (alert.id, alert.ending, alert.closed_day) == (
        told.id,
        pb.ALERT_ENDING_REDEFINED,
        YESTERDAY.isoformat(),
    )
    assert await metrics.judge() == 0


async def test_who_watches_a_kpi_is_told_of_its_alerts(metrics: Running) -> None:
    """The figure over the last thirty days is the same before and after the day is judged."""
    await metrics.history()
    await metrics.enquiries(YESTERDAY, 100)
    watching = metrics.kpis.WatchResult(kpi_pb2.WatchResultRequest(kpi="enquiries"), timeout=20)
    looking = asyncio.create_task(metrics.service._changes.run())
    try:
        first = await watching.read()
        await metrics.judge()
        assert (await watching.read()).result.value == first.result.value
    finally:
        watching.cancel()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
