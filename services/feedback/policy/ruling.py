"""Conditions of policies as they are asked of enquiries."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from chassis.errors import InvalidInput
from chassis.expressions import EvaluationFault, Expression, Facts, InvalidExpression, Kind
from services.feedback.enquiry.domain.facts import Enquiry
from services.feedback.policy.domain import Policy, in_order

_TEXTS = ("source", "priority", "category", "service", "touchpoint", "channel", "team", "subject")
_FACTS = Facts({"enquiry": dict.fromkeys(_TEXTS, Kind.STRING)})


def check(condition: str) -> None:
    """InvalidInput: what is wrong with it, with line and column."""
    try:
        _compiled(condition)
    except InvalidExpression as error:
        raise InvalidInput(error.message, ("condition",)) from None


@lru_cache(maxsize=1_000)
def _compiled(condition: str) -> Expression:
    return _FACTS.compile(condition, Kind.FLAG)


class Policies:
    """All versions of all policies."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = in_order(policies)

    def of(self, enquiry: Enquiry, began: datetime) -> Policy | None:
        """The one that holds for a wait of this enquiry that began at that moment."""
        holding = [one for one in self._policies if one.holds_at(began)]
        if not holding:
            return None
        bound = _FACTS.bind(
            {
                "enquiry": {
                    "source": enquiry.source,
                    "priority": enquiry.priority.value,
                    "category": enquiry.category,
                    "service": enquiry.service,
                    "touchpoint": enquiry.touchpoint,
                    "channel": enquiry.channel,
                    "team": enquiry.team,
                    "subject": enquiry.subject,
                }
            }
        )
        for policy in holding:
            if policy.condition is None:
                return policy
            try:
                if _compiled(policy.condition).evaluate(bound):
                    return policy
            except EvaluationFault:
                # What is not known of the enquiry is asked without has(): to it the policy does not speak.
                continue
        return None
