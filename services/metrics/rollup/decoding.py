"""Reads cells from BSON as MongoDB sends it: decimals as whole numbers, bins as arrays.

The driver would make an object of each bin, and a question over a few months reads tens of thousands of them. Here the
driver's part is only what is around the bins; all bins of a reply are found and read at once, column by column.
"""

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from services.metrics.rollup.decimals import whole
from services.metrics.rollup.sketch import OFFSET, Bins, Whole

# https://bsonspec.org/spec.html: an element is a kind, a name, a zero byte and a value.
_STRING, _DOCUMENT, _BINARY, _FLAG, _INT32, _INT64, _DECIMAL = 0x02, 0x03, 0x05, 0x08, 0x10, 0x12, 0x13
_BINS = ("b", "c")
_ABOVE, _BELOW, _ZERO = b"pnz"
# What looks like the begin of a bin may lie at the very end: to read on from there is not to read beyond the end.
_BEYOND = bytes(24)

_int32 = struct.Struct("<i").unpack_from
_int64 = struct.Struct("<q").unpack_from


def decoded(documents: Iterable[bytes | memoryview]) -> list[dict[str, Any]]:
    """ValueError: they hold what cells never do."""
    bins = _Bins()
    found = [_document(bytes(one), 0, bins) for one in documents]
    bins.fill()
    return found


def _document(data: bytes, at: int, bins: "_Bins") -> dict[str, Any]:
    """The one that begins there; its bins are still to be filled."""
    end = at + _int32(data, at)[0] - 1
    at += 4
    found: dict[str, Any] = {}
    while at < end:
        kind, zero = data[at], data.index(0, at + 1)
        name = data[at + 1 : zero].decode()
        at = zero + 1
        if kind == _INT32:
            found[name] = _int32(data, at)[0]
            at += 4
        elif kind == _DOCUMENT:
            size = _int32(data, at)[0]
            found[name] = bins.later(data[at + 4 : at + size - 1]) if name in _BINS else _document(data, at, bins)
            at += size
        elif kind == _DECIMAL:
            found[name] = whole(data[at : at + 16])
            at += 16
        elif kind == _INT64:
            found[name] = _int64(data, at)[0]
            at += 8
        elif kind == _STRING:
            size = _int32(data, at)[0]
            found[name] = data[at + 4 : at + 3 + size].decode()
            at += 4 + size
        elif kind == _BINARY:
            size = _int32(data, at)[0]
            found[name] = data[at + 5 : at + 5 + size]
            at += 5 + size
        elif kind == _FLAG:
            found[name] = bool(data[at])
            at += 1
        else:
            raise ValueError(f"a cell holds no BSON of kind {kind:#04x}")
    return found


class _Bins:
    """The bins that were met, to be read all at once."""

    def __init__(self) -> None:
        self._elements: list[bytes] = []
        self._found: list[Bins] = []

    def later(self, elements: bytes) -> Bins:
        bins = Bins()
        self._elements.append(elements)
        self._found.append(bins)
        return bins

    def fill(self) -> None:
        elements = b"".join(self._elements)
        if not elements:
            return
        starts, places, counts = _read(elements)
        ends = starts.searchsorted(np.cumsum([len(one) for one in self._elements])).tolist()
        begin = 0
        for bins, end in zip(self._found, ends, strict=True):
            bins.put(places[begin:end], counts[begin:end])
            begin = end


def _read(elements: bytes) -> tuple[Whole, Whole, Whole]:
    """(where it starts, place, count) of each bin of elements that follow each other without a gap."""
    padded = elements + _BEYOND
    data = np.frombuffer(padded, np.uint8)
    kinds, letters = data[: len(elements)], data[1 : len(elements) + 1]
    # Whatever looks like the begin of an element. Bytes of a count can; then they lie within another element.
    starts = np.flatnonzero(
        ((kinds == _INT32) | (kinds == _INT64)) & ((letters == _ABOVE) | (letters == _BELOW) | (letters == _ZERO))
    )
    numbers, at = _numbers(_at(padded, "<u8", starts + 2), starts + 2)
    wide = kinds[starts] == _INT64
    ends = at + np.where(wide, 8, 4)
    true = _without_overlaps(starts, ends)
    starts, ends, numbers, at, wide = (column[true] for column in (starts, ends, numbers, at, wide))
    # From here on there is no doubt: each begins where the one before it ends, from the first byte to the last.
    if not len(starts) or starts[0] != 0 or ends[-1] != len(elements) or (starts[1:] != ends[:-1]).any():
        raise ValueError("bins of a cell hold what is no count")
    counts = _at(padded, "<i4", at).astype(np.int64)
    counts[wide] = _at(padded, "<i8", at[wide])
    letters = letters[starts]
    places = numbers + OFFSET
    places[letters == _BELOW] *= -1
    places[letters == _ZERO] = 0
    return starts, places, counts


def _at(data: bytes, kind: str, places: Whole) -> npt.NDArray[Any]:
    """The numbers of this kind that begin at these bytes."""
    read: npt.NDArray[Any] = np.ndarray(len(data) - 7, kind, data, strides=(1,))[places]
    return read


def _numbers(texts: npt.NDArray[np.uint64], at: Whole) -> tuple[Whole, Whole]:
    """(the number that each of the texts begins with, up to a zero byte; where what follows it begins)."""
    minus = (texts & 0xFF) == ord("-")
    texts[minus] >>= 8
    at = at + minus + 1
    numbers, within = np.zeros(len(texts), np.int64), np.ones(len(texts), bool)
    while True:
        digits = (texts & 0xFF).astype(np.int64)
        within &= digits != 0
        if not within.any():
            break
        numbers = np.where(within, numbers * 10 + (digits - ord("0")), numbers)
        at += within
        texts >>= 8
    numbers[minus] *= -1
    return numbers, at


def _without_overlaps(starts: Whole, ends: Whole) -> npt.NDArray[Any] | slice:
    """Which of them do not begin within another."""
    doubtful = np.flatnonzero(ends[:-1] > starts[1:]).tolist()
    if not doubtful:
        return slice(None)
    true = np.ones(len(starts), bool)
    for place in doubtful:
        if true[place]:
            true[place + 1 : starts.searchsorted(ends[place])] = False
    return true
