"""Employees in the graph."""

from typing import Any

import strawberry
from rundblick.customers.v1 import employee_pb2 as pb
from strawberry import UNSET, federation

from gateway.customers.client import customers_of
from gateway.customers.team import Team
from gateway.rights import personal
from gateway.shared import Info, Named, Node, PageInfo, UserError, mutate, owned, page_request, present


async def load_employee(info: Info, id: str) -> Any:
    return await customers_of(info).employees.load(id)


def _team(record: pb.Employee) -> Team | None:
    return Team(id=strawberry.ID(record.team_id)) if present(record, "team_id") else None


@strawberry.type(description="As whom an identity provider knows somebody: iss and sub of their tokens.")
class EmployeeSubject:
    issuer: str
    subject: str


@strawberry.input(description="As whom an identity provider knows somebody: iss and sub of their tokens.")
class EmployeeSubjectInput:
    issuer: str
    subject: str


def _subjects(record: pb.Employee) -> list[EmployeeSubject]:
    return [EmployeeSubject(issuer=one.issuer, subject=one.subject) for one in record.subjects]


def _subject_messages(given: list[EmployeeSubjectInput] | None) -> list[pb.EmployeeSubject]:
    return [pb.EmployeeSubject(issuer=one.issuer, subject=one.subject) for one in given or ()]


@federation.type(keys=["id"], description="Somebody who works for the company.")
class Employee(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    display_name: str = strawberry.field(resolver=owned(load_employee, lambda record: record.display_name))
    team: Team | None = strawberry.field(resolver=owned(load_employee, _team))
    active: bool = strawberry.field(resolver=owned(load_employee, lambda record: record.active))
    subjects: list[EmployeeSubject] | None = strawberry.field(
        resolver=personal("Employee", "subjects", owned(load_employee, _subjects)),
        description="Who signs in so is this employee. Scope employees:write.",
    )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Employee":
        return cls(id=id)


@strawberry.type
class EmployeeEdge:
    cursor: str
    node: Employee


@strawberry.type
class EmployeeConnection:
    edges: list[EmployeeEdge]
    page_info: PageInfo


@strawberry.input
class CreateEmployeeInput:
    display_name: str
    team: str | None = strawberry.field(default=None, description="The team's key; made when it is not known.")
    subjects: list[EmployeeSubjectInput] | None = strawberry.field(
        default=None, description="Each belongs to one employee at most."
    )
    idempotency_key: str | None = None


@strawberry.input
class UpdateEmployeeInput:
    id: strawberry.ID
    display_name: str | None = UNSET
    team: str | None = strawberry.field(default=UNSET, description="The team's key; null: no team.")
    active: bool | None = UNSET
    subjects: list[EmployeeSubjectInput] | None = strawberry.field(
        default=UNSET, description="All of them from now on; each belongs to one employee at most."
    )
    idempotency_key: str | None = None


@strawberry.type
class CreateEmployeePayload:
    user_errors: list[UserError]
    employee: Employee | None = None


@strawberry.type
class UpdateEmployeePayload:
    user_errors: list[UserError]
    employee: Employee | None = None


def employee_of(record: pb.Employee) -> Employee:
    return Employee(id=strawberry.ID(record.id), record=record)


@strawberry.type
class EmployeeQuery:
    @strawberry.field(description="By name.")
    async def employees(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> EmployeeConnection | None:
        client = customers_of(info)
        request = pb.ListEmployeesRequest(page=page_request(first, after, last, before))
        answer: pb.ListEmployeesResponse = await client.call(client.stubs.employees.ListEmployees, request)
        return EmployeeConnection(
            edges=[EmployeeEdge(cursor=edge.cursor, node=employee_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.type
class EmployeeMutation:
    @strawberry.mutation
    async def create_employee(self, info: Info, input: CreateEmployeeInput) -> CreateEmployeePayload | None:
        client = customers_of(info)
        request = pb.CreateEmployeeRequest(
            idempotency_key=input.idempotency_key,
            display_name=input.display_name,
            team_key=input.team,
            subjects=_subject_messages(input.subjects),
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.employees.CreateEmployee, request)
            return {"employee": employee_of(answer.employee)}

        return await mutate(CreateEmployeePayload, work())

    @strawberry.mutation
    async def update_employee(self, info: Info, input: UpdateEmployeeInput) -> UpdateEmployeePayload | None:
        client = customers_of(info)
        request = pb.UpdateEmployeeRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            display_name=None if input.display_name is UNSET else input.display_name,
            team_key=None if input.team is UNSET else input.team or "",
            active=None if input.active is UNSET else input.active,
            subjects=None
            if input.subjects is UNSET
            else pb.EmployeeSubjectList(values=_subject_messages(input.subjects)),
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.employees.UpdateEmployee, request)
            return {"employee": employee_of(answer.employee)}

        return await mutate(UpdateEmployeePayload, work())
