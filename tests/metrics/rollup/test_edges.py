"""The edges of a period cost at most half a month of days, and change nothing in what is answered."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from rundblick.metrics.v1 import kpi_pb2 as pb

from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.domain import Query
from services.metrics.rollup.pipelines import cell_pipelines
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


async def test_each_day_of_any_period_has_its_own_figures(metrics: Running) -> None:
    rng = random.Random(4)  # noqa: S311  # a seed, no secret
    waits = [(rng.randrange(DAYS), rng.lognormvariate(6, 2)) for _ in range(400)]
    await metrics.ingest(*(event(f"e{n}", observation(s, at=day(d))) for n, (d, s) in enumerate(waits)))
    await metrics.fold()
    for start, end in ((0, DAYS), (3, 9), (20, 31), (17, 120), (31, 59), (58, 91)):
        request = pb.GetSeriesRequest(query=query(period=period(day(start), day(end))), granularity=pb.GRANULARITY_DAY)
        points = (await metrics.call("GetSeries", request)).points
        of_days = [[s for d, s in waits if d == one] for one in range(start, end)]
        assert [point.result.n for point in points] == [len(those) for those in of_days]
        for point, those in zip(points, of_days, strict=True):
            if those:
                assert point.result.value == pytest.approx(sorted(those)[(len(those) - 1) // 2], rel=0.01)


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
    for pipeline in cell_pipelines(Query(kpi, (), (), start, end)):
        days = [name for name in pipeline[1]["$project"] if name.startswith("d.")]
        assert len(days) <= 15
        assert "d" not in pipeline[1]["$project"]


def test_of_days_on_their_own_no_other_is_read() -> None:
    kpi = Catalogue().get("first_response_time")
    whole, *edges = cell_pipelines(Query(kpi, (), (), date(2026, 1, 20), date(2026, 4, 3), days=True))
    assert whole[0]["$match"]["t"] == {"$gte": "2026-01", "$lte": "2026-04", "$nin": ["2026-01", "2026-04"]}
    assert "d" in whole[1]["$project"]
    read = {edge[0]["$match"]["t"]: [name for name in edge[1]["$project"] if name not in ("t", "v0")] for edge in edges}
    assert read == {"2026-01": [f"d.{n}" for n in range(20, 32)], "2026-04": ["d.1", "d.2"]}
