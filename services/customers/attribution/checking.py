"""Holds what enquiries are credited to against what follows from their customers' contacts."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.attribution.deriving import Attributing, differs
from services.customers.interaction.repository import MongoInteractionRepository


class AttributionCheck:
    def __init__(self, interactions: MongoInteractionRepository, attributing: Attributing) -> None:
        self._interactions = interactions
        self._attributing = attributing

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        """Of the next contacts: an enquiry that is credited to a campaign has one with it among them."""
        batch = await self._interactions.some(caller, after, size)
        checked = Checked(next=batch[-1].id if len(batch) == size else None)
        for key in dict.fromkeys(one.customer or one.id for one in batch if one.campaign is not None):
            known, derived = await self._attributing.derived(caller, key)
            checked.examined += len(derived)
            for id, credit in derived.items():
                kept = known.get(id)
                if kept is None or differs(kept, credit):
                    shares = dict(kept.shares) if kept is not None else {}
                    checked.differs("attribution", id, f"is credited to {shares}, should be to {dict(credit.shares)}")
        return checked
