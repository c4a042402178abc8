"""What a campaign brought, and what should be looked at: figures held against the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum

from chassis.errors import NotFound

_CENT = Decimal("0.01")

# A budget counts as unused when this part of the time is over, and less than this part of what that would have used.
_TIME_OVER = 0.5
_USED_OF_PACE = 0.5
# Money without an answer: so many days after the beginning, with at least this part of the budget spent.
_PATIENCE_DAYS = 7
_NOTICEABLE = Decimal("0.1")
# A goal: not judged before this part of its time is over; then by so much behind it is at risk.
_EARLY = 0.25
_BEHIND = 0.8


class PlanNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"nothing is known of a campaign {id[:80]}", ("id",))


class Code(Enum):
    BUDGET_UNUSED = "BUDGET_UNUSED"
    SPEND_WITHOUT_RESPONSE = "SPEND_WITHOUT_RESPONSE"
    GOAL_AT_RISK = "GOAL_AT_RISK"
    OVERSPENT = "OVERSPENT"


@dataclass(frozen=True, slots=True)
class Goal:
    """That a KPI, by its key, reaches a target by a day."""

    kpi: str
    target: float
    due_on: date


@dataclass(frozen=True, slots=True)
class Plan:
    """As customers planned it. running: it was begun, and is not paused. rule, days: how enquiries are credited."""

    campaign: str
    version: int
    running: bool
    starts_on: date
    ends_on: date
    budget: Decimal
    currency: str
    rule: str
    days: int
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted of a campaign over all time. None: nobody said anything of it."""

    interactions: int
    enquiries: float
    spend: float
    reach: float | None = None
    won: int | None = None
    revenue: float | None = None


@dataclass(frozen=True, slots=True)
class Achieved:
    """Where the KPI of a goal stands. grows: it adds up over time, so that half the time should bring half of it."""

    value: float | None
    grows: bool
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Results:
    """None: nothing is known of it, or there is nothing to divide by. unused_budget: below zero when overspent."""

    interactions: int
    enquiries: float
    actual_cost: Decimal
    unused_budget: Decimal
    reach: float | None
    won: int | None
    revenue: Decimal | None
    cost_per_contact: Decimal | None
    cost_per_enquiry: Decimal | None
    return_on_spend: float | None


@dataclass(frozen=True, slots=True)
class Warned:
    """numbers: what the sentence says, and why."""

    code: Code
    numbers: Mapping[str, float]
    words: Mapping[str, str] = field(default_factory=dict)


def results(plan: Plan, figures: Figures) -> Results:
    cost = _money(figures.spend)
    revenue = _money(figures.revenue) if figures.revenue is not None else None
    return Results(
        interactions=figures.interactions,
        enquiries=figures.enquiries,
        actual_cost=cost,
        unused_budget=plan.budget - cost,
        reach=figures.reach,
        won=figures.won,
        revenue=revenue,
        cost_per_contact=_money(figures.spend / figures.interactions) if figures.interactions else None,
        cost_per_enquiry=_money(figures.spend / figures.enquiries) if figures.enquiries else None,
        return_on_spend=float(revenue / cost) if revenue is not None and cost else None,
    )


def _money(amount: float) -> Decimal:
    """Figures are kept in millionths, and shown in hundredths."""
    return Decimal(f"{amount:.6f}").quantize(_CENT)


def warnings(plan: Plan, results: Results, achieved: Achieved | None, today: date) -> list[Warned]:
    """What should be looked at today; achieved: of the plan's goal, None when it cannot be known."""
    found = []
    if results.actual_cost > plan.budget:
        over = {"spent": results.actual_cost, "budget": plan.budget, "over": -results.unused_budget}
        found.append(_of_money(plan, Code.OVERSPENT, over))
    if plan.running and today >= plan.starts_on:
        found += [*_unused(plan, results, today), *_without_response(plan, results, today)]
        if plan.goal is not None and achieved is not None:
            found += _at_risk(plan, plan.goal, achieved, today)
    return found


def _elapsed(start: date, last: date, today: date) -> float:
    """The part of the days that is over, today included; at most the whole."""
    return min(((today - start).days + 1) / ((last - start).days + 1), 1.0)


def _of_money(plan: Plan, code: Code, amounts: Mapping[str, Decimal], **more: float) -> Warned:
    return Warned(code, {name: float(amount) for name, amount in amounts.items()} | more, {"currency": plan.currency})


def _unused(plan: Plan, results: Results, today: date) -> list[Warned]:
    elapsed = _elapsed(plan.starts_on, plan.ends_on, today)
    if elapsed < _TIME_OVER or float(results.actual_cost) >= _USED_OF_PACE * elapsed * float(plan.budget):
        return []
    amounts = {"spent": results.actual_cost, "budget": plan.budget, "unused": results.unused_budget}
    return [_of_money(plan, Code.BUDGET_UNUSED, amounts, elapsedShare=elapsed)]


def _without_response(plan: Plan, results: Results, today: date) -> list[Warned]:
    days = (today - plan.starts_on).days
    spent = results.actual_cost
    if results.interactions or results.enquiries or days < _PATIENCE_DAYS:
        return []
    if spent <= 0 or spent < _NOTICEABLE * plan.budget:
        return []
    return [_of_money(plan, Code.SPEND_WITHOUT_RESPONSE, {"spent": spent, "budget": plan.budget}, days=float(days))]


def _at_risk(plan: Plan, goal: Goal, achieved: Achieved, today: date) -> list[Warned]:
    elapsed = _elapsed(plan.starts_on, goal.due_on, today)
    value = achieved.value
    if elapsed < _EARLY or (value is None and not achieved.grows):
        return []
    value = value or 0.0
    if achieved.lower_is_better:
        expected, missed = goal.target, value > goal.target
    else:
        # What adds up is expected in step with time, and with some leeway until it is due.
        expected = goal.target * elapsed if achieved.grows else goal.target
        missed = value < (expected if elapsed >= 1 else _BEHIND * expected)
    if not missed:
        return []
    numbers = {"value": value, "target": goal.target, "expected": expected, "elapsedShare": elapsed}
    return [Warned(Code.GOAL_AT_RISK, numbers, {"kpi": goal.kpi, "dueOn": goal.due_on.isoformat()})]
