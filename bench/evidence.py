"""How often comparisons are wrong, and what they find: on real data, where nothing happened and where something did.

    python -m bench.evidence                # writes bench/results/<date>-evidence.json; about ten minutes

1. Rows dealt to two sides at random, 1,000 times: how many p-values of the rank test lie below 0.05.
2. 200 dates at which nothing is known to have happened, per window and file: how many verdicts say IMPROVED or
   WORSENED.
3. Waits made 10, 20 and 50 % shorter from a date on, for all or for one touchpoint alone: how many are found, with the
   mix of categories held constant.
4. What one comparison with strata costs.
The cells are those that the folder's own sums make of the files; nothing else is known to the analysis.
"""

import argparse
import csv
import gzip
import random
import resource
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from bench import report
from services.metrics.comparison.analysis import Analysis
from services.metrics.comparison.daily import Waits
from services.metrics.comparison.domain import Comparison, Measure
from services.metrics.comparison.placebo import Windows
from services.metrics.comparison.question import Asked
from services.metrics.evidence import ranks
from services.metrics.evidence.sample import common
from services.metrics.kpi.domain import Direction
from services.metrics.rollup.sketch import key_of
from tests.metrics.comparison.offline import Wait, kept_of_waits

TARGET = 86_400.0
DATES = 200
WINDOWS = (30, 90, 365)
FACTORS = (0.9, 0.8, 0.5)
EXAMPLES = report.ROOT / "examples"
FILES = {
    "Boston": (EXAMPLES / "boston311" / "boston311_2013_2017.csv.gz", "open_dt", "closed_dt", "type"),
    "San Francisco": (EXAMPLES / "sf311" / "sf311_2008_2018.csv.gz", "created_date", "closed_date", "category"),
}
# The largest touchpoint of Boston: a change at one place alone.
ONE = "Constituent Call"


def rows(name: str) -> list[Wait]:
    """Those that were not closed before they were opened."""
    file, opened, closed, category = FILES[name]
    found: list[Wait] = []
    with gzip.open(file, "rt", newline="") as text:
        for row in csv.DictReader(text):
            began = _moment(row[opened])
            seconds = (_moment(row[closed]) - began).total_seconds() if row[closed] else None
            if seconds is None or seconds >= 0:
                found.append((began, seconds, {"touchpoint": row["source"], "category": row[category]}))
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def compared(
    daily: Waits, windows: Windows, strata: Mapping[tuple[str, ...], Waits] | None = None, control: Waits | None = None
) -> Comparison:
    asked = Asked(Measure.OPEN_DELTA, Direction.LOWER_IS_BETTER, windows, seed=windows.as_of, target=TARGET)
    bins = len(daily.keys(windows.as_of))
    n = [int(daily.total(*side, windows.as_of)[:bins].sum()) for side in (windows.baseline, windows.current)]
    return Analysis(asked, daily, strata, control).run(n[0], n[1])


def around(day: int, length: int, follow_up: int) -> Windows:
    return Windows((day - length, day), (day, day + length), day + length + follow_up)


def dealt(waits: list[Wait]) -> dict[str, Any]:
    """The year before 2015-08-11 of Boston, dealt to two sides."""
    start, end = datetime(2014, 8, 11, tzinfo=UTC), datetime(2015, 8, 11, tzinfo=UTC)
    keys = [key_of(seconds) for began, seconds, _ in waits if seconds is not None and start <= began < end]
    table = common([Counter(keys)])
    place = {key: i for i, key in enumerate(sorted(set(keys), key=lambda key: -1 if key == "z" else int(key[1:])))}
    places = np.array([place[key] for key in keys])
    below = 0
    for seed in range(1000):
        side = np.random.default_rng(seed).random(len(places)) < 0.5
        counts = [np.bincount(places[chosen], minlength=len(table.values)) for chosen in (side, ~side)]
        below += ranks.mann_whitney(counts[0], counts[1]).p < 0.05
    return {"splits": 1000, "rows": len(keys), "p_below_5_percent": int(below), "allowed": 64}


def strata_of(waits: list[Wait]) -> dict[tuple[str, ...], Waits]:
    return {key: Waits(kept, TARGET) for key, kept in kept_of_waits(waits, ("category",)).items()}


