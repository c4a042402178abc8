"""Rules as they are asked: compiled once, and never wrong in silence."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.customers.facts.vocabulary import FactsOf, named_in
from services.customers.state.domain import Dimension, Reason, Rule, RuleSet


@cache
def shipped() -> Mapping[Dimension, RuleSet]:
    """The rules that come with Rundblick."""
    said = yaml.safe_load(resources.files("services.customers.state").joinpath("rules.yaml").read_text("utf-8"))
    return {
        Dimension(name): RuleSet(Dimension(name), tuple(Rule(**rule) for rule in rules)) for name, rules in said.items()
    }


class Ruling:
    """The rules of all dimensions. InvalidInput: one cannot be read; its path, line and column say where.

    faults: how often a rule had no result for a customer, by its key; it did not hold for that one.
    """

    def __init__(self, sets: Iterable[RuleSet], facts: Facts) -> None:
        self._facts = facts
        self._compiled = {
            one.dimension: [(rule, _compiled(facts, rule, place)) for place, rule in enumerate(one.rules)]
            for one in sets
        }
        self.faults: Counter[str] = Counter()

    def rule(self, facts: FactsOf) -> dict[Dimension, tuple[str, Reason]]:
        """What holds of a customer with these facts."""
        bound = self._facts.bind(facts)
        return {dimension: self._first(rules, facts, bound) for dimension, rules in self._compiled.items()}

    def _first(self, rules: list[tuple[Rule, Expression]], facts: FactsOf, bound: Any) -> tuple[str, Reason]:
        for rule, expression in rules:
            try:
                if expression.evaluate(bound):
                    return rule.value, Reason(rule.key, rule.en, rule.de, named_in(rule.when, facts))
            except EvaluationFault:
                self.faults[rule.key] += 1
        raise AssertionError("the last rule always holds")


def _compiled(facts: Facts, rule: Rule, place: int) -> Expression:
    try:
        return facts.compile(rule.when, Kind.FLAG)
    except InvalidExpression as error:
        raise InvalidInput(error.message, ("rules", str(place), "when")) from None
