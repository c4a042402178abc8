"""Answers EmployeeService calls."""

from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import employee_pb2 as pb
from rundblick.customers.v1 import employee_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import Forbidden
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import answers
from services.customers.employee.domain import Employee, EmployeeNotFound, SubjectTaken, name_of
from services.customers.employee.messages import subjects_from_proto, to_proto
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.team.repository import MongoTeamRepository


class EmployeeServicer(employee_pb2_grpc.EmployeeServiceServicer):
    def __init__(self, employees: MongoEmployeeRepository, teams: MongoTeamRepository, writes: Writes) -> None:
        self._employees = employees
        self._teams = teams
        self._writes = writes

    async def BatchGetEmployees(
        self, request: pb.BatchGetEmployeesRequest, context: Any
    ) -> pb.BatchGetEmployeesResponse:
        found = await self._employees.of_ids(current_caller(), request.ids)
        protos = {id: to_proto(employee) for id, employee in found.items()}
        return pb.BatchGetEmployeesResponse(answers=answers(pb.EmployeeAnswer, request.ids, protos))

    async def ListEmployees(self, request: pb.ListEmployeesRequest, context: Any) -> pb.ListEmployeesResponse:
        part = await self._employees.page(current_caller(), page_of(request.page, [str, str]))
        edges = [
            pb.EmployeeEdge(cursor=encode_cursor(boundary), node=to_proto(employee))
            for employee, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListEmployeesResponse(edges=edges, page_info=page_info(part))

    async def CreateEmployee(self, request: pb.CreateEmployeeRequest, context: Any) -> pb.CreateEmployeeResponse:
        caller = _own(current_caller())
        name = name_of(request.display_name)
        subjects = subjects_from_proto(request.subjects)

        async def create(session: Session) -> pb.CreateEmployeeResponse:
            team = await self._team(caller, request.team_key, session)
            employee = Employee(new_id("emp"), name, team, active=True, subjects=subjects)
            await self._save(caller, employee, session)
            return pb.CreateEmployeeResponse(employee=to_proto(employee))

        return await self._writes.run(caller, request, pb.CreateEmployeeResponse, create)

    async def UpdateEmployee(self, request: pb.UpdateEmployeeRequest, context: Any) -> pb.UpdateEmployeeResponse:
        caller = _own(current_caller())

        async def update(session: Session) -> pb.UpdateEmployeeResponse:
            found = await self._employees.of_ids(caller, [request.id], session)
            if request.id not in found:
                raise EmployeeNotFound(request.id)
            employee = found[request.id]
            if request.HasField("display_name"):
                employee = replace(employee, display_name=name_of(request.display_name))
            if request.HasField("team_key"):
                employee = replace(employee, team=await self._team(caller, request.team_key, session))
            if request.HasField("active"):
                employee = replace(employee, active=request.active)
            if request.HasField("subjects"):
                employee = replace(employee, subjects=subjects_from_proto(request.subjects.values))
            await self._save(caller, employee, session)
            return pb.UpdateEmployeeResponse(employee=to_proto(employee))

        return await self._writes.run(caller, request, pb.UpdateEmployeeResponse, update)

    async def _save(self, caller: Caller, employee: Employee, session: Session) -> None:
        """SubjectTaken: somebody else signs in so."""
        taken = await self._employees.of_subjects(caller, employee.subjects, session) if employee.subjects else {}
        for position, subject in enumerate(employee.subjects):
            if subject in taken and taken[subject].id != employee.id:
                raise SubjectTaken(position)
        await self._employees.save(caller, employee, session)

    async def _team(self, caller: Caller, key: str, session: Session) -> str | None:
        """The team of this key, made when it is not known."""
        if not key:
            return None
        known = await self._teams.of_keys(caller, [key], session)
        return known.get(key) or (await self._teams.add(caller, {key: key}, session))[key]


def _own(caller: Caller) -> Caller:
    if caller.sources is not None:
        raise Forbidden("partners do not change employees")
    return caller
