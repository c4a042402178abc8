"""Rules of segments as they are asked: compiled once, and never wrong in silence."""

from collections.abc import Iterable

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.customers.facts.vocabulary import FactsOf
from services.customers.segment.domain import Segment


class Ruling:
    """Keeps what it compiled: a rule is asked of many customers."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._compiled: dict[str, Expression] = {}

    def check(self, rule: str) -> None:
        """InvalidInput: what is wrong with the rule, with line and column."""
        try:
            self._facts.compile(rule, Kind.FLAG)
        except InvalidExpression as error:
            raise InvalidInput(error.message, ("rule",)) from None

    def holding(self, segments: Iterable[Segment], facts: FactsOf) -> tuple[set[str], set[str]]:
        """Of those with a rule: the ids of those it holds for, and of those where it has no result."""
        bound = self._facts.bind(facts)
        holding: set[str] = set()
        faults: set[str] = set()
        for segment in segments:
            if segment.rule is not None:
                try:
                    if self._expression(segment.rule).evaluate(bound) is True:
                        holding.add(segment.id)
                except (EvaluationFault, InvalidExpression):
                    # What it asks for need not be declared any more.
                    faults.add(segment.id)
        return holding, faults

    def _expression(self, rule: str) -> Expression:
        expression = self._compiled.get(rule)
        if expression is None:
            expression = self._compiled[rule] = self._facts.compile(rule, Kind.FLAG)
        return expression
