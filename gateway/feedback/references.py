"""What feedback refers to and others own: known here by the id alone."""

import strawberry
from strawberry import federation

from gateway.feedback.calendar import Touchpoint
from gateway.feedback.stubs import STUB, Team
from gateway.shared import Named, Node

__all__ = [
    "STUB",
    "Campaign",
    "Delivery",
    "Employee",
    "Offer",
    "Team",
    "Touchpoint",
    "employee_of",
    "team_of",
    "touchpoint_of",
]


@federation.type(keys=STUB)
class Employee(Named, Node):
    id: strawberry.ID


@federation.type(keys=STUB)
class Campaign(Named, Node):
    id: strawberry.ID


@federation.type(keys=STUB)
class Offer(Named, Node):
    id: strawberry.ID


@federation.type(keys=STUB)
class Delivery(Named, Node):
    id: strawberry.ID


def touchpoint_of(id: str | None) -> Touchpoint | None:
    return Touchpoint(id=strawberry.ID(id)) if id else None


def employee_of(id: str | None) -> Employee | None:
    return Employee(id=strawberry.ID(id)) if id else None


def team_of(id: str | None) -> Team | None:
    return Team(id=strawberry.ID(id)) if id else None
