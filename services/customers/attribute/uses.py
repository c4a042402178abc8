"""Who asks for an attribute: rules of segments and states, and whom offers are for."""

from collections.abc import AsyncIterator

from chassis.caller import service_caller
from chassis.mongo import Session
from services.customers.facts.conditions import attributes_named
from services.customers.offer.repository import MongoOfferRepository
from services.customers.segment.repository import MongoSegmentRepository
from services.customers.state.repository import MongoStateRepository


class Uses:
    """Of what is in use: whatever is archived is checked anew before it is used again."""

    def __init__(
        self, segments: MongoSegmentRepository, states: MongoStateRepository, offers: MongoOfferRepository
    ) -> None:
        self._segments = segments
        self._states = states
        self._offers = offers
        self._caller = service_caller("customers")

    async def of(self, key: str, session: Session) -> list[str]:
        """What names it, in words, such as: the segment premium."""
        found = []
        async for what, text in self._conditions(session):
            keys = attributes_named([text])
            if keys is None or key in keys:
                found.append(what)
        return sorted(found)

    async def _conditions(self, session: Session) -> AsyncIterator[tuple[str, str]]:
        for segment in await self._segments.active(self._caller, session):
            if segment.rule is not None:
                yield f"the segment {segment.key}", segment.rule
        for offer in await self._offers.active(self._caller, session):
            if offer.eligibility is not None:
                yield f"the offer {offer.key}", offer.eligibility
        for dimension, rules in (await self._states.rules(self._caller, session)).items():
            for rule in rules.rules:
                yield f"the rule {rule.key} of {dimension.value}", rule.when
