"""That customers must be judged anew, said in the transaction of what changed."""

from collections.abc import Iterable

from chassis.ids import new_id
from chassis.outbox import Entry

STANDING = "standing"
_CUSTOMERS = "customers"
# Of one entry: whoever delivers it judges them in one go.
_AT_ONCE = 500


def changed(customers: Iterable[str]) -> list[Entry]:
    """One entry for all of them, as a rule."""
    ids = sorted(set(customers))
    return [
        Entry(STANDING, new_id("out"), 1, _CUSTOMERS, "\n".join(ids[start : start + _AT_ONCE]).encode())
        for start in range(0, len(ids), _AT_ONCE)
    ]
