"""One id everywhere: a type prefix and a ULID, such as cus_01J8Z3K7..."""

import hashlib
import re
from datetime import datetime

from ulid import ULID

ID_PATTERN = re.compile(r"([a-z]{3})_([0-9A-HJKMNP-TV-Z]{26})")


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A new id; `at` is its moment (now when absent), so that ids of facts sort by time of record."""
    return f"{prefix}_{ULID() if at is None else ULID.from_datetime(at)}"


def derived_id(prefix: str, *words: str) -> str:
    """The id that these words have, always and everywhere: who says them again means the same."""
    # Each with its length, so that no two ways to divide a text into words are alike.
    said = "".join(f"{len(word)}:{word}" for word in words)
    return f"{prefix}_{ULID.from_bytes(hashlib.sha256(said.encode()).digest()[:16])}"


def prefix_of(id: str) -> str | None:
    """The type prefix of a well-formed id, else None."""
    match = ID_PATTERN.fullmatch(id)
    return match.group(1) if match else None


def with_prefix(prefix: str, id: str) -> str:
    """The id of another type that belongs to this one for ever: the same ULID under another prefix."""
    return f"{prefix}_{id.partition('_')[2]}"
