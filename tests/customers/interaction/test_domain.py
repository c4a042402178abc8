"""What an interaction must be: an id of its own kind, a source, and ids that are what they say."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.errors import InvalidInput
from chassis.ids import new_id
from services.customers.interaction.domain import Direction, Interaction, InteractionKind

VISIT = Interaction(
    id=new_id("int"),
    direction=Direction.INBOUND,
    kind=InteractionKind.VISIT,
    occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    source="shop",
)


def test_nobody_and_nowhere_are_allowed_for_they_may_become_known_later() -> None:
    assert (VISIT.customer, VISIT.touchpoint, VISIT.employee, VISIT.team) == (None, None, None, None)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"id": ""}, "id"),
        ({"id": "int_short"}, "id"),
        ({"id": new_id("cus")}, "id"),
        ({"source": ""}, "source"),
        ({"source": "s" * 101}, "source"),
        ({"summary": "s" * 501}, "summary"),
        ({"customer": new_id("emp")}, "customer_id"),
        ({"source_record": new_id("cus")}, "source_record_id"),
        ({"touchpoint": "phone"}, "touchpoint_id"),
        ({"employee": new_id("cus")}, "employee_id"),
        ({"team": ""}, "team_id"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(VISIT, **fields)
    assert refused.value.path == (path,)


def test_the_longest_source_and_summary_are_kept() -> None:
    longest = replace(VISIT, source="s" * 100, summary="s" * 500)
    assert (len(longest.source), len(longest.summary or "")) == (100, 500)
