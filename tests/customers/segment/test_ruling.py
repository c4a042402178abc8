"""Rules are asked of all they name, however they name it, and of nothing that they do not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.customers.facts.conditions import Conditions
from services.customers.facts.vocabulary import declared
from services.customers.segment.domain import Segment
from services.customers.segment.ruling import Ruling

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "customer": {"locale": "de", "sources": ["shop"], "kind": "PERSON"},
    "interactions": {"count": 3.0, "last_at": datetime(2026, 2, 1, tzinfo=UTC), "channels": ["PHONE"]},
    "needs": {"wishes": []},
    "now": NOW,
}


@pytest.mark.parametrize(
    "rule",
    [
        'customer.locale == "de"',
        'customer . locale == "de" && customer\n.kind == "PERSON"',
        '"shop" in customer.sources && interactions.channels.exists(channel, channel == "PHONE")',
        "has(interactions.last_at) && now - interactions.last_at < duration('720h')",
        '(interactions.count > 2.0 ? customer.locale : "") == "de"',
        "customer == customer && interactions.count >= 3.0",
        '[customer].all(one, one.locale == "de")',
        "size(needs.wishes) == 0",
    ],
)
def test_a_rule_is_answered_by_all_it_names(rule: str) -> None:
    asking = Ruling(Conditions(declared())).asking([Segment("seg_1", "one", "One", rule=rule)])
    assert asking.holding(FACTS) == ({"seg_1"}, set())


def test_a_rule_that_cannot_be_read_any_more_is_a_fault() -> None:
    segments = [
        Segment("seg_1", "gone", "Gone", rule="attributes.gone == 1.0"),
        Segment("seg_2", "none", "None", rule="needs.wishes[0] == 'x'"),
        Segment("seg_3", "list", "List"),
        Segment("seg_4", "all", "All", rule="true"),
    ]
    assert Ruling(Conditions(declared())).asking(segments).holding(FACTS) == ({"seg_4"}, {"seg_1", "seg_2"})
