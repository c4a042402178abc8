"""The rules of alerts: what opens one, what closes it, and that the same days give the same ones."""

import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.alert.charts import FEWEST, INSIDE, OUTSIDE, SHORTEST_BASELINE, Figure, Scale, chart_of
from services.metrics.alert.domain import (
    LOOK_BACK,
    NEW_LEVEL_DAYS,
    Closed,
    Ending,
    Happening,
    Kind,
    Opened,
    State,
    Watched,
    abandoned,
    judge,
    started,
)
from services.metrics.kpi.domain import Direction, Target

BEGAN = date(2026, 1, 1)
VALUE = Watched(Scale.VALUE, Direction.LOWER_IS_BETTER)
SHARE = Watched(Scale.SHARE, Direction.HIGHER_IS_BETTER)
COUNT = Watched(Scale.COUNT, Direction.HIGHER_IS_BETTER)
WAVE = [10.0 + (number % 5 - 2) / 2 for number in range(40)]


def day(number: int) -> date:
    return BEGAN + timedelta(days=number)


def figures(values: Sequence[float | None], n: int = 100) -> dict[date, Figure]:
    return {day(place): Figure(day(place), n, value) for place, value in enumerate(values) if value is not None}


def run(
    watched: Watched, found: dict[date, Figure], days: int, state: State | None = None
) -> tuple[State, list[Happening]]:
    """All days in their order."""
    state = state or State()
    told: list[Happening] = []
    first = (state.judged - BEGAN).days + 1 if state.judged is not None else 0
    for number in range(first, days):
        state, happenings = judge(watched, state, found, day(number))
        told.extend(happenings)
    return state, told


def said(told: Sequence[Happening]) -> list[tuple[str, Kind, int]]:
    return [
        ("opened", one.kind, (one.figure.day - BEGAN).days)
        if isinstance(one, Opened)
        else (one.ending.value, one.kind, (one.day - BEGAN).days)
        for one in told
    ]


def told_of(watched: Watched, values: Sequence[float | None], n: int = 100) -> list[tuple[str, Kind, int]]:
    return said(run(watched, figures(values, n), len(values))[1])


# ------------------------------------------------------------------------------------- whatever the days

DAYS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.integers(0, 60), st.floats(-1e6, 1e6, allow_nan=False)),
        st.tuples(st.just(50), st.sampled_from([9.0, 10.0, 11.0, 60.0])),
    ),
    max_size=140,
)
WATCHED = st.sampled_from(
    [
        Watched(scale, direction, goal)
        for scale in Scale
        for direction in Direction
        for goal in (None, Target(0.5), Target(10.0, day(20), day(60)))
    ]
)


def drawn(watched: Watched, days: Sequence[tuple[int, float] | None]) -> dict[date, Figure]:
    found = {}
    for place, one in enumerate(days):
        if one is None:
            continue
        n, value = one
        if watched.scale is Scale.SHARE:
            n, value = max(n, 1), abs(value) / 1e6
        if watched.scale is Scale.COUNT:
            n, value = round(abs(value)), float(round(abs(value)))
        found[day(place)] = Figure(day(place), n, value)
    return found


@given(WATCHED, DAYS, st.data())
def test_the_same_days_give_the_same_alerts_however_they_come_in_pieces(
    watched: Watched, days: list[tuple[int, float] | None], data: st.DataObject
) -> None:
    found = drawn(watched, days)
    whole = run(watched, found, len(days))
    assert run(watched, found, len(days)) == whole
    piece = data.draw(st.integers(0, len(days)))
    state, before = run(watched, found, piece)
    # A later step reads no further back than it must.
    kept = {one: figure for one, figure in found.items() if one >= day(piece) - LOOK_BACK}
    after_state, after = run(watched, kept, len(days), state)
    assert (after_state, before + after) == whole


@given(WATCHED, DAYS)
def test_each_breach_opens_once_and_closes_once_before_the_next(
    watched: Watched, days: list[tuple[int, float] | None]
) -> None:
    state, told = run(watched, drawn(watched, days), len(days))
    for kind in Kind:
        of_kind = [one for one in told if one.kind is kind]
        assert [type(one) for one in of_kind] == ([Opened, Closed] * len(of_kind))[: len(of_kind)]
        assert (state.of(kind) is not None) == bool(of_kind and isinstance(of_kind[-1], Opened))
    ends = [one for one in abandoned(state) if isinstance(one, Closed)]
    assert [one.kind for one in ends] == [breach.kind for breach in state.breaches]


