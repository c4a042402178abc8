"""Rules of segments as they are asked: compiled once, and never wrong in silence."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.customers.facts.vocabulary import FactsOf
from services.customers.segment.domain import Segment

# A name of an expression, and the field that is asked of it.
_NAMED = re.compile(r"(?<![\w.])([a-z]\w*)(?:\s*\.\s*(\w+))?")


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

    def asking(self, segments: Iterable[Segment]) -> "Asking":
        """The rules of those that have one."""
        expressions: dict[str, Expression | None] = {}
        for segment in segments:
            if segment.rule is not None:
                try:
                    expressions[segment.id] = self._expression(segment.rule)
                except InvalidExpression:
                    # What it asks for need not be declared any more.
                    expressions[segment.id] = None
        return Asking(self._facts, expressions)

    def _expression(self, rule: str) -> Expression:
        expression = self._compiled.get(rule)
        if expression is None:
            expression = self._compiled[rule] = self._facts.compile(rule, Kind.FLAG)
        return expression


class Asking:
    """Rules that are asked of one customer after the other. expressions: by segment; None: it has no result."""

    def __init__(self, facts: Facts, expressions: Mapping[str, Expression | None]) -> None:
        self._facts = facts
        self._expressions = expressions
        self._named = _named(one.text for one in expressions.values() if one is not None)

    def holding(self, facts: FactsOf) -> tuple[set[str], set[str]]:
        """The segments that the rules put this customer into, and those whose rule has no result."""
        # To hand over what nobody asks for costs more than the answers.
        bound = self._facts.bind({name: _some(facts.get(name), fields) for name, fields in self._named.items()})
        holding: set[str] = set()
        faults: set[str] = set()
        for segment, expression in self._expressions.items():
            try:
                if expression is None:
                    faults.add(segment)
                elif expression.evaluate(bound) is True:
                    holding.add(segment)
            except EvaluationFault:
                faults.add(segment)
        return holding, faults


def _named(texts: Iterable[str]) -> dict[str, set[str] | None]:
    """name -> the fields that are asked of it; None: it is asked as a whole."""
    found: dict[str, set[str] | None] = {}
    for text in texts:
        for name, field in _NAMED.findall(text):
            fields = found.setdefault(name, set())
            if not field:
                found[name] = None
            elif fields is not None:
                fields.add(field)
    return found


def _some(said: Any, fields: set[str] | None) -> Any:
    if fields is None or said is None:
        return said
    return {field: said[field] for field in fields if field in said}
