"""What became of the rows of a file."""

from dataclasses import dataclass, field

from chassis.errors import Fault


@dataclass
class Outcome:
    """faults: line -> why the row was not taken."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: dict[int, Fault] = field(default_factory=dict)

    def took(self, before: object | None, after: object) -> None:
        """before: as it was known, None for what is new."""
        if before is None:
            self.created += 1
        elif before == after:
            self.unchanged += 1
        else:
            self.changed += 1