@given(
    st.sampled_from([VALUE, SHARE, COUNT]),
    st.floats(0, 1),
    st.integers(1, 5_000),
    st.integers(1, 120),
)
def test_constant_days_are_no_alert(watched: Watched, value: float, n: int, days: int) -> None:
    if watched.scale is Scale.SHARE:
        value = round(value * n) / n
    if watched.scale is Scale.COUNT:
        value = float(n)
    assert told_of(watched, [value] * days, n) == []


@given(st.sampled_from([VALUE, SHARE, COUNT]), st.lists(st.integers(0, 1_000), max_size=SHORTEST_BASELINE))
def test_a_short_history_is_no_alert(watched: Watched, values: list[int]) -> None:
    scale = 1_000 if watched.scale is Scale.SHARE else 1
    assert told_of(watched, [value / scale for value in values], 1_000) == []


@given(DAYS)
def test_what_is_open_after_a_first_start_is_told_and_nothing_else(days: list[tuple[int, float] | None]) -> None:
    watched = Watched(Scale.VALUE, Direction.LOWER_IS_BETTER, Target(10.0))
    found = drawn(watched, days)
    last = max(len(days) - 1, 0)
    state, told = started(watched, found, day(0), day(last))
    assert state == run(watched, found, last + 1)[0]
    assert [(one.kind, one.figure.day) for one in told if isinstance(one, Opened)] == [
        (breach.kind, breach.day) for breach in state.breaches
    ]
    assert len(told) == len(state.breaches)


# ------------------------------------------------------------------------------------ each kind, by one value

SHARES = [0.9 + (number % 3 - 1) / 100 for number in range(40)]
COUNTS = [100.0 + number % 7 for number in range(40)]


@pytest.mark.parametrize(
    ("watched", "values", "changed"),
    [(VALUE, WAVE, 20.0), (VALUE, WAVE, 0.0), (SHARE, SHARES, 0.6), (COUNT, COUNTS, 0.0), (COUNT, COUNTS, 180.0)],
)
def test_a_day_outside_its_limits_opens_an_alert_and_two_inside_close_it(
    watched: Watched, values: list[float], changed: float
) -> None:
    assert told_of(watched, values) == []
    assert told_of(watched, [*values[:30], changed, *values[31:]]) == [
        ("opened", Kind.CONTROL_LIMITS, 30),
        ("BACK_INSIDE", Kind.CONTROL_LIMITS, 32),
    ]


@pytest.mark.parametrize(
    ("direction", "goal", "bad"), [(Direction.LOWER_IS_BETTER, 12.0, 12.1), (Direction.HIGHER_IS_BETTER, 8.0, 7.9)]
)
def test_a_day_that_misses_the_target_opens_an_alert_and_two_that_meet_it_close_it(
    direction: Direction, goal: float, bad: float
) -> None:
    watched = Watched(Scale.VALUE, direction, Target(goal))
    values = [10.0, goal, bad, 10.0, bad, goal, 10.0, 10.0]
    assert told_of(watched, values[:2]) == []
    assert told_of(watched, values) == [("opened", Kind.TARGET, 2), ("BACK_INSIDE", Kind.TARGET, 6)]
    _, (opened, _) = run(watched, figures(values), len(values))
    assert isinstance(opened, Opened)
    limits = (None, goal) if direction is Direction.LOWER_IS_BETTER else (goal, None)
    assert (opened.lower, opened.upper, opened.figure) == (*limits, Figure(day(2), 100, bad))


def test_a_target_is_missed_only_on_days_it_is_meant_for() -> None:
    watched = Watched(Scale.VALUE, Direction.LOWER_IS_BETTER, Target(1.0, since=day(2), until=day(4)))
    assert told_of(watched, [2.0] * 8) == [("opened", Kind.TARGET, 2), ("BACK_INSIDE", Kind.TARGET, 6)]


# ----------------------------------------------------------------------------------------- how it goes on


def test_days_of_few_observations_neither_open_nor_close() -> None:
    found = figures([*WAVE[:30], 30.0, 10.0, 10.0, 10.0, 10.0])
    for number in (30, 31, 33):
        found[day(number)] = Figure(day(number), FEWEST - 1, found[day(number)].value)
    watched = Watched(Scale.VALUE, Direction.LOWER_IS_BETTER, Target(20.0))
    assert run(watched, found, 35)[1] == []
    found[day(30)] = Figure(day(30), FEWEST, 30.0)
    # Days 31 and 33 say nothing; 32 and 34 are the two that are back inside.
    assert set(said(run(watched, found, 35)[1])) == {
        ("opened", Kind.TARGET, 30),
        ("opened", Kind.CONTROL_LIMITS, 30),
        ("BACK_INSIDE", Kind.TARGET, 34),
        ("BACK_INSIDE", Kind.CONTROL_LIMITS, 34),
    }


