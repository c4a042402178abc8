"""Campaigns: what they brought, and what is warned of, by numbers alone."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.metrics.campaign.domain import Achieved, Code, Figures, Goal, Plan, Results, results, warnings
from services.metrics.campaign.words import text

PLAN = Plan(
    campaign="cmp_1",
    version=1,
    running=True,
    starts_on=date(2026, 3, 1),
    ends_on=date(2026, 3, 20),
    budget=Decimal(1000),
    currency="EUR",
    rule="LAST_TOUCH",
    days=30,
)
NOTHING = Figures(interactions=0, enquiries=0.0, spend=0.0)
HALF = date(2026, 3, 10)


def of(spend: float, interactions: int = 1) -> Results:
    return results(PLAN, Figures(interactions=interactions, enquiries=0.0, spend=spend))


def codes(found: Results, today: date, plan: Plan = PLAN) -> list[Code]:
    return [one.code for one in warnings(plan, found, None, today)]


def test_what_is_not_known_is_not_nought() -> None:
    empty = results(PLAN, NOTHING)
    assert (empty.revenue, empty.cost_per_contact, empty.cost_per_enquiry, empty.return_on_spend) == (None,) * 4
    assert (empty.actual_cost, empty.unused_budget) == (Decimal("0.00"), Decimal(1000))
    full = results(PLAN, Figures(interactions=3, enquiries=1.5, spend=100.1, reach=50.0, won=0, revenue=250.25))
    assert (full.cost_per_contact, full.cost_per_enquiry) == (Decimal("33.37"), Decimal("66.73"))
    assert full.return_on_spend == 2.5
    assert full.unused_budget == Decimal("899.90")
    assert results(PLAN, replace(NOTHING, revenue=10.0)).return_on_spend is None


@pytest.mark.parametrize(
    ("spend", "today", "expected"),
    [
        (249.99, HALF, [Code.BUDGET_UNUSED]),
        (250.0, HALF, []),
        (0.0, date(2026, 3, 9), []),
        (499.99, date(2026, 5, 1), [Code.BUDGET_UNUSED]),
        (500.0, date(2026, 5, 1), []),
        (1000.0, HALF, []),
        (1000.01, HALF, [Code.OVERSPENT]),
        (1000.01, date(2026, 2, 1), [Code.OVERSPENT]),
    ],
)
def test_a_budget_is_held_against_the_time_that_is_over(spend: float, today: date, expected: list[Code]) -> None:
    assert codes(of(spend), today) == expected


def test_what_does_not_run_is_only_warned_of_when_overspent() -> None:
    paused = replace(PLAN, running=False)
    assert codes(of(0.0), date(2026, 5, 1), paused) == []
    assert codes(of(2000.0), date(2026, 5, 1), paused) == [Code.OVERSPENT]


def test_money_without_any_answer_is_warned_of_after_a_week() -> None:
    assert codes(of(100.0, interactions=0), date(2026, 3, 8)) == [Code.SPEND_WITHOUT_RESPONSE]
    assert codes(of(100.0, interactions=0), date(2026, 3, 7)) == []
    assert codes(of(99.0, interactions=0), date(2026, 3, 8)) == []
    assert codes(of(100.0, interactions=1), date(2026, 3, 8)) == []
    enquired = results(PLAN, Figures(interactions=0, enquiries=0.5, spend=100.0))
    assert codes(enquired, date(2026, 3, 8)) == []


@pytest.mark.parametrize(
    ("achieved", "today", "at_risk"),
    [
        (Achieved(39.9, True, False), HALF, True),
        (Achieved(40.0, True, False), HALF, False),
        (Achieved(None, True, False), HALF, True),
        (Achieved(0.0, True, False), date(2026, 3, 4), False),
        (Achieved(99.0, True, False), date(2026, 4, 1), True),
        (Achieved(100.0, True, False), date(2026, 4, 1), False),
        (Achieved(79.0, False, False), HALF, True),
        (Achieved(81.0, False, False), HALF, False),
        (Achieved(None, False, False), HALF, False),
        (Achieved(101.0, False, True), HALF, True),
        (Achieved(99.0, False, True), HALF, False),
        (Achieved(101.0, True, True), HALF, True),
    ],
)
def test_a_goal_is_held_against_the_pace_it_needs(achieved: Achieved, today: date, at_risk: bool) -> None:
    plan = replace(PLAN, goal=Goal("enquiries", 100.0, date(2026, 3, 20)))
    found = [one.code for one in warnings(plan, of(1000.0), achieved, today)]
    assert found == ([Code.GOAL_AT_RISK] if at_risk else [])


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_each_number_of_a_sentence_is_a_parameter(language: str) -> None:
    plan = replace(PLAN, goal=Goal("enquiries", 100.0, date(2026, 3, 20)))
    found = [
        *warnings(plan, of(100.0, interactions=0), Achieved(1.0, True, False), HALF),
        *warnings(plan, of(1234.5), None, HALF),
    ]
    assert {one.code for one in found} == set(Code)
    said = {one.code: text(one, language) for one in found}
    unused = "1.234,50" if language == "de" else "1,234.50"
    assert unused in said[Code.OVERSPENT]
    assert "{" not in "".join(said.values())
