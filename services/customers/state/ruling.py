"""Rules of states as they are asked of customers: of a dimension the first that holds."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from services.customers.facts.conditions import Conditions, named_in
from services.customers.facts.vocabulary import FactsOf
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

    def __init__(self, sets: Iterable[RuleSet], conditions: Conditions) -> None:
        self._rules = {one.dimension: one.rules for one in sets}
        for rules in self._rules.values():
            for place, rule in enumerate(rules):
                conditions.check(rule.when, ("rules", str(place), "when"))
        self._asking = conditions.asking(rule.when for rules in self._rules.values() for rule in rules)
        self.faults: Counter[str] = Counter()

    def rule(self, facts: FactsOf) -> dict[Dimension, tuple[str, Reason]]:
        """What holds of a customer with these facts."""
        bound = self._asking.bound(facts)
        return {dimension: self._first(rules, facts, bound) for dimension, rules in self._rules.items()}

    def _first(self, rules: Iterable[Rule], facts: FactsOf, bound: Any) -> tuple[str, Reason]:
        for rule in rules:
            holds = self._asking.holds(rule.when, bound)
            if holds:
                return rule.value, Reason(rule.key, rule.en, rule.de, named_in(rule.when, facts))
            if holds is None:
                self.faults[rule.key] += 1
        raise AssertionError("the last rule always holds")
