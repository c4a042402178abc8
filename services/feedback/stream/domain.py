"""What an event says, and for whom it is."""

from dataclasses import dataclass
from typing import Literal

# waiting: a service level of an enquiry is at risk or missed; feedback: some was received.
Kind = Literal["waiting", "feedback"]


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """aggregate: the enquiry, or the feedback. label: of feedback its kind.

    source: through which it came in; of partners none but its own learn of it.
    """

    kind: Kind
    aggregate: str
    source: str
    team: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """team, labels: None and none, of any."""

    kind: Kind
    team: str | None = None
    labels: frozenset[str] = frozenset()

    def takes(self, event: DomainEvent, sources: frozenset[str] | None) -> bool:
        """sources: of a partner; None: no such limit."""
        return (
            event.kind == self.kind
            and (self.team is None or event.team == self.team)
            and (not self.labels or event.label in self.labels)
            and (sources is None or event.source in sources)
        )
