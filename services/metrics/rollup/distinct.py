"""How many different ones: exact while they are few, HyperLogLog when they are many; unions are exact in both.

P. Flajolet et al., HyperLogLog, AofA 2007; the estimator is that of O. Ertl, New cardinality estimation algorithms for
HyperLogLog sketches, 2017. With 2^11 registers the standard error is 2.3 %.
"""

import hashlib
import math
from collections.abc import Iterable

PRECISION = 11
REGISTERS = 1 << PRECISION
_BITS = 64 - PRECISION
# So many are kept one by one, each as 8 bytes: no more room than the registers take.
FEW = REGISTERS // 8


def hash_of(member: str) -> int:
    return int.from_bytes(hashlib.blake2b(member.encode(), digest_size=8).digest(), "big")


class Distinct:
    """A set of which only the size is asked for."""

    def __init__(self) -> None:
        self._few: set[int] = set()
        self._registers: bytearray | None = None

    def add(self, member: str) -> None:
        self._add(hash_of(member))

    def _add(self, hashed: int) -> None:
        if self._registers is None:
            self._few.add(hashed)
            if len(self._few) > FEW:
                self._spill()
            return
        place = hashed >> _BITS
        rest = hashed & ((1 << _BITS) - 1)
        rank = _BITS - rest.bit_length() + 1
        self._registers[place] = max(self._registers[place], rank)

    def _spill(self) -> None:
        few, self._few = self._few, set()
        self._registers = bytearray(REGISTERS)
        for hashed in few:
            self._add(hashed)

    def update(self, other: "Distinct") -> None:
        for hashed in other._few:
            self._add(hashed)
        if other._registers is not None:
            if self._registers is None:
                self._spill()
            mine = self._registers or bytearray(REGISTERS)
            self._registers = bytearray(map(max, mine, other._registers))

    @property
    def exact(self) -> bool:
        return self._registers is None

    def __len__(self) -> int:
        return len(self._few) if self._registers is None else round(_estimated(self._registers))

    def to_bytes(self) -> bytes:
        """Shorter than the registers while exact."""
        if self._registers is not None:
            return b"r" + bytes(self._registers)
        return b"f" + b"".join(hashed.to_bytes(8, "big") for hashed in sorted(self._few))

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Distinct":
        distinct = cls()
        if stored[:1] == b"r":
            distinct._registers = bytearray(stored[1:])
        else:
            distinct._few = {int.from_bytes(stored[at : at + 8], "big") for at in range(1, len(stored), 8)}
        return distinct

    @classmethod
    def of(cls, members: Iterable[str]) -> "Distinct":
        distinct = cls()
        for member in members:
            distinct.add(member)
        return distinct


def _estimated(registers: bytearray) -> float:
    counts = [0] * (_BITS + 2)
    for register in registers:
        counts[register] += 1
    z = REGISTERS * _tau(1 - counts[_BITS + 1] / REGISTERS)
    for rank in range(_BITS, 0, -1):
        z = 0.5 * (z + counts[rank])
    z += REGISTERS * _sigma(counts[0] / REGISTERS)
    return REGISTERS * REGISTERS / (2 * math.log(2) * z)


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3
