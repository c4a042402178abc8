"""What an event says, and for whom it is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from chassis.errors import InvalidInput
from chassis.ids import prefix_of


class DomainEventKind(Enum):
    CUSTOMER_CHANGED = "CUSTOMER_CHANGED"
    INTERACTION_RECORDED = "INTERACTION_RECORDED"


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """sources: through which it came in; of partners none but theirs learn of it. employee: who acted."""

    kind: DomainEventKind
    customer: str | None = None
    interaction: str | None = None
    touchpoint: str | None = None
    employee: str | None = None
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """asked: the customer that was named; customers: under which ids events speak of it. None: of any."""

    kind: DomainEventKind
    asked: str | None = None
    touchpoint: str | None = None
    customers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, id, prefix in (("customer_id", self.asked, "cus"), ("touchpoint_id", self.touchpoint, "tou")):
            if id is not None and prefix_of(id) != prefix:
                raise InvalidInput(f"{name} reads {prefix}_ and a ULID", (name,))

    def following(self, customers: Iterable[str]) -> "Wanted":
        return replace(self, customers=frozenset(customers))

    def takes(self, event: DomainEvent, sources: frozenset[str] | None) -> bool:
        """sources: of a partner; None: no such limit."""
        return (
            event.kind is self.kind
            and (self.asked is None or event.customer in self.customers)
            and (self.touchpoint is None or event.touchpoint == self.touchpoint)
            and (sources is None or not sources.isdisjoint(event.sources))
        )
