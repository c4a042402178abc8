"""What became of the rows of a file."""

from dataclasses import dataclass, field

from chassis.errors import Fault


@dataclass
class Outcome:
    """faults: line -> why the row was not taken; left_out: line -> what of a row that was taken was not, and why."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: dict[int, Fault] = field(default_factory=dict)
    left_out: dict[int, list[Fault]] = field(default_factory=dict)

    def count(self, *, created: bool, changed: bool) -> None:
        self.created += created
        self.changed += changed
        self.unchanged += not (created or changed)

    def took(self, before: object | None, after: object) -> None:
        """before: as it was known, None for what is new."""
        self.count(created=before is None, changed=before is not None and before != after)
