"""Employees as messages, and back."""

from collections.abc import Iterable

from rundblick.customers.v1 import employee_pb2 as pb

from services.customers.employee.domain import Employee, Subject, subjects_of


def to_proto(employee: Employee) -> pb.Employee:
    return pb.Employee(
        id=employee.id,
        display_name=employee.display_name,
        team_id=employee.team,
        active=employee.active,
        subjects=[pb.EmployeeSubject(issuer=one.issuer, subject=one.subject) for one in employee.subjects],
    )


def subjects_from_proto(given: Iterable[pb.EmployeeSubject]) -> tuple[Subject, ...]:
    """InvalidInput: see the domain."""
    return subjects_of(Subject(one.issuer, one.subject) for one in given)
