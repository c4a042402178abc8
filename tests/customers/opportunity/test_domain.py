"""How opportunities move, what they are worth on the way, and who buys again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import DomainError, InvalidInput
from chassis.money import Money
from services.customers.opportunity.domain import (
    CLOSED,
    PROBABILITIES,
    Move,
    Opportunity,
    Stage,
    StaleVersion,
    StillClosed,
    as_told,
    changed,
    corrected,
    moved,
    opened,
    repeats,
)

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = BEGAN + timedelta(days=100)


def opportunity(stage: Stage = Stage.PROSPECTING, **fields: Any) -> Opportunity:
    given: dict[str, Any] = {
        "id": "opp_1",
        "customer": "cus_1",
        "source_record": "src_1",
        "title": "Ten pumps",
        "opened_at": BEGAN,
        "moves": (Move(stage, BEGAN),),
        "amount": Money(Decimal(1000), "EUR"),
        "closes_on": date(2026, 6, 30),
    }
    return Opportunity(**(given | fields))


@given(st.lists(st.tuples(st.sampled_from(Stage), st.integers(0, 100)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_is_tried_the_moves_stay_in_order_and_only_those_closed_are_certain(
    tried: list[tuple[Stage, int]],
) -> None:
    one = opportunity()
    for stage, day in tried:
        before = one
        try:
            one = moved(one, one.version, Move(stage, BEGAN + timedelta(days=day)), NOW, reopen=one.closed)
        except InvalidInput:
            assert one is before
            continue
        assert (one.stage, one.version) == (stage, before.version + 1)
    times = [move.at for move in one.moves]
    assert times == sorted(times)
    assert all(a.stage is not b.stage for a, b in zip(one.moves, one.moves[1:], strict=False))
    assert (one.closed_at is None) is (one.stage not in CLOSED)
    assert one.probability == PROBABILITIES[one.stage]


def test_what_is_closed_is_opened_again_only_by_saying_so() -> None:
    at = Move(Stage.CLOSED_LOST, NOW)
    lost = moved(opportunity(own_probability=0.7), 1, at, NOW, loss_reason="price")
    assert (lost.probability, lost.loss_reason, lost.closed_at) == (0.0, "price", NOW)
    again = Move(Stage.PROPOSAL, NOW)
    with pytest.raises(StillClosed):
        moved(lost, 2, again, NOW)
    with pytest.raises(StaleVersion):
        moved(lost, 1, again, NOW, reopen=True)
    open_again = moved(lost, 2, again, NOW, reopen=True)
    assert (open_again.loss_reason, open_again.closed_at, len(open_again.moves)) == (None, None, 3)
    with pytest.raises(InvalidInput, match="opened again"):
        moved(open_again, 3, Move(Stage.NEGOTIATION, NOW), NOW, reopen=True)
    with pytest.raises(InvalidInput, match="opened again"):
        moved(lost, 2, Move(Stage.CLOSED_WON, NOW), NOW, reopen=True)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title": " "}, ("title",)),
        ({"amount": Money(Decimal(-1), "EUR")}, ("amount", "amount")),
        ({"own_probability": 1.1}, ("probability",)),
        ({"own_probability": float("nan")}, ("probability",)),
        ({"own_probability": 0.5, "moves": (Move(Stage.CLOSED_WON, BEGAN),)}, ("probability",)),
        ({"loss_reason": "price"}, ("loss_reason",)),
        ({"external_id": ""}, ("external_id",)),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(fields: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        opportunity(**fields)
    assert refused.value.path == path


def test_it_is_opened_in_the_past_and_at_its_stage_since_then() -> None:
    day = timedelta(days=1)
    assert opened(Stage.PROPOSAL, BEGAN, None, NOW) == (Move(Stage.PROPOSAL, BEGAN),)
    assert opened(Stage.PROPOSAL, BEGAN, BEGAN + day, NOW) == (Move(Stage.PROPOSAL, BEGAN + day),)
    for opened_at, since in ((NOW + day, None), (BEGAN, BEGAN - day), (BEGAN, NOW + day)):
        with pytest.raises(DomainError):
            opened(Stage.PROPOSAL, opened_at, since, NOW)


def test_its_source_says_it_again() -> None:
    known = opportunity()
    assert corrected(known, as_told(known, None, NOW, None)) is known
    assert as_told(known, Move(Stage.PROSPECTING, NOW), NOW, None) is known
    # Earlier than the last move it cannot have been; it is closed and opened as the source says.
    won = as_told(known, Move(Stage.CLOSED_WON, BEGAN - timedelta(days=1)), NOW, None)
    assert won.moves[1:] == (Move(Stage.CLOSED_WON, BEGAN),)
    assert as_told(won, Move(Stage.PROPOSAL, NOW), NOW, None).stage is Stage.PROPOSAL
    assert corrected(known, won).version == 2
    with pytest.raises(StaleVersion):
        changed(known, 7, won)


@given(st.lists(st.tuples(st.sampled_from(Stage), st.integers(0, 3)), max_size=8), st.randoms())
@settings(max_examples=60, deadline=None)
def test_all_that_are_won_but_the_first_are_bought_again(kept: list[tuple[Stage, int]], random: Any) -> None:
    some = [
        opportunity(id=f"opp_{place}", moves=(Move(stage, BEGAN + timedelta(days=day)),))
        for place, (stage, day) in enumerate(kept)
    ]
    found = repeats(some)
    won = [one for one in some if one.won]
    assert sum(found.values()) == max(len(won) - 1, 0)
    first = min((one.moves[-1].at for one in won), default=None)
    assert all(one.moves[-1].at == first for one in won if not found[one.id])
    random.shuffle(some)
    assert repeats(some) == found
