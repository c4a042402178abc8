"""Who is left out by lot: some of those whom an offer suits, so that what it brings can be told from what comes anyway.

By intention to treat: everybody is assigned when an offer suits them for the first time, and counts in that group
whatever happens later, whether or not the offer ever reached them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

_ALL = 1 << 64


class Group(Enum):
    TREATED = "TREATED"
    CONTROL = "CONTROL"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Of a customer to a group of an offer, by the source record it hangs on.

    converted_at: when the customer first converted afterwards. counts: False, a merge brought two of one customer
    together, and the other is older.
    """

    offer: str
    source_record: str
    source: str
    customer: str
    group: Group
    at: datetime
    converted_at: datetime | None = None
    counts: bool = True
    version: int = 1

    @property
    def id(self) -> str:
        return f"{self.offer}/{self.source_record}"


def group_of(offer: str, record: str, share: float) -> Group:
    """The same at every time and place. share: of customers who are left out, 0 to 1."""
    drawn = int.from_bytes(hashlib.sha256(f"{offer}/{record}".encode()).digest()[:8], "big")
    return Group.CONTROL if drawn < share * _ALL else Group.TREATED


def assigned(known: Iterable[Assignment]) -> Assignment | None:
    """Of one customer and one offer: the one that counts."""
    return min(known, key=lambda one: (one.at, one.source_record), default=None)


def settled(known: Sequence[Assignment], customer: str, conversions: Iterable[datetime]) -> list[Assignment]:
    """All of one customer and one offer as they follow from each other and from what the customer did, in any order."""
    first = assigned(known)
    moments = list(conversions)
    return [
        replace(
            one,
            customer=customer,
            counts=one is first,
            converted_at=min((at for at in moments if at >= one.at), default=None) if one is first else None,
        )
        for one in known
    ]