def test_between_two_and_three_sigma_an_open_alert_stays_open() -> None:
    found = figures(WAVE[:30])
    chart = chart_of(Scale.VALUE, list(found.values())[-28:])
    assert chart is not None
    between = (chart.limits(100, INSIDE)[1] + chart.limits(100, OUTSIDE)[1]) / 2
    assert told_of(VALUE, [*WAVE[:30], between]) == []
    assert told_of(VALUE, [*WAVE[:30], 30.0, 10.0, between, 10.0]) == [("opened", Kind.CONTROL_LIMITS, 30)]
    assert told_of(VALUE, [*WAVE[:30], 30.0, 10.0, between, 10.0, 10.0])[1:] == [
        ("BACK_INSIDE", Kind.CONTROL_LIMITS, 34)
    ]


def test_days_of_a_breach_are_no_baseline() -> None:
    breach = [*WAVE[:30], *[40.0] * 10, 10.0, 10.0]
    assert told_of(VALUE, [*breach, *WAVE[:5], 40.0])[2:] == [("opened", Kind.CONTROL_LIMITS, 47)]


def test_a_level_that_stays_becomes_the_next_baseline() -> None:
    moved = [value + 100 for value in WAVE]
    found = told_of(VALUE, [*WAVE[:30], *moved, 10.0])
    assert found == [
        ("opened", Kind.CONTROL_LIMITS, 30),
        ("NEW_LEVEL", Kind.CONTROL_LIMITS, 30 + NEW_LEVEL_DAYS - 1),
        ("opened", Kind.CONTROL_LIMITS, 70),
    ]


def test_no_day_without_anything_is_judged_but_of_counts_it_is_zero() -> None:
    assert told_of(VALUE, [*WAVE[:30], None, None]) == []
    assert told_of(COUNT, [*COUNTS[:30], None]) == [("opened", Kind.CONTROL_LIMITS, 30)]
    assert told_of(COUNT, [None] * 40) == []


def test_days_long_past_are_no_baseline() -> None:
    gap = LOOK_BACK.days - len(WAVE)
    assert told_of(VALUE, [*WAVE, *[None] * gap, 40.0]) == [("opened", Kind.CONTROL_LIMITS, LOOK_BACK.days)]
    assert told_of(VALUE, [*WAVE, *[None] * (gap + len(WAVE) - SHORTEST_BASELINE + 1), 40.0]) == []


def test_a_single_case_of_something_rare_is_no_alert() -> None:
    assert told_of(SHARE, [*[0.0] * 30, 1 / 20, 0.0, 1 / 20], 20) == []
    assert told_of(SHARE, [*[1.0] * 30, 19 / 20], 20) == []
    assert told_of(SHARE, [*[1.0] * 30, 0.5], 20) == [("opened", Kind.CONTROL_LIMITS, 30)]
    # A count of which hardly any is expected has no limits.
    assert told_of(COUNT, [*[1.0, 2.0] * 15, 9.0], 20) == []


def test_an_abandoned_breach_ends_with_the_last_judged_day() -> None:
    state, _ = run(VALUE, figures([*WAVE[:30], 40.0, 40.0]), 32)
    assert abandoned(state) == (Closed(Kind.CONTROL_LIMITS, day(31), Ending.REDEFINED),)


@pytest.mark.parametrize("scale", list(Scale))
def test_where_nothing_but_chance_is_at_work_there_are_hardly_any_alarms(scale: Scale) -> None:
    chance = random.Random(20260601)  # noqa: S311  # no secret

    def value() -> float:
        if scale is Scale.VALUE:
            return chance.gauss(100, 15)
        if scale is Scale.SHARE:
            return sum(chance.random() < 0.8 for _ in range(60)) / 60
        # As many as come within a day of independent arrivals, forty a day.
        count, passed = 0, chance.expovariate(40)
        while passed < 1:
            count, passed = count + 1, passed + chance.expovariate(40)
        return float(count)

    days = 10_000
    found = figures([value() for _ in range(days)], 60)
    state, alarms = State(), 0
    for number in range(days):
        near = {one: found[one] for past in range(91) if (one := day(number - past)) in found}
        state, happenings = judge(Watched(scale, Direction.LOWER_IS_BETTER), state, near, day(number))
        alarms += sum(isinstance(one, Opened) for one in happenings)
    assert 0 < alarms < days / 200
