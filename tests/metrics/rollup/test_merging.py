"""Parts add, merge and are taken back: in any grouping and any order, and without a trace."""

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.event.domain import Event, Observation, State
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.results import Asked, compute
from services.metrics.rollup.customers import changed, nested
from services.metrics.rollup.domain import Flat, Group, OpenWaits, Parts, Query, add, parts_of
from services.metrics.rollup.gathering import gather
from services.metrics.rollup.history import Fact, History
from services.metrics.rollup.merging import all_waiting, merge_open, remaining, total
from services.metrics.rollup.sums import Sums
from tests.metrics.conftest import NOW, START

CATALOGUE = Catalogue()
KPI = CATALOGUE.get("first_response_time")
EVERYTHING = Asked(quantiles=(0.1, 0.5, 0.99), histogram_bins=(5,), curve_points=(20,), open=True)
VALUES = st.one_of(st.sampled_from([0.0, 1.0, 86_400.0]), st.floats(0, 1e9), st.floats(-1e9, 0))


def _observed(state: State, value: float | None = None, reason: str | None = None) -> Observation:
    ended = None if state is State.OPEN else START + timedelta(seconds=abs(value or 60.0) % 1e8)
    return Observation(state, START, ended, value, exclusion_reason=reason)


OBSERVATIONS = st.one_of(
    VALUES.map(lambda value: _observed(State.COMPLETE, value)),
    st.just(_observed(State.COMPLETE)),
    st.just(_observed(State.OPEN)),
    st.floats(0, 1e6).map(lambda waited: _observed(State.CLOSED_UNANSWERED, waited)),
    st.sampled_from(["SPAM", "TEST"]).map(lambda reason: _observed(State.EXCLUDED, reason=reason)),
    st.just(_observed(State.NEGATIVE)),
)
# What cells hold: each the sum of a few.
CELLS = st.lists(st.lists(OBSERVATIONS, min_size=1, max_size=4), min_size=1, max_size=8)


def stored(observations: Sequence[Observation], kpi: Kpi = KPI) -> dict[str, Any]:
    flat: Flat = {}
    for observation in observations:
        add(flat, parts_of(kpi, observation))
    return nested(flat)


def parts(*cells: dict[str, Any]) -> Parts:
    found = Parts()
    for cell in cells:
        found.add(cell)
    return found


def without_zeros(one: Parts) -> Parts:
    return replace(one, excluded={reason: n for reason, n in one.excluded.items() if n})


def merged_in_any_grouping(data: st.DataObject, found: list[Parts]) -> Parts:
    """Two at a time, whichever two, until one is left."""
    left = list(found)
    while len(left) > 1:
        into = left.pop(data.draw(st.integers(0, len(left) - 1)))
        other = left[data.draw(st.integers(0, len(left) - 1))]
        other.merge(into)
    return left[0]


@given(CELLS, st.data())
def test_any_grouping_and_any_order_give_the_same_sum(cells: list[list[Observation]], data: st.DataObject) -> None:
    of_all = parts(*(stored([one]) for observations in cells for one in observations))
    in_order = data.draw(st.permutations([stored(observations) for observations in cells]))
    assert parts(*in_order) == of_all
    assert merged_in_any_grouping(data, [parts(cell) for cell in in_order]) == of_all

    groups: defaultdict[tuple[str, ...], Group] = defaultdict(Group)
    for cell in in_order:
        groups[(data.draw(st.sampled_from("abc")),)].parts.add(cell)
    again = total(groups)
    assert again == of_all
    assert total(dict(reversed(groups.items()))) == of_all
    assert compute(KPI, again, None, EVERYTHING, NOW) == compute(KPI, of_all, None, EVERYTHING, NOW)


@given(CELLS)
def test_what_is_merged_into_another_stays_as_it_was(cells: list[list[Observation]]) -> None:
    groups: dict[tuple[str, ...], Group] = {
        (str(place),): Group(parts(stored(observations))) for place, observations in enumerate(cells)
    }
    before = copy.deepcopy(groups)
    whole = total(groups)
    for group in groups.values():
        whole.merge(group.parts)
    whole.minus(group.parts for group in groups.values())
    assert groups == before


