"""As whom employees sign in: said by the company, and each by one employee at most."""

import asyncio

import grpc
import pytest
from rundblick.customers.v1 import employee_pb2 as pb

from chassis.caller import Caller
from chassis.mongo import Database
from services.customers.employee.domain import Subject
from services.customers.employee.repository import MongoEmployeeRepository
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.plans import faults_of_winners

ISSUER = "https://login.example"


def subject(name: str, issuer: str = ISSUER) -> pb.EmployeeSubject:
    return pb.EmployeeSubject(issuer=issuer, subject=name)


def creating(*subjects: pb.EmployeeSubject) -> pb.CreateEmployeeRequest:
    return pb.CreateEmployeeRequest(display_name="Ada", subjects=subjects)


async def made(customers: Running, *subjects: pb.EmployeeSubject) -> pb.Employee:
    employee: pb.Employee = (await customers.call(creating(*subjects))).employee
    return employee


async def test_subjects_are_kept_replaced_and_taken_away(customers: Running) -> None:
    ada = await made(customers, subject("ada"), subject("ada", "https://other.example"))
    assert list(ada.subjects) == [subject("ada"), subject("ada", "https://other.example")]
    untouched = (await customers.call(pb.UpdateEmployeeRequest(id=ada.id, display_name="A"))).employee
    assert list(untouched.subjects) == list(ada.subjects)
    news = pb.EmployeeSubjectList(values=[subject("countess")])
    changed = (await customers.call(pb.UpdateEmployeeRequest(id=ada.id, subjects=news))).employee
    assert list(changed.subjects) == [subject("countess")]
    none = pb.EmployeeSubjectList()
    assert not (await customers.call(pb.UpdateEmployeeRequest(id=ada.id, subjects=none))).employee.subjects
    answers = (await customers.call(pb.BatchGetEmployeesRequest(ids=[ada.id]))).answers
    assert not answers[ada.id].value.subjects


async def test_a_subject_belongs_to_one_employee(customers: Running) -> None:
    await made(customers, subject("ada"))
    ben = await made(customers, subject("ben"))
    fault = await customers.fault(creating(subject("cy"), subject("ada")))
    assert (fault.code, fault.path) == ("ALREADY_EXISTS", ("subjects", "1"))
    taken = pb.UpdateEmployeeRequest(id=ben.id, subjects=pb.EmployeeSubjectList(values=[subject("ada")]))
    fault = await customers.fault(taken)
    assert (fault.code, fault.path) == ("ALREADY_EXISTS", ("subjects", "0"))
    kept = (await customers.call(pb.BatchGetEmployeesRequest(ids=[ben.id]))).answers[ben.id].value
    assert list(kept.subjects) == [subject("ben")]


async def test_one_of_many_at_once_gets_a_subject(customers: Running) -> None:
    results = await asyncio.gather(*(made(customers, subject("ada")) for _ in range(6)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert {error.code() for error in refused} == {grpc.StatusCode.ALREADY_EXISTS}
    assert len(results) - len(refused) == 1


async def test_a_subject_that_is_given_up_is_free_and_that_of_another_issuer_too(customers: Running) -> None:
    ada = await made(customers, subject("ada"))
    await made(customers, subject("ada", "https://other.example"))
    await customers.call(pb.UpdateEmployeeRequest(id=ada.id, subjects=pb.EmployeeSubjectList()))
    await made(customers, subject("ada"))


async def test_any_number_of_employees_has_no_subject(customers: Running) -> None:
    first, second = await made(customers), await made(customers)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("subjects", "path"),
    [
        ([subject("ada"), subject("")], ("subjects", "1", "subject")),
        ([subject("a" * 256)], ("subjects", "0", "subject")),
        ([subject("ada", "")], ("subjects", "0", "issuer")),
        ([subject("ada", "h" * 501)], ("subjects", "0", "issuer")),
        ([subject("ada"), subject("ada")], ("subjects", "1")),
        ([subject(str(number)) for number in range(21)], ("subjects",)),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(
    customers: Running, subjects: list[pb.EmployeeSubject], path: tuple[str, ...]
) -> None:
    fault = await customers.fault(creating(*subjects))
    assert (fault.code, fault.path) == ("INVALID", path)


async def test_who_may_not_say_who_signs_in_as_whom_does_not_see_it(customers: Running) -> None:
    ada = await made(customers, subject("ada"))
    reader = Caller("reader", frozenset({"employees:read"}))
    seen = (await customers.call(pb.BatchGetEmployeesRequest(ids=[ada.id]), reader)).answers[ada.id].value
    assert (seen.display_name, list(seen.subjects)) == ("Ada", [])
    writer = Caller("writer", frozenset({"employees:read", "employees:write"}))
    seen = (await customers.call(pb.BatchGetEmployeesRequest(ids=[ada.id]), writer)).answers[ada.id].value
    assert list(seen.subjects) == [subject("ada")]
    assert (await customers.refused(creating(), reader))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_employees_are_found_by_their_subjects_in_one_indexed_command(
    customers: Running, database: Database, caller: Caller, commands: Commands
) -> None:
    ids = [(await made(customers, subject(str(number)), subject(f"x{number}"))).id for number in range(10)]
    employees = MongoEmployeeRepository(database)
    asked = [Subject(ISSUER, str(number)) for number in range(12)]
    with commands.recorded():
        found = await employees.of_subjects(caller, asked)
    assert [found[one].id for one in asked[:10]] == ids
    assert asked[10] not in found
    assert len(commands.found) == 1
    assert await faults_of_winners(database, commands) == []


async def test_a_partner_finds_no_employee_by_a_subject(customers: Running, database: Database) -> None:
    await made(customers, subject("ada"))
    partner = Caller("partner", frozenset({"*"}), sources=frozenset({"rundblick"}))
    assert await MongoEmployeeRepository(database).of_subjects(partner, [Subject(ISSUER, "ada")]) == {}
