"""What an entry of spend is: so much money, on a day, on a campaign, a touchpoint or both."""

from dataclasses import dataclass, replace
from datetime import date

from chassis.errors import InvalidInput
from chassis.money import Money

PREFIX = "spd"
_LONGEST_NOTE = 500
_LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class Spend:
    """InvalidInput: what cannot be kept, with the field. amount: below zero for a credit.

    external_id: of the source's own entry, by which it is known again.
    """

    id: str
    amount: Money
    day: date
    source: str
    campaign: str | None = None
    touchpoint: str | None = None
    note: str | None = None
    external_id: str | None = None
    team: str | None = None
    owner: str | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if self.campaign is None and self.touchpoint is None:
            raise InvalidInput("money is spent on a campaign, on a touchpoint or on both", ("campaign_id",))
        if not self.amount.amount:
            raise InvalidInput("an amount of nothing is no spend", ("amount", "amount"))
        if self.note is not None and len(self.note) > _LONGEST_NOTE:
            raise InvalidInput(f"a note has at most {_LONGEST_NOTE} characters", ("note",))
        for field, text in (("source", self.source), ("external_id", self.external_id)):
            if text is not None and not 1 <= len(text) <= _LONGEST_LABEL:
                raise InvalidInput(f"{field} has 1 to {_LONGEST_LABEL} characters", (field,))


def corrected(known: Spend, said: Spend) -> Spend:
    """The same entry said again: as it was, or the next version with what is said now."""
    news = replace(said, id=known.id, version=known.version)
    return known if news == known else replace(news, version=known.version + 1)
