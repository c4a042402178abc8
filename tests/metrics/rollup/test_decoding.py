"""Cells read from BSON at once are what the driver reads one by one, whatever their keys and counts are."""

import struct
from datetime import date
from typing import Any

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.caller import Caller
from chassis.mongo import Database, in_transaction
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.rollup.decimals import from_decimal128, to_decimal128
from services.metrics.rollup.decoding import decoded
from services.metrics.rollup.domain import NO_END, Flat, Query
from services.metrics.rollup.repository import Increments, MongoRollupRepository
from services.metrics.rollup.sketch import SMALLEST, Bins, key_of

# Counts whose bytes look like bins themselves: with a key, with a count, one within the other.
LOOK_ALIKE = [
    struct.unpack("<q", text)[0]
    for text in (b"\x10p1\x00\x01\x00\x00\x00", b"\x12n\x00\x10z\x00\x01\x00", b"\x00\x10p-\x10p7\x00", b"\x10p345678")
]
# From the bin of the smallest value that is not zero.
PLACES = st.integers(int(key_of(SMALLEST)[1:]), 1200)
KEYS = st.one_of(
    st.just("z"), PLACES.map(lambda place: f"p{place}"), PLACES.map(lambda place: f"n{place}"), st.just("p34657")
)
COUNTS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([0x10, 0x12, 0x7010, 0x7A10, 0x6E12, 0x00017010, *LOOK_ALIKE, -1, -(2**40)]),
    st.integers(-(2**63), 2**63 - 1),
)
BINS = st.dictionaries(KEYS, COUNTS, max_size=12)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "n": COUNTS,
        "s": st.integers(-(10**34) + 1, 10**34 - 1).map(to_decimal128),
        "b": BINS,
        "c": BINS,
        "x": st.dictionaries(st.sampled_from(["SPAM", "p1", "b"]), st.integers(-5, 5), max_size=2),
    },
)
CELLS = st.fixed_dictionaries(
    {"t": st.just("2026-03"), "query": st.integers(0, 9)},
    optional={
        "v0": st.text(max_size=5).filter(lambda text: "\x00" not in text),
        "less": st.booleans(),
        "h": st.binary(max_size=5),
        "m": PARTS,
        "d": st.dictionaries(st.sampled_from(["1", "31"]), st.dictionaries(st.sampled_from(["0", "-"]), PARTS)),
    },
)


def plain(value: Any) -> Any:
    """As the driver would say it, but for decimals and for counts of zero, which say nothing."""
    if isinstance(value, Bins):
        return dict(value.items())
    if isinstance(value, dict):
        return {
            name: {key: count for key, count in one.items() if count}
            if name in ("b", "c") and isinstance(one, dict)
            else plain(one)
            for name, one in value.items()
        }
    return from_decimal128(value) if isinstance(value, bson.Decimal128) else value


@given(st.lists(CELLS, max_size=5))
@example([{"t": "2026-03", "m": {"b": {"p1": LOOK_ALIKE[0], "n-3": LOOK_ALIKE[1], "z": LOOK_ALIKE[2]}}}])
def test_what_is_read_is_what_was_written(cells: list[dict[str, Any]]) -> None:
    sent = [bson.encode(cell) for cell in cells]
    assert [plain(one) for one in decoded(sent)] == [plain(bson.decode(one)) for one in sent]
    assert decoded([memoryview(b"before" + one)[6:] for one in sent]) == decoded(sent)


@given(BINS, st.sampled_from([1.5, "two", True, None]))
def test_bins_that_hold_no_counts_are_refused(bins: dict[str, int], foreign: object) -> None:
    with pytest.raises(ValueError, match="no count"):
        decoded([bson.encode({"m": {"b": {**bins, "p5": foreign}}})])


def test_what_cells_never_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 0x01"):
        decoded([bson.encode({"m": {"n": 1.5}})])


async def test_long_cells_come_back_as_they_were_kept(database: Database, caller: Caller) -> None:
    """Longer than what the driver hands on as it is: of such it hands on a view."""
    kpi = Catalogue().get("first_response_time")
    rollups = MongoRollupRepository(database)
    counts = {f"p{place}": abs(place) % 7 + 1 for place in range(-300, 900)}
    flat: Flat = {f"b.{key}": count for key, count in counts.items()} | {"n": sum(counts.values()), "s": 10**20}
    cells: Increments = {
        (kpi.cells, (), (), month): {(day, NO_END): flat for day in (1, 2)} for month in ("2026-03", "2026-04")
    }

    async def write(session: Any) -> None:
        await rollups.add(caller, session, cells)

    await in_transaction(database, write)
    (found,) = await rollups.cells(caller, [Query(kpi, (), (), date(2026, 3, 1), date(2026, 5, 1), days=True)])
    days = found[()].days
    assert len(days) == 4
    for parts in days.values():
        assert (dict(parts.bins.items()), parts.n, parts.sum) == (counts, flat["n"], flat["s"])
    (found,) = await rollups.cells(caller, [Query(kpi, (), (), date(2026, 3, 2), date(2026, 5, 1))])
    assert dict(found[()].parts.bins.items()) == {key: 3 * count for key, count in counts.items()}
