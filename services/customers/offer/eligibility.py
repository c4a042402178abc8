"""Whom an offer suits: its expression over the facts of a customer, checked when it is defined."""

from collections.abc import Iterable

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.customers.facts.vocabulary import FactsOf
from services.customers.offer.domain import Offer


class Eligibility:
    """Keeps what it compiled: an offer is asked of many customers."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._compiled: dict[str, Expression] = {}

    def check(self, offer: Offer) -> None:
        """InvalidInput: what is wrong with the expression, with line and column."""
        if offer.eligibility is not None:
            try:
                self._facts.compile(offer.eligibility, Kind.FLAG)
            except InvalidExpression as error:
                raise InvalidInput(error.message, ("eligibility",)) from None

    def suiting(self, offers: Iterable[Offer], facts: FactsOf) -> frozenset[str]:
        """The ids of those that suit. Where there is no answer, as without a fact that is asked for, it does not."""
        bound = self._facts.bind(facts)
        return frozenset(
            offer.id for offer in offers if offer.eligibility is None or self._holds(offer.eligibility, bound)
        )

    def _holds(self, text: str, bound: object) -> bool:
        expression = self._compiled.get(text)
        try:
            if expression is None:
                expression = self._compiled[text] = self._facts.compile(text, Kind.FLAG)
            return expression.evaluate(bound) is True
        except (EvaluationFault, InvalidExpression):
            # What it asks for need not be declared any more.
            return False
