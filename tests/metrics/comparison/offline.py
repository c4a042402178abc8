"""What cells keep of given waits or values, by the folder's own sums, without a database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.metrics.event.domain import Event, Observation, State
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.sums import Sums

Kept = list[tuple[date, str, Mapping[str, Any]]]
# (when it began, seconds until it was answered or None while it is open, dimension values)
Wait = tuple[datetime, float | None, Mapping[str, str]]


def kept_of_waits(waits: Iterable[Wait], dimensions: tuple[str, ...] = ()) -> dict[tuple[str, ...], Kept]:
    """As MongoRollupRepository.kept gives it, by the values of the dimensions."""
    sums = Sums(Catalogue().only(["first_response_time/1"]))
    for number, (started, seconds, values) in enumerate(waits):
        if seconds is None:
            said = Observation(State.OPEN, started, None, None, dict(values))
        else:
            ended = started + timedelta(seconds=seconds)
            said = Observation(State.COMPLETE, started, ended, float(seconds), dict(values))
        sums.take(Event(str(number), "wait.first", str(number), "example", after=said))
    found: dict[tuple[str, ...], Kept] = defaultdict(list)
    for (_, of_set, values_of, month), places in sums.cells.items():
        if of_set == dimensions:
            for (day, later), flat in places.items():
                found[values_of].append((date.fromisoformat(f"{month}-{day:02}"), later, _nested(flat)))
    for rows in found.values():
        rows.sort(key=lambda row: (row[0], row[1]))
    return dict(found)


def _nested(flat: Mapping[str, int]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name, value in flat.items():
        outer, _, inner = name.partition(".")
        if inner:
            parts.setdefault(outer, {})[inner] = value
        else:
            parts[outer] = value
    return parts


def at(day: date, seconds: float) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
