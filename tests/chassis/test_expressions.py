"""Expressions: what is refused when they are defined, and what has no result when they run."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from chassis.expressions import EvaluationFault, Facts, InvalidExpression, Kind

FACTS = Facts(
    {"event": {"touchpoint": Kind.STRING, "amount": Kind.NUMBER, "won": Kind.FLAG, "started_at": Kind.MOMENT}}
)


def evaluated(text: str, returns: Kind, /, **facts: object) -> Any:
    return FACTS.compile(text, returns).evaluate(FACTS.bind({"event": facts}))


@pytest.mark.parametrize(
    ("text", "returns", "facts", "result"),
    [
        ('event.touchpoint == "mail"', Kind.FLAG, {"touchpoint": "mail"}, True),
        ('event.touchpoint in ["a", "b"]', Kind.FLAG, {"touchpoint": "mail"}, False),
        ("event.amount * 2.0", Kind.NUMBER, {"amount": 4.5}, 9.0),
        ("event.won ? 1.0 : 0.0", Kind.NUMBER, {"won": False}, 0.0),
        ("event.amount", Kind.NUMBER, {}, None),
        ("has(event.amount) && event.amount > 5.0", Kind.FLAG, {}, False),
        ("has(event.amount) && event.amount > 5.0", Kind.FLAG, {"amount": 6.0}, True),
        ("has(event.amount)", Kind.FLAG, {"amount": None}, False),
        ("has(event.amount)", Kind.FLAG, {"amount": 0.0}, True),
        ("3", Kind.NUMBER, {}, 3),
        (
            'event.started_at.getHours("Europe/Berlin")',
            Kind.NUMBER,
            {"started_at": datetime(2026, 7, 1, 12, tzinfo=UTC)},
            14,
        ),
        (
            "event.started_at.getHours()",
            Kind.NUMBER,
            {"started_at": datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))},
            10,
        ),
    ],
)
def test_results(text: str, returns: Kind, facts: dict[str, object], result: object) -> None:
    assert evaluated(text, returns, **facts) == result


@pytest.mark.parametrize(
    ("text", "returns", "facts"),
    [
        ("event.amount > 5.0", Kind.FLAG, {}),
        ("event.amount * 2.0", Kind.NUMBER, {}),
        ("1 / 0", Kind.NUMBER, {}),
        ("event.touchpoint.size() / 0", Kind.NUMBER, {"touchpoint": "mail"}),
        ("int(event.touchpoint) > 3", Kind.FLAG, {"touchpoint": "secret"}),
    ],
)
def test_a_mistake_at_run_time_is_raised_and_never_taken_for_true(
    text: str, returns: Kind, facts: dict[str, object]
) -> None:
    with pytest.raises(EvaluationFault) as raised:
        evaluated(text, returns, **facts)
    assert str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "returns", "place", "says"),
    [
        ("event.amont > 5.0", Kind.FLAG, (1, 6), "amont"),
        ("event.touchpoint > 5", Kind.FLAG, (1, 18), "overload"),
        ("event.amount >= 9", Kind.FLAG, (1, 14), "9.0"),
        ("evnt.amount", Kind.NUMBER, (1, 5), "evnt"),
        ("event.won &&\n  event.amont > 1.0", Kind.FLAG, (2, 8), "amont"),
        ("event.", Kind.FLAG, (1, 7), "Syntax"),
        ("", Kind.FLAG, (1, 1), "no expression"),
        ("  ", Kind.FLAG, (1, 1), "no expression"),
        ("x" * 3000, Kind.FLAG, (1, 1), "2000"),
        ("event.touchpoint", Kind.FLAG, (1, 1), "true or false"),
        ("event.won", Kind.NUMBER, (1, 1), "a number"),
        ("now()", Kind.MOMENT, (1, 4), "now"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text: str, returns: Kind, place: tuple[int, int], says: str) -> None:
    with pytest.raises(InvalidExpression) as raised:
        FACTS.compile(text, returns)
    assert (raised.value.line, raised.value.column) == place
    assert says in raised.value.message
    assert "rundblick.facts" not in raised.value.message


CUSTOMER = Facts(
    {
        "customer": {"kind": Kind.STRING, "sources": Kind.STRINGS},
        "interactions": {"count": Kind.NUMBER, "last_at": Kind.MOMENT},
        "now": Kind.MOMENT,
    },
    optional=("interactions.last_at",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'shop' in customer.sources && interactions.count > 2.0", True),
        ("customer.sources.exists(s, s.startsWith('f'))", False),
        ("has(interactions.last_at) && now - interactions.last_at > duration('240h')", True),
    ],
)
def test_expressions_speak_of_several_names_and_of_lists(text: str, expected: bool) -> None:
    facts = {
        "customer": {"kind": "PERSON", "sources": ["shop", "app"]},
        "interactions": {"count": 3, "last_at": datetime(2026, 1, 1, tzinfo=UTC)},
        "now": datetime(2026, 2, 1, tzinfo=UTC),
    }
    assert CUSTOMER.compile(text, Kind.FLAG).evaluate(CUSTOMER.bind(facts)) is expected
    bare = CUSTOMER.bind({"now": facts["now"], "interactions": {"count": 0}})
    assert CUSTOMER.compile(text, Kind.FLAG).evaluate(bare) is False


def test_a_moment_that_may_be_absent_must_be_asked_for() -> None:
    """Absent it would be 1970, and every rule about how long ago it was would hold."""
    with pytest.raises(InvalidExpression, match=r"line 1, column 7: .*has\(interactions\.last_at\)"):
        CUSTOMER.compile("now - interactions.last_at > duration('240h')", Kind.FLAG)
