"""Money: exact, and in a currency there is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from chassis.money import CURRENCIES, Money, digits_of, read_money


@given(st.integers(-(10**13), 10**13), st.sampled_from(sorted(CURRENCIES)))
def test_what_was_written_is_kept_to_the_digit(units: int, currency: str) -> None:
    amount = Decimal(units).scaleb(-digits_of(currency))
    if abs(amount) >= 10**12:
        return
    money = read_money(f"{amount:f}", currency, ("amount",))
    assert money == Money(amount, currency)
    assert f"{money.amount:f}" == f"{amount:f}"


@pytest.mark.parametrize(
    ("amount", "currency", "place"),
    [
        ("1,5", "EUR", "amount"),
        ("", "EUR", "amount"),
        ("NaN", "EUR", "amount"),
        ("Infinity", "EUR", "amount"),
        ("1.005", "EUR", "amount"),
        ("1.5", "JPY", "amount"),
        ("1000000000000", "EUR", "amount"),
        ("1e999999", "EUR", "amount"),
        ("1", "eur", "currency"),
        ("1", "XXX", "currency"),
    ],
)
def test_what_is_no_money_is_refused_with_its_field(amount: str, currency: str, place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_money(amount, currency, ("budget",))
    assert refused.value.path == ("budget", place)
