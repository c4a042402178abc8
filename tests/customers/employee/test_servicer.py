"""Employees and their teams over gRPC."""

import grpc
from rundblick.customers.v1 import employee_pb2 as pb
from rundblick.customers.v1 import team_pb2

from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running


async def test_an_employee_joins_a_team_that_is_made_once(customers: Running) -> None:
    first = (await customers.call(pb.CreateEmployeeRequest(display_name="B", team_key="night"))).employee
    second = (await customers.call(pb.CreateEmployeeRequest(display_name="A", team_key="night"))).employee
    assert first.team_id == second.team_id
    teams = (await customers.call(team_pb2.BatchGetTeamsRequest(ids=[first.team_id, f"tea_{NOBODY}"]))).answers
    assert teams[first.team_id].value.key == "night"
    assert teams[f"tea_{NOBODY}"].error.code == "NOT_FOUND"
    listed = await customers.call(pb.ListEmployeesRequest())
    assert [edge.node.display_name for edge in listed.edges] == ["A", "B"]


async def test_a_change_touches_only_what_it_names(customers: Running) -> None:
    made = (await customers.call(pb.CreateEmployeeRequest(display_name="B", team_key="night"))).employee
    gone = (await customers.call(pb.UpdateEmployeeRequest(id=made.id, active=False))).employee
    assert (gone.display_name, gone.team_id, gone.active) == ("B", made.team_id, False)
    alone = (await customers.call(pb.UpdateEmployeeRequest(id=made.id, team_key=""))).employee
    assert not alone.HasField("team_id")
    assert (await customers.refused(pb.UpdateEmployeeRequest(id=f"emp_{NOBODY}")))[0] is grpc.StatusCode.NOT_FOUND
    assert (await customers.refused(pb.CreateEmployeeRequest(display_name=" ")))[0] is grpc.StatusCode.INVALID_ARGUMENT


async def test_partners_do_not_see_employees(customers: Running, commands: Commands) -> None:
    made = (await customers.call(pb.CreateEmployeeRequest(display_name="B"))).employee
    outside = partner("shop")
    for asked in (pb.BatchGetEmployeesRequest(ids=[made.id]), pb.ListEmployeesRequest()):
        assert (await customers.refused(asked, outside))[0] is grpc.StatusCode.PERMISSION_DENIED
    with commands.recorded():
        await customers.call(pb.BatchGetEmployeesRequest(ids=[made.id] * 50))
        await customers.call(pb.ListEmployeesRequest())
    assert len(commands.found) == 2
    assert await commands.unindexed() == []
