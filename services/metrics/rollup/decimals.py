"""Whole numbers as MongoDB's 128-bit decimals, without the way over text that the driver takes.

IEEE 754-2008 decimal128, binary integer encoding: 1 bit sign, 14 bits exponent with a bias of 6176, 113 bits
significand.
"""

import struct
from collections.abc import Mapping
from typing import Any

from bson import Decimal128

_PAIR = struct.Struct("<QQ")
_EXPONENT_ZERO = 6176 << 49
_SIGN = 1 << 63
_LOW = (1 << 64) - 1
_HIGH = (1 << 49) - 1
LARGEST = 10**34 - 1


def to_decimal128(value: int) -> Decimal128:
    """OverflowError: more than 34 digits."""
    magnitude = abs(value)
    if magnitude > LARGEST:
        raise OverflowError(f"{value} has more than 34 digits")
    high = _EXPONENT_ZERO | (magnitude >> 64) | (_SIGN if value < 0 else 0)
    return Decimal128.from_bid(_PAIR.pack(magnitude & _LOW, high))


def from_decimal128(value: Decimal128) -> int:
    return whole(value.bid)


def whole(bid: bytes) -> int:
    """Of the 16 bytes that are stored."""
    low, high = _PAIR.unpack(bid)
    if high & ~(_SIGN | _HIGH) != _EXPONENT_ZERO:
        # Of another exponent, as MongoDB writes none of ours.
        return int(Decimal128.from_bid(bid).to_decimal())
    magnitude: int = (high & _HIGH) << 64 | low
    return -magnitude if high & _SIGN else magnitude


def from_stored(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of a cell as they are stored, with whole numbers for decimals."""
    return {name: from_decimal128(value) if isinstance(value, Decimal128) else value for name, value in parts.items()}
