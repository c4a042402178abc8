"""A signal: an enquiry that is open or not, a score somebody gave, a need they named."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from chassis.errors import InvalidInput

_LONGEST_ID = 100
_MOST_TOPICS = 50
# What surveys of a kind can be answered with.
SCALES = {"NPS": (0.0, 10.0), "CSAT": (1.0, 5.0), "CES": (1.0, 7.0)}


class SignalKind(Enum):
    ENQUIRY = "ENQUIRY"
    SCORE = "SCORE"
    NEED = "NEED"


@dataclass(frozen=True, slots=True)
class Signal:
    """InvalidInput: what cannot be kept, with the field.

    open: of an enquiry and of a need. survey, value: of a score. need, topics: of a need.
    """

    id: str
    kind: SignalKind
    at: datetime
    source: str
    version: int = 0
    customer: str | None = None
    source_record: str | None = None
    open: bool = False
    survey: str | None = None
    value: float | None = None
    need: str | None = None
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, text in (("id", self.id), ("source", self.source)):
            if not 1 <= len(text) <= _LONGEST_ID:
                raise InvalidInput(f"{field} has 1 to {_LONGEST_ID} characters", (field,))
        if self.kind is SignalKind.SCORE:
            lowest, highest = SCALES[self.survey or ""]
            if self.value is None or not lowest <= self.value <= highest:
                raise InvalidInput(f"{self.survey} lies between {lowest:g} and {highest:g}", ("score", "value"))
        if len(self.topics) > _MOST_TOPICS:
            raise InvalidInput(f"a need has at most {_MOST_TOPICS} topics", ("need", "topics"))
