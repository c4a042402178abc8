"""Who is behind a token: an employee, a partner's client, both, or nobody that is known."""

import grpc
import pytest
from rundblick.customers.v1 import client_pb2, employee_pb2
from rundblick.shared.v1 import identity_pb2 as pb

from chassis.caller import Caller
from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running
from tests.customers.plans import faults_of_winners

ISSUER = "https://login.example"


def key(subject: str, client: str | None = None, issuer: str = ISSUER) -> pb.IdentityKey:
    return pb.IdentityKey(issuer=issuer, subject=subject, client_id=client)


async def employee(customers: Running, subject: str, team: str | None = None) -> employee_pb2.Employee:
    request = employee_pb2.CreateEmployeeRequest(
        display_name=subject,
        team_key=team,
        subjects=[employee_pb2.EmployeeSubject(issuer=ISSUER, subject=subject)],
    )
    made: employee_pb2.Employee = (await customers.call(request)).employee
    return made


async def client(customers: Running, *sources: str) -> str:
    request = client_pb2.CreateClientRequest(name="Shop", sources=sources, scopes=["metrics:read", "customers:read"])
    return str((await customers.call(request)).client.id)


async def identities(customers: Running, *keys: pb.IdentityKey) -> list[pb.IdentityAnswer]:
    answer: pb.BatchGetIdentitiesResponse = await customers.call(pb.BatchGetIdentitiesRequest(keys=keys))
    assert [one.key for one in answer.answers] == list(keys)
    return list(answer.answers)


async def test_an_employee_is_known_by_issuer_and_subject_together(customers: Running) -> None:
    ada, ben = await employee(customers, "ada", "night"), await employee(customers, "ben")
    of_ada, of_ben, elsewhere, nobody = await identities(
        customers, key("ada"), key("ben", "some-frontend"), key("ada", issuer="https://other.example"), key("")
    )
    assert of_ada.value == pb.Identity(employee_id=ada.id, team_id=ada.team_id)
    assert of_ben.value == pb.Identity(employee_id=ben.id)
    assert elsewhere.error.code == nobody.error.code == "NOT_FOUND"


async def test_a_client_has_its_sources_and_scopes_whoever_signed_the_token(customers: Running) -> None:
    id = await client(customers, "shop", "app")
    limits = pb.ClientLimits(sources=["app", "shop"], scopes=["customers:read", "metrics:read"])
    for issuer in (ISSUER, "https://other.example"):
        [answer] = await identities(customers, key(id, id, issuer))
        assert answer.value == pb.Identity(client=limits)
    [unknown] = await identities(customers, key("x", f"cli_{NOBODY}"))
    assert unknown.error.code == "NOT_FOUND"


async def test_an_employee_who_uses_a_partners_client_is_limited_as_it_is(customers: Running) -> None:
    ada, id = await employee(customers, "ada"), await client(customers, "shop")
    [answer] = await identities(customers, key("ada", id))
    assert answer.value.employee_id == ada.id
    assert list(answer.value.client.sources) == ["shop"]


async def test_a_revoked_client_and_an_employee_who_left_are_revoked(customers: Running) -> None:
    ada, id = await employee(customers, "ada"), await client(customers, "shop")
    await customers.call(client_pb2.RevokeClientRequest(id=id))
    of_client, of_ada, both = await identities(customers, key(id, id), key("ada"), key("ada", id))
    assert [one.value.revoked for one in (of_client, of_ada, both)] == [True, False, True]
    assert list(of_client.value.client.sources) == ["shop"]
    await customers.call(employee_pb2.UpdateEmployeeRequest(id=ada.id, active=False))
    [gone] = await identities(customers, key("ada"))
    assert gone.value == pb.Identity(employee_id=ada.id, revoked=True)


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_a_batch_costs_two_indexed_commands_and_without_clients_one(
    customers: Running, database: Database, commands: Commands, count: int
) -> None:
    for number in range(count):
        await employee(customers, str(number))
    id = await client(customers, "shop")
    for asked, cost in ((None, 1), (id, 2)):
        with commands.recorded():
            answers = await identities(customers, *(key(str(number), asked) for number in range(count)))
        assert all(answer.HasField("value") for answer in answers)
        assert len(commands.found) == cost
        assert await faults_of_winners(database, commands) == []


async def test_only_processes_may_ask(customers: Running) -> None:
    caller = Caller("somebody", frozenset({"employees:read", "employees:write", "clients:admin", "operations"}))
    code, _ = await customers.refused(pb.BatchGetIdentitiesRequest(keys=[key("ada")]), caller)
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_call_has_bounds(customers: Running) -> None:
    fault = await customers.fault(pb.BatchGetIdentitiesRequest(keys=[key("ada")] * 1001))
    assert (fault.code, fault.path) == ("INVALID", ("keys",))