@given(CELLS, st.data())
def test_what_is_taken_away_leaves_what_the_others_give(cells: list[list[Observation]], data: st.DataObject) -> None:
    found = [parts(stored(observations)) for observations in cells]
    whole = merged_in_any_grouping(data, copy.deepcopy(found))
    taken = [data.draw(st.booleans()) for _ in found]
    rest = whole.minus(one for one, gone in zip(found, taken, strict=True) if gone)
    expected = Parts()
    for one, gone in zip(found, taken, strict=True):
        if not gone:
            expected.merge(one)
    assert without_zeros(rest) == expected
    assert rest.empty == all(taken)
    assert compute(KPI, rest, None, EVERYTHING, NOW) == compute(KPI, expected, None, EVERYTHING, NOW)


@given(CELLS, st.data())
def test_a_month_is_the_sum_of_its_days_however_cells_are_cut(
    cells: list[list[Observation]], data: st.DataObject
) -> None:
    query = Query(KPI, ("source",), (), date(2026, 3, 1), date(2026, 4, 1))
    by_month, by_day, each_day = Group(), Group(), Group()
    for observations in cells:
        month: list[Observation] = []
        days: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for observation in observations:
            month.append(observation)
            day, later = str(data.draw(st.integers(1, 31))), str(data.draw(st.integers(0, 3)))
            sofar: Flat = dict(days[day].get(later, {}))
            add(sofar, parts_of(KPI, observation))
            days[day][later] = sofar
        places = {day: {later: nested(flat) for later, flat in those.items()} for day, those in days.items()}
        gather(by_month, query, {"t": "2026-03", "m": stored(month)})
        gather(by_day, query, {"t": "2026-03", "d": places})
        gather(each_day, replace(query, days=True), {"t": "2026-03", "d": places})
    assert by_month == by_day
    assert each_day.parts == Parts()
    assert total({(day.isoformat(),): Group(one) for day, one in each_day.days.items()}) == by_month.parts


WAITS = st.lists(
    st.tuples(st.sampled_from(["z", "p1", "p500", "p700"]), st.booleans(), st.integers(0, 10_000)),
    min_size=1,
    max_size=6,
)


def waiting(*those: list[tuple[str, bool, int]]) -> OpenWaits:
    found = OpenWaits()
    for key, due_later, minutes in (one for some in those for one in some):
        found.add(key, 1, int(due_later), START + timedelta(minutes=minutes))
    return found


@given(st.lists(WAITS, min_size=1, max_size=6), st.data())
def test_those_who_wait_add_up_in_any_grouping_and_any_order(
    cells: list[list[tuple[str, bool, int]]], data: st.DataObject
) -> None:
    of_all = waiting(*cells)
    still: dict[tuple[tuple[str, ...], date | None], OpenWaits] = {}
    ended_since: dict[tuple[str, ...], Group] = {}
    for place, those in enumerate(data.draw(st.permutations(cells))):
        day = data.draw(st.none() | st.dates(date(2026, 3, 1), date(2026, 3, 9)))
        if data.draw(st.booleans()):
            still[(str(place),), day] = waiting(those)
        else:
            group = ended_since.setdefault((data.draw(st.sampled_from("ab")),), Group())
            merge_open(group.waiting.setdefault(day, OpenWaits()), waiting(those))
    assert all_waiting(still, ended_since) == of_all


@given(st.lists(WAITS, max_size=4), st.lists(WAITS, max_size=4))
def test_of_those_who_wait_the_known_are_taken_away_and_the_rest_remains(
    known: list[list[tuple[str, bool, int]]], others: list[list[tuple[str, bool, int]]]
) -> None:
    everybody = waiting(*known, *others)
    rest, expected = remaining(everybody, [waiting(those) for those in known]), waiting(*others)
    assert {key: count for key, count in rest.bins.items() if count} == expected.bins
    assert rest.due_later == expected.due_later
    # Of the rest alone the oldest is not known, but it cannot be older than the oldest of all.
    assert rest.oldest == (everybody.oldest if others else None)