def nothing_happened(waits: list[Wait], length: int, follow_up: int, *, by_category: bool) -> dict[str, Any]:
    daily = Waits(kept_of_waits(waits)[()], TARGET)
    strata = strata_of(waits) if by_category else None
    chance = random.Random(length)  # noqa: S311  # a seed, no secret
    possible = range(daily.first + length, daily.end - length - follow_up)
    verdicts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for _ in range(DATES):
        found = compared(daily, around(chance.choice(possible), length, follow_up), strata)
        verdicts[found.verdict.value] += 1
        reasons[found.because[0].code] += 1
    wrong = verdicts["IMPROVED"] + verdicts["WORSENED"]
    return {"dates": DATES, "wrong": wrong, "verdicts": dict(verdicts), "reasons": dict(reasons)}


def made_shorter(waits: Iterable[Wait], day: date, factor: float, touchpoint: str | None) -> list[Wait]:
    change = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [
        (began, seconds * factor, values)
        if seconds is not None and began >= change and (touchpoint is None or values["touchpoint"] == touchpoint)
        else (began, seconds, values)
        for began, seconds, values in waits
    ]


def something_happened(
    waits: list[Wait], length: int, factor: float, touchpoint: str | None, dates: int
) -> dict[str, Any]:
    """In the strata of the categories. touchpoint: where alone it happened, and alone is looked."""
    chance = random.Random(length)  # noqa: S311  # a seed, no secret
    first = min(began for began, _, _ in waits).date()
    verdicts: Counter[str] = Counter()
    for _ in range(dates):
        day = first + timedelta(days=chance.randrange(900, 1500))
        facts = made_shorter(waits, day, factor, touchpoint)
        here = [one for one in facts if touchpoint is None or one[2]["touchpoint"] == touchpoint]
        elsewhere = [one for one in facts if touchpoint is not None and one[2]["touchpoint"] != touchpoint]
        control = Waits(kept_of_waits(elsewhere)[()], TARGET) if elsewhere else None
        daily = Waits(kept_of_waits(here)[()], TARGET)
        found = compared(daily, around(day.toordinal(), length, 30), strata_of(here), control)
        verdicts[found.verdict.value] += 1
    return {"dates": dates, "found": verdicts["IMPROVED"], "verdicts": dict(verdicts)}


def cost(waits: list[Wait]) -> dict[str, Any]:
    """One year before and after 2015-08-11, in the strata of the categories."""
    day = date(2015, 8, 11).toordinal()
    windows = Windows((day - 365, day), (day, day + 366), date(2018, 1, 1).toordinal())
    daily = Waits(kept_of_waits(waits)[()], TARGET)
    strata = strata_of(waits)
    compared(daily, windows, strata)
    began = time.perf_counter()
    compared(daily, windows, strata)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"strata": len(strata), "seconds": round(took, 3), "peak_resident_mb_of_this_process": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dates", type=int, default=12, help="of each injected change")
    arguments = parser.parse_args()
    files = {name: rows(name) for name in FILES}
    boston = files["Boston"]
    figures: dict[str, Any] = {"cost": cost(boston), "dealt at random": dealt(boston)}
    wrong = figures["dealt at random"]["p_below_5_percent"] > figures["dealt at random"]["allowed"]
    for name, waits in files.items():
        for length in WINDOWS:
            for follow_up, by_category in ((0, False), (30, False), (30, True)):
                found = nothing_happened(waits, length, follow_up, by_category=by_category)
                how = "by category" if by_category else "in total"
                figures[f"nothing happened: {name}, {length} days, seen {follow_up} days later, {how}"] = found
                wrong = wrong or found["wrong"] > DATES * 0.05
    for length in (30, 90):
        for factor in FACTORS:
            for where in (None, ONE):
                name = f"{100 - factor * 100:.0f} % shorter: {length} days, {where or 'everywhere'}"
                figures[name] = something_happened(boston, length, factor, where, arguments.dates)
    report.write("evidence", "python -m bench.evidence", figures)
    if wrong:
        raise SystemExit("more is wrong than may be")


if __name__ == "__main__":
    main()
