"""Conditions over the facts of a customer: each compiled once, and never wrong in silence."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.customers.facts.vocabulary import FactsOf

# A name of an expression, and the field that is asked of it.
_NAMED = re.compile(r"(?<![\w.])([a-z]\w*)(?:\s*\.\s*(\w+))?")


class Conditions:
    """Keeps what it compiled: a condition is asked of many customers."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._compiled: dict[str, Expression] = {}

    def check(self, text: str, path: Sequence[str]) -> None:
        """InvalidInput: what is wrong with it, with line and column, at this path."""
        try:
            self._facts.compile(text, Kind.FLAG)
        except InvalidExpression as error:
            raise InvalidInput(error.message, path) from None

    def asking(self, texts: Iterable[str]) -> "Asking":
        """These are asked of one customer after the other."""
        expressions: dict[str, Expression | None] = {}
        for text in texts:
            try:
                expressions[text] = self._expression(text)
            except InvalidExpression:
                # What it asks for need not be declared any more.
                expressions[text] = None
        return Asking(self._facts, expressions)

    def _expression(self, text: str) -> Expression:
        expression = self._compiled.get(text)
        if expression is None:
            expression = self._compiled[text] = self._facts.compile(text, Kind.FLAG)
        return expression


class Asking:
    """expressions: by their text; None: it has no result."""

    def __init__(self, facts: Facts, expressions: Mapping[str, Expression | None]) -> None:
        self._facts = facts
        self._expressions = expressions
        self._named = named(text for text, one in expressions.items() if one is not None)

    def bound(self, facts: FactsOf) -> Any:
        """One customer's, for any of the conditions. To hand over what nobody asks for costs more than the answers."""
        return self._facts.bind({name: _some(facts.get(name), fields) for name, fields in self._named.items()})

    def holds(self, text: str, bound: Any) -> bool | None:
        """None: there is no result for this customer, as without a fact that it asks for."""
        expression = self._expressions[text]
        if expression is None:
            return None
        try:
            return expression.evaluate(bound) is True
        except EvaluationFault:
            return None


def named(texts: Iterable[str]) -> dict[str, set[str] | None]:
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


def attributes_named(texts: Iterable[str]) -> set[str] | None:
    """The keys of attributes that are asked for; None: any of them may be meant."""
    return named(texts).get("attributes", set())


def named_in(text: str, facts: FactsOf) -> dict[str, Any]:
    """Those of the facts that a condition names field by field, as `name.field`: what a reason shows."""
    return {
        f"{name}.{field}": facts[name][field]
        for name, fields in named([text]).items()
        for field in sorted(fields or ())
        if field in (facts.get(name) or {})
    }


def _some(said: Any, fields: set[str] | None) -> Any:
    if fields is None or said is None:
        return said
    return {field: said[field] for field in fields if field in said}
