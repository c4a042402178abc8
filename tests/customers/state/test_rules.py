"""The rules that come with Rundblick: each value occurs, and one fact makes the difference."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.customers.facts.conditions import Conditions
from services.customers.facts.vocabulary import FACTS, declared
from services.customers.state.domain import (
    VALUES,
    Dimension,
    Origin,
    Override,
    Reason,
    Rule,
    RuleSet,
    State,
    StateChange,
    settled,
)
from services.customers.state.ruling import Ruling, shipped

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULING = Ruling(shipped().values(), Conditions(declared()))
STAGE, ENGAGEMENT = Dimension.LIFECYCLE_STAGE, Dimension.ENGAGEMENT


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def facts(**said: Any) -> dict[str, Any]:
    """Of somebody who wrote a year ago and 20 days ago; said: name__field -> value."""
    found: dict[str, dict[str, Any]] = {
        "customer": {"kind": "PERSON", "created_at": ago(400), "updated_at": ago(400)},
        "interactions": {"count": 2.0, "inbound": 1.0, "purchases": 0.0, "first_at": ago(365), "last_at": ago(20)},
        "enquiries": {"open": 0.0, "total": 0.0},
        "opportunities": {"open": 0.0, "won": 0.0},
        "needs": {"count": 0.0},
        "consents": {"granted": []},
    }
    for name, value in said.items():
        noun, field = name.split("__")
        found.setdefault(noun, {})[field] = value
    return {**found, "now": NOW}


QUIET = {"interactions__inbound": 0.0}


@pytest.mark.parametrize(
    ("dimension", "value", "holding", "flipped", "otherwise"),
    [
        (STAGE, "OTHER", QUIET, {"consents__granted": ["EMAIL:MARKETING"]}, "SUBSCRIBER"),
        (STAGE, "SUBSCRIBER", QUIET | {"consents__granted": ["EMAIL:MARKETING"]}, {"enquiries__total": 1.0}, "LEAD"),
        (STAGE, "LEAD", {}, {"interactions__inbound": 3.0}, "MARKETING_QUALIFIED"),
        (STAGE, "MARKETING_QUALIFIED", {"interactions__inbound": 3.0}, {"needs__count": 1.0}, "SALES_QUALIFIED"),
        (
            STAGE,
            "SALES_QUALIFIED",
            {"interactions__inbound": 3.0, "enquiries__total": 1.0},
            {"opportunities__open": 1.0},
            "OPPORTUNITY",
        ),
        (STAGE, "OPPORTUNITY", {"opportunities__open": 1.0}, {"opportunities__won": 1.0}, "CUSTOMER"),
        (STAGE, "CUSTOMER", {"interactions__purchases": 1.0}, {"scores__nps": 9.0}, "EVANGELIST"),
        (
            STAGE,
            "EVANGELIST",
            {"interactions__purchases": 1.0, "scores__nps": 10.0},
            {"interactions__purchases": 0.0},
            "LEAD",
        ),
        (ENGAGEMENT, "NEW", {"interactions__first_at": ago(29)}, {"interactions__first_at": ago(31)}, "ACTIVE"),
        (ENGAGEMENT, "ACTIVE", {}, {"scores__nps": 6.0}, "AT_RISK"),
        (ENGAGEMENT, "AT_RISK", {"enquiries__open": 3.0}, {"enquiries__open": 2.0}, "ACTIVE"),
        (ENGAGEMENT, "DORMANT", {"interactions__last_at": ago(181)}, {"interactions__last_at": ago(179)}, "ACTIVE"),
        (ENGAGEMENT, "LOST", {"interactions__last_at": ago(731)}, {"interactions__last_at": ago(729)}, "DORMANT"),
    ],
)
def test_one_fact_makes_the_difference(
    dimension: Dimension, value: str, holding: dict[str, Any], flipped: dict[str, Any], otherwise: str
) -> None:
    assert RULING.rule(facts(**holding))[dimension][0] == value
    assert RULING.rule(facts(**(holding | flipped)))[dimension][0] == otherwise


def test_every_value_can_occur_and_a_reason_shows_the_facts_that_its_rule_names() -> None:
    for dimension, rules in shipped().items():
        assert {rule.value for rule in rules.rules} == set(VALUES[dimension])
    _, reason = RULING.rule(facts(scores__nps=9.0, interactions__purchases=1.0))[STAGE]
    assert reason.rule == "evangelist"
    assert reason.facts == {"opportunities.won": 0.0, "interactions.purchases": 1.0, "scores.nps": 9.0}
    assert RULING.faults == {}


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (Rule("a", "LEAD", "interactions.inbund > 0.0"), ("rules", "0", "when")),
        (Rule("a", "LEAD", "now - interactions.last_at > duration('1h')"), ("rules", "0", "when")),
        (Rule("a", "LEAD", "interactions.inbound"), ("rules", "0", "when")),
        (Rule("a", "CHAMPION", "true"), ("rules", "0", "value")),
        (Rule("", "LEAD", "true"), ("rules", "0", "key")),
        (Rule("other", "LEAD", "true"), ("rules", "1", "key")),
        (Rule("a", "LEAD", "true", en="x" * 501), ("rules", "0", "en")),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rule: Rule, path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        Ruling([RuleSet(STAGE, (rule, Rule("other", "OTHER", "true")))], Conditions(declared()))
    assert refused.value.path == path


def test_the_last_rule_holds_for_all_who_are_left() -> None:
    with pytest.raises(InvalidInput, match="reads true"):
        RuleSet(STAGE, (Rule("a", "LEAD", "interactions.inbound > 0.0"),))


def test_every_name_that_rules_may_use_can_be_asked_for() -> None:
    declared_facts = declared()
    for name, fields in FACTS.items():
        assert name in declared_facts.names
        assert fields is declared_facts.names[name] or fields == declared_facts.names[name]


_VALUES = {dimension: st.sampled_from(VALUES[dimension]) for dimension in Dimension}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(_VALUES[STAGE], _VALUES[ENGAGEMENT], st.integers(1, 40)), min_size=1, max_size=8),
    st.none() | st.tuples(st.integers(0, 7), _VALUES[STAGE], st.integers(1, 90)),
)
def test_a_history_has_no_gap_and_an_override_holds_until_it_ends(
    judgements: list[tuple[str, str, int]], override: tuple[int, str, int] | None
) -> None:
    state, history, at = State("cus_1", {}), list[StateChange](), ago(400)
    for place, (stage, engagement, days) in enumerate(judgements):
        at += timedelta(days=days)
        if override is not None and override[0] == place:
            said = Override({STAGE: override[1]}, "known better", "ann", "emp_1", at, at + timedelta(days=override[2]))
            state = State(state.customer, state.judged, said)
        ruled = {STAGE: (stage, Reason("a", "", "")), ENGAGEMENT: (engagement, Reason("b", "", ""))}
        state, changes = settled(state, ruled, at, lambda: "stc_1")
        history += changes
        held = state.override
        assert held is None or held.expires_at > at
        assert state.judged[STAGE].value == (held.values[STAGE] if held else stage)
        assert (state.judged[STAGE].set_by is Origin.EMPLOYEE) == (held is not None)
        assert state.judged[ENGAGEMENT].value == engagement
    for dimension in Dimension:
        of_it = [one for one in history if one.dimension is dimension]
        assert [one.before for one in of_it] == [None, *(one.after.value for one in of_it[:-1])]
        assert of_it[-1].after.value == state.judged[dimension].value
        assert of_it[-1].after.since == state.judged[dimension].since
