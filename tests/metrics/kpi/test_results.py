"""What a result says, computed from sums and bins."""

from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.kpi.catalogue import Catalogue, shipped
from services.metrics.kpi.domain import Aggregation, Kpi
from services.metrics.kpi.periods import UTC_DAYS, Days, Granularity, Zone, aligned, points
from services.metrics.kpi.results import Asked, compute, wilson
from services.metrics.rollup.domain import OpenWaits, Parts
from services.metrics.rollup.sketch import Bins
from tests.metrics.conftest import NOW, START

FIRST = Catalogue().get("first_response_time")


def test_wilsons_interval_is_the_published_one() -> None:
    interval = wilson(15, 148)
    assert interval.value == pytest.approx(0.1014, abs=5e-5)
    assert interval.lower == pytest.approx(0.0624, abs=5e-5)
    assert interval.upper == pytest.approx(0.1605, abs=5e-5)


def test_an_empty_result_has_no_figures_and_no_division_by_zero() -> None:
    result = compute(FIRST, Parts(), OpenWaits(), Asked(quantiles=(0.5,), histogram_bins=(5,), open=True), NOW)
    assert result.n == 0
    assert result.value is None
    assert result.mean is None
    assert result.quantiles == {0.5: None}
    assert result.within_target is not None
    assert result.within_target.share is None
    assert result.open is not None
    assert result.open.median is None


def test_one_observation_has_no_deviation() -> None:
    parts = Parts(n=1, sum=5_000_000, squares=25_000_000_000_000, bins=Bins.of({"p81": 1}))
    result = compute(FIRST, parts, None, Asked(), NOW)
    assert result.mean == 5
    assert result.deviation is None


def test_closed_without_an_answer_missed_the_target() -> None:
    parts = Parts(n=2, hit=1, unanswered=1, open=1, bins=Bins.of({"p81": 2}), censored=Bins.of({"p90": 1}))
    waiting = OpenWaits({"p100": 1}, due_later=1, oldest=START)
    result = compute(FIRST, parts, waiting, Asked(open=True), NOW)
    assert result.within_target is not None
    share = result.within_target
    assert (share.hit, share.missed, share.not_yet_due) == (1, 2, 1)
    assert share.share == pytest.approx(1 / 3)
    assert result.open is not None
    assert (result.open.received, result.open.open, result.open.unanswered) == (4, 1, 1)


def test_a_count_counts_and_a_mean_has_its_interval() -> None:
    assert compute(Catalogue().get("enquiries"), Parts(n=7), None, Asked(), NOW).value == 7
    mean = Kpi("m", "M", Aggregation.MEAN, "1", FIRST.direction)
    parts = Parts(n=3, sum=6_000_000, squares=14 * 10**12, bins=Bins.of({"z": 3}))
    result = compute(mean, parts, None, Asked(), NOW)
    assert result.value == 2
    assert result.deviation == pytest.approx(1)
    assert result.interval is not None
    assert result.interval.lower is not None
    assert result.interval.lower < 2


def test_ids_are_made_from_keys_and_differ() -> None:
    ids = {kpi.id for kpi in shipped()}
    assert len(ids) == len(shipped())
    assert all(Catalogue().get(kpi.id) is not None for kpi in shipped())


def test_an_undeclared_set_is_refused_with_the_list_of_those_that_are() -> None:
    with pytest.raises(Exception, match="touchpoint, category"):
        FIRST.set_of(["team", "category"])
    assert FIRST.set_of(["category", "touchpoint"]) == ("touchpoint", "category")


def test_a_period_is_aligned_outwards_to_days() -> None:
    days = aligned(START.replace(hour=9), START.replace(day=4, hour=1), UTC_DAYS)
    assert (str(days.start), str(days.end)) == ("2026-03-02", "2026-03-05")
    exact = aligned(START.replace(hour=0), START.replace(day=4, hour=0), UTC_DAYS)
    assert str(exact.end) == "2026-03-04"


def test_points_are_whole_weeks_months_and_quarters() -> None:
    days = aligned(START, START.replace(month=5, day=1, hour=0), UTC_DAYS)
    assert [str(point.start) for point in points(days, Granularity.MONTH)] == ["2026-03-01", "2026-04-01"]
    assert str(points(days, Granularity.WEEK)[0].start) == "2026-03-02"
    assert [str(point.start) for point in points(days, Granularity.QUARTER)] == ["2026-01-01", "2026-04-01"]
    assert [str(point.start) for point in points(days, Granularity.YEAR)] == ["2026-01-01"]
    with pytest.raises(Exception, match="at most"):
        points(aligned(START.replace(year=2000), NOW, UTC_DAYS), Granularity.DAY)


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Europe/Berlin", datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "2026-03-02"),
        ("America/New_York", datetime(2026, 3, 2, 4, 59, tzinfo=UTC), "2026-03-01"),
        ("Asia/Kolkata", datetime(2026, 3, 1, 18, 29, tzinfo=UTC), "2026-03-01"),
        ("Asia/Kolkata", datetime(2026, 3, 1, 18, 30, tzinfo=UTC), "2026-03-02"),
        ("Europe/Berlin", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "2026-03-30"),
    ],
)
def test_days_begin_in_the_reporting_zone(zone: str, at: datetime, day: str) -> None:
    of_zone = Zone(zone)
    found = of_zone.day(at)
    assert str(found) == day
    assert of_zone.midnight(found) <= at < of_zone.midnight(found + timedelta(days=1))
    days = aligned(at, at + timedelta(minutes=1), of_zone)
    assert days == Days(found, found + timedelta(days=1), of_zone)
    assert days.moments == (of_zone.midnight(found), of_zone.midnight(found + timedelta(days=1)))
