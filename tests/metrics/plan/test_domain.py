"""What a response costs, how sure that is, and when money should move."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.plan.domain import FEWEST, Code, Plan, planned
from services.metrics.plan.estimating import Daily, estimated
from services.metrics.plan.words import text

_DAY = st.tuples(st.integers(0, 500), st.integers(0, 6))
_DAYS = st.lists(_DAY, min_size=35, max_size=35)


def daily(days: list[tuple[int, int]]) -> Daily:
    spend, responses = np.array(days, dtype=np.float64).T
    return Daily(spend, responses)


def plan_of(touchpoints: dict[str, Daily]) -> Plan:
    return planned(estimated(touchpoints, 1))


@given(st.dictionaries(st.sampled_from("abcde"), _DAYS, max_size=5), st.randoms())
@settings(max_examples=25, deadline=None)
def test_whatever_came_in_the_plan_follows_from_it_in_any_order(days: dict[str, Any], random: Any) -> None:
    touchpoints = {name: daily(some) for name, some in days.items()}
    plan = plan_of(touchpoints)
    shuffled = list(touchpoints.items())
    random.shuffle(shuffled)
    assert plan_of(dict(shuffled)) == plan
    for one in plan.touchpoints:
        assert (one.spend, one.responses) == tuple(sum(column) for column in zip(*days[one.touchpoint], strict=True))
        cost = one.cost
        assert (cost is None) is (one.spend == 0 or one.responses == 0)
        if cost is not None and cost.lower is not None and cost.upper is not None:
            assert cost.lower <= cost.value == one.spend / one.responses <= cost.upper
    for move in plan.moves:
        assert min(move.source.responses, move.target.responses) >= FEWEST
        assert move.source.cost is not None
        assert move.target.cost is not None
        assert (move.source.cost.lower or 0) > (move.target.cost.upper or 0)
        assert move.times > 1
    sentences = [one.finding for one in plan.touchpoints] + [move.message for move in plan.moves] + [plan.because]
    assert all("{" not in text(said, "EUR", language) for said in sentences for language in ("de", "en"))


def test_money_moves_to_the_cheapest_where_it_is_clear_and_only_there() -> None:
    # About as cheap as the cheapest, and not the same every day.
    near = daily([(5, 2), (16, 2)] * 17 + [(10, 2)])
    plan = plan_of({"fair": daily([(100, 2)] * 35), "form": daily([(10, 2)] * 35), "near": near})
    assert [one.touchpoint for one in plan.touchpoints] == ["form", "near", "fair"]
    [move] = plan.moves
    assert (move.source.touchpoint, move.target.touchpoint, move.times) == ("fair", "form", 10.0)
    assert plan.because.code is Code.MOVES
    assert text(move.message, "EUR", "de").startswith("Eine Antwort kostet hier 50,00 EUR (mindestens ")


def test_with_too_few_responses_it_says_so_and_suggests_nothing() -> None:
    few = [(100, 1)] * (FEWEST - 1) + [(0, 0)] * 16
    plan = plan_of({"fair": daily(few), "form": daily([(1, 5)] * 35), "free": daily([(0, 3)] * 35)})
    codes = {one.touchpoint: one.finding.code for one in plan.touchpoints}
    assert codes == {"fair": Code.TOO_FEW, "form": Code.COST, "free": Code.NO_SPEND}
    assert (plan.moves, plan.because.code) == ((), Code.NOTHING_TO_COMPARE)
    enough = plan_of({"fair": daily([(100, 1)] * FEWEST + [(0, 0)] * 15), "form": daily([(1, 5)] * 35)})
    assert [move.source.touchpoint for move in enough.moves] == ["fair"]


def test_one_invoice_or_a_short_period_is_no_certainty() -> None:
    lump = [(1000, 2)] + [(0, 2)] * 34
    plan = plan_of({"fair": daily(lump), "form": daily([(5, 2)] * 35)})
    assert {one.touchpoint: one.finding.code for one in plan.touchpoints} == {"fair": Code.UNCERTAIN, "form": Code.COST}
    short = plan_of({"fair": daily([(100, 2)] * 27), "form": daily([(5, 2)] * 27)})
    assert {one.finding.code for one in short.touchpoints} == {Code.UNCERTAIN}
    assert plan.moves == short.moves == ()


def test_where_all_cost_the_same_hardly_any_plan_moves_money() -> None:
    """Weeks are good or bad as a whole, which a look at single days takes for certainty."""
    random = np.random.default_rng(7)

    def drawn() -> Daily:
        weeks = np.repeat(random.gamma(5, 0.2, 9), 7)[:60]
        return Daily(random.gamma(4, 12, 60), random.poisson(5 * weeks).astype(np.float64))

    plans = [plan_of({name: drawn() for name in "abcdef"}) for _ in range(60)]
    assert all(one.finding.code is Code.COST for plan in plans for one in plan.touchpoints)
    assert sum(bool(plan.moves) for plan in plans) <= 3
