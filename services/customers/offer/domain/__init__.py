"""What an offer is, what came of it, and who is left out by lot."""

from services.customers.offer.domain.assignment import Assignment, Group, assigned, group_of, settled
from services.customers.offer.domain.offer import (
    MOST_ACTIVE,
    PREFIX,
    Cap,
    Kind,
    Offer,
    OfferKeyTaken,
    OfferNotFound,
    StaleVersion,
    Step,
    TooManyOffers,
    archived,
    redefined,
)
from services.customers.offer.domain.outcome import OUTCOME_PREFIX, Outcome, OutcomeTaken, Result, check_moment

__all__ = [
    "MOST_ACTIVE",
    "OUTCOME_PREFIX",
    "PREFIX",
    "Assignment",
    "Cap",
    "Group",
    "Kind",
    "Offer",
    "OfferKeyTaken",
    "OfferNotFound",
    "Outcome",
    "OutcomeTaken",
    "Result",
    "StaleVersion",
    "Step",
    "TooManyOffers",
    "archived",
    "assigned",
    "check_moment",
    "group_of",
    "redefined",
    "settled",
]
