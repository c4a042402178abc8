"""The edges of a period cost at most half a month of days, and change nothing in what is answered."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.domain import Query
from services.metrics.rollup.repository import _cell_pipelines
from tests.metrics.conftest import Running, event, observation, period, query

FIRST = date(2026, 1, 1)
DAYS = 140


def day(number: int) -> datetime:
    at = FIRST + timedelta(days=number)
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


async def test_any_period_is_the_sum_of_its_days(metrics: Running) -> None:
    rng = random.Random(3)  # noqa: S311  # a seed, no secret
    waits = [(rng.randrange(DAYS), rng.lognormvariate(6, 2)) for _ in range(400)]
    await metrics.ingest(*(event(f"e{n}", observation(s, at=day(d))) for n, (d, s) in enumerate(waits)))
    await metrics.fold()
    for _ in range(60):
        start = rng.randrange(DAYS - 1)
        end = rng.randrange(start + 1, DAYS)
        result = await metrics.result(query(period=period(day(start), day(end))))
        inside = [s for d, s in waits if start <= d < end]
        assert result.n == len(inside)
        if inside:
            assert result.mean == pytest.approx(sum(inside) / len(inside), abs=1e-6)
            assert result.max == pytest.approx(max(inside), rel=0.01)
            assert result.min == pytest.approx(min(inside), rel=0.01)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 1, 1), date(2026, 4, 1)),
        (date(2026, 1, 20), date(2026, 4, 3)),
        (date(2026, 1, 3), date(2026, 4, 29)),
    ],
)
def test_never_more_than_half_a_month_of_days_at_an_edge(start: date, end: date) -> None:
    kpi = Catalogue().get("first_response_time")
    for pipeline in _cell_pipelines(Query(kpi, (), (), start, end)):
        days = [name for name in pipeline[1]["$project"] if name.startswith("d.")]
        assert len(days) <= 15
        assert "d" not in pipeline[1]["$project"]
