"""Whom an offer suits: its condition over the facts of a customer, checked when it is defined."""

from collections.abc import Iterable

from services.customers.facts.conditions import Asking, Conditions
from services.customers.facts.vocabulary import FactsOf
from services.customers.offer.domain import Offer


class Eligibility:
    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def check(self, offer: Offer) -> None:
        """InvalidInput: what is wrong with the expression, with line and column."""
        if offer.eligibility is not None:
            self._conditions.check(offer.eligibility, ("eligibility",))

    def asking(self, offers: Iterable[Offer]) -> "Suiting":
        some = tuple(offers)
        texts = (offer.eligibility for offer in some if offer.eligibility is not None)
        return Suiting(some, self._conditions.asking(texts))


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
