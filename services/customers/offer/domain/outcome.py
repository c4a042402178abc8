"""What came of an offer to a customer: a fact, kept as it was said."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import AlreadyExists, InvalidInput
from chassis.money import Money
from services.customers.touchpoint.domain import Channel

OUTCOME_PREFIX = "ofo"
_LONGEST_SOURCE = 100
_LONGEST_ID = 200
# Clocks of other systems may be that much ahead.
_AHEAD = timedelta(minutes=5)


class Result(Enum):
    """ACCEPTED: the answer was yes. CONVERTED: bought or done, whether it was offered or not."""

    SHOWN = "SHOWN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    CONVERTED = "CONVERTED"


class OutcomeTaken(AlreadyExists):
    def __init__(self, source: str, external_id: str) -> None:
        super().__init__(f"{source} said something else as {external_id}", ("external_id",))


@dataclass(frozen=True, slots=True)
class Outcome:
    """InvalidInput: what cannot be kept, with the field. offer: its id; key: its key. employee: who recorded it.

    customer, source_record: empty until it is settled whose it is; key: also of an opportunity that was won.
    """

    id: str
    offer: str
    result: Result
    at: datetime
    source: str
    key: str = ""
    customer: str = ""
    source_record: str = ""
    channel: Channel | None = None
    touchpoint: str | None = None
    value: Money | None = None
    external_id: str | None = None
    employee: str | None = None
    team: str | None = None

    def __post_init__(self) -> None:
        if not self.source or len(self.source) > _LONGEST_SOURCE:
            raise InvalidInput(f"a source has 1 to {_LONGEST_SOURCE} characters", ("source",))
        if self.external_id is not None and not 1 <= len(self.external_id) <= _LONGEST_ID:
            raise InvalidInput(f"an external id has 1 to {_LONGEST_ID} characters", ("external_id",))

    def says_the_same(self, other: "Outcome") -> bool:
        """Of one external id: is it the same fact once more?"""
        return (self.offer, self.result, self.source_record) == (other.offer, other.result, other.source_record)


def check_moment(at: datetime, now: datetime) -> None:
    if at > now + _AHEAD:
        raise InvalidInput("it lies in the future", ("at",))
