"""Whom an offer suits: its condition over the facts of a customer, checked when it is defined."""

from collections.abc import Iterable

from chassis.mongo import Session
from services.customers.facts.conditions import Asking
from services.customers.facts.language import Language
from services.customers.facts.vocabulary import FactsOf
from services.customers.offer.domain import Offer


class Eligibility:
    def __init__(self, language: Language) -> None:
        self._language = language

    async def check(self, offer: Offer, session: Session) -> None:
        """InvalidInput: what is wrong with the expression, with line and column."""
        if offer.eligibility is not None:
            conditions = await self._language.rely_on([offer.eligibility], session)
            conditions.check(offer.eligibility, ("eligibility",))

    async def asking(self, offers: Iterable[Offer], session: Session | None = None) -> "Suiting":
        some = tuple(offers)
        texts = [offer.eligibility for offer in some if offer.eligibility is not None]
        return Suiting(some, (await self._language.conditions(texts, session)).asking(texts))


class Suiting:
    """Offers that are asked of one customer after the other."""

    def __init__(self, offers: tuple[Offer, ...], asking: Asking) -> None:
        self._offers = offers
        self._asking = asking

    def of(self, facts: FactsOf) -> frozenset[str]:
        """The ids of those that suit. Where there is no answer, as without a fact that is asked for, it does not."""
        bound = self._asking.bound(facts)
        return frozenset(
            offer.id
            for offer in self._offers
            if offer.eligibility is None or self._asking.holds(offer.eligibility, bound)
        )
