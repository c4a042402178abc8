"""128-bit decimals hold whole numbers exactly, as the driver's own conversion does."""

import pytest
from bson import Decimal128
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.mongo import Database
from services.metrics.rollup.decimals import LARGEST, from_decimal128, to_decimal128


@given(st.integers(-LARGEST, LARGEST))
@example(0)
@example(LARGEST)
@example(-(2**64))
def test_a_whole_number_is_written_as_the_driver_writes_it(value: int) -> None:
    assert to_decimal128(value).bid == Decimal128(str(value)).bid
    assert from_decimal128(to_decimal128(value)) == value


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        to_decimal128(LARGEST + 1)


def test_another_exponent_is_read_too() -> None:
    assert from_decimal128(Decimal128("12E+3")) == 12_000


async def test_mongodb_adds_and_subtracts_them_exactly(database: Database) -> None:
    values = [10**33 + 7, -(10**33), 2**64, -3]
    for value in values:
        await database["sums"].update_one({"_id": 1}, {"$inc": {"s": to_decimal128(value)}}, upsert=True)
    document = await database["sums"].find_one({"_id": 1})
    assert document is not None
    assert from_decimal128(document["s"]) == sum(values)
