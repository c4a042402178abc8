"""Rules of segments as they are asked of customers."""

from collections.abc import Iterable, Mapping

from services.customers.facts import conditions
from services.customers.facts.conditions import Conditions
from services.customers.facts.vocabulary import FactsOf
from services.customers.segment.domain import Segment


class Ruling:
    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def check(self, rule: str) -> None:
        """InvalidInput: what is wrong with the rule, with line and column."""
        self._conditions.check(rule, ("rule",))

    def asking(self, segments: Iterable[Segment]) -> "Asking":
        """The rules of those that have one."""
        rules = {segment.id: segment.rule for segment in segments if segment.rule is not None}
        return Asking(rules, self._conditions.asking(rules.values()))


class Asking:
    """Rules that are asked of one customer after the other. rules: by segment."""

    def __init__(self, rules: Mapping[str, str], asking: conditions.Asking) -> None:
        self._rules = rules
        self._asking = asking

    def holding(self, facts: FactsOf) -> tuple[set[str], set[str]]:
        """The segments that the rules put this customer into, and those whose rule has no result."""
        bound = self._asking.bound(facts)
        answers = {segment: self._asking.holds(rule, bound) for segment, rule in self._rules.items()}
        holding = {segment for segment, holds in answers.items() if holds}
        return holding, {segment for segment, holds in answers.items() if holds is None}