RECORDS = ("src_a", "src_b")
HISTORIES = {
    "src_a": History.of(
        [
            Fact(START, "s1", "stage", "LEAD"),
            Fact(START + timedelta(days=20), "s2", "stage", "BUYER"),
            Fact(START + timedelta(days=10), "s3", "segment", "vip"),
            Fact(START + timedelta(days=15), "s4", "segment", "old"),
        ]
    )
}
NAMES = ("wait.first", "enquiry.opened", "interaction.recorded")
KEPT_BY_ALL = [
    replace(kpi, sets=(*kpi.sets, ("stage",), ("segment",), ("touchpoint", "stage")), per_customer=True)
    for kpi in CATALOGUE.counting
    if kpi.event in NAMES
]


@st.composite
def facts(draw: st.DrawFn, states: Sequence[State] = tuple(State)) -> Observation:
    """An observation that may differ from another in anything it is counted by."""
    state = draw(st.sampled_from(states))
    started = START + timedelta(hours=draw(st.integers(0, 24 * 40)))
    complete = state is State.COMPLETE
    record = draw(st.none() | st.sampled_from(RECORDS))
    dimensions = draw(
        st.dictionaries(
            st.sampled_from(["source", "touchpoint", "team", "stage"]), st.sampled_from(["x", "y"]), max_size=3
        )
    )
    return Observation(
        state,
        started,
        None if state is State.OPEN else started + timedelta(seconds=draw(st.integers(0, 500_000))),
        float(draw(st.integers(0, 100_000))) if complete else None,
        dimensions,
        None if record is None else f"cus_{record[-1]}",
        record,
        "SPAM" if state is State.EXCLUDED else None,
        {"business_seconds": float(draw(st.integers(0, 1000)))} if draw(st.booleans()) else None,
    )


def kept(events: Sequence[Event]) -> dict[str, Any]:
    """All that events leave behind where figures are kept; nothing where only zeros would be."""
    sums = Sums(Catalogue(KEPT_BY_ALL))
    sums.histories = HISTORIES
    for event in events:
        sums.take(event)
    cells: Counter[Any] = Counter()
    for key, places in sums.cells.items():
        for place, flat in places.items():
            for name, value in flat.items():
                cells[key, place, name] += value
    records = {}
    for record, changes in sums.customers.items():
        document = changed({"_id": record, "k": {}}, changes)
        records[record] = {cells: one for cells, one in document["k"].items() if one["all"] or one["newest"]}
    return {
        "cells": {key: value for key, value in cells.items() if value},
        "open": {id: (wait.count, wait.document) for id, wait in sums.open.items() if wait.count},
        "members": {key: count for key, count in sums.members.items() if count},
        "records": {record: kpis for record, kpis in records.items() if kpis},
    }


def said(id: str, name: str, before: Observation | None, after: Observation | None) -> Event:
    return Event(id, name, f"subject of {id}", "shop", before=before, after=after)


@given(st.sampled_from(NAMES), facts(), facts(), st.lists(facts(), max_size=4), st.data())
def test_plus_new_minus_old_leaves_no_trace_of_old(
    name: str, old: Observation, new: Observation, others: list[Observation], data: st.DataObject
) -> None:
    beside = [said(f"e{number}", name, None, one) for number, one in enumerate(others)]
    told = [said("one", name, None, old), said("one", name, old, new)]
    assert kept(data.draw(st.permutations([*told, *beside]))) == kept([said("one", name, None, new), *beside])


@given(st.sampled_from(NAMES), facts(), st.lists(facts(), max_size=4))
def test_what_is_taken_back_has_never_been(name: str, old: Observation, others: list[Observation]) -> None:
    beside = [said(f"e{number}", name, None, one) for number, one in enumerate(others)]
    gone = [said("one", name, None, old), *beside, said("one", name, old, None)]
    assert kept(gone) == kept(beside)


@given(st.sampled_from(NAMES), facts([State.COMPLETE]))
def test_what_is_counted_shows(name: str, one: Observation) -> None:
    """Else the tests above would compare nothing with nothing."""
    left = kept([said("one", name, None, one)])
    assert left["cells"]
    assert bool(left["members"]) == (name == "interaction.recorded" and one.record is not None)
    assert bool(left["records"]) == (one.record is not None)
