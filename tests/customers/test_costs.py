"""What a batch costs does not depend on how many ids it names, known or not."""

from typing import Any

import pytest
from rundblick.customers.v1 import (
    customer_pb2,
    employee_pb2,
    interaction_pb2,
    reference_pb2,
    team_pb2,
    touchpoint_pb2,
)

from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.plans import faults_of_winners

COUNTS = [1, 10, 50]


async def keys_made(customers: Running, count: int) -> reference_pb2.ResolveReferencesResponse:
    """As many customers, touchpoints and teams."""
    new = reference_pb2.NewTouchpoint(
        channel=touchpoint_pb2.CHANNEL_PHONE,
        nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
        control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
    )
    said = customer_pb2.CustomerFields(locale="de")
    keys = [str(number) for number in range(count)]
    answer: reference_pb2.ResolveReferencesResponse = await customers.call(
        reference_pb2.ResolveReferencesRequest(
            source="shop",
            customers=[reference_pb2.CustomerReference(external_id=key, fields=said) for key in keys],
            touchpoints=[reference_pb2.TouchpointReference(key=key, create=new) for key in keys],
            teams=[reference_pb2.TeamReference(key=key, create_name=key) for key in keys],
        )
    )
    return answer


@pytest.mark.parametrize("count", COUNTS)
async def test_a_batch_of_known_ids_costs_at_most_two_indexed_commands(
    customers: Running, database: Database, commands: Commands, count: int
) -> None:
    made = await keys_made(customers, count)
    employees = [
        (await customers.call(employee_pb2.CreateEmployeeRequest(display_name=str(number)))).employee.id
        for number in range(count)
    ]
    requests: list[tuple[Any, int]] = [
        (customer_pb2.BatchGetCustomersRequest(ids=[a.value.customer_id for a in made.customers.values()]), 2),
        (touchpoint_pb2.BatchGetTouchpointsRequest(ids=[a.value.id for a in made.touchpoints.values()]), 1),
        (team_pb2.BatchGetTeamsRequest(ids=[a.team_id for a in made.teams.values()]), 1),
        (employee_pb2.BatchGetEmployeesRequest(ids=employees), 1),
    ]
    for request, cost in requests:
        with commands.recorded():
            answers = (await customers.call(request)).answers
        assert len(commands.found) == cost, request
        assert await faults_of_winners(database, commands) == [], request
        assert len(answers) == count
        assert all(answer.HasField("value") for answer in answers.values())


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "kind",
    [
        customer_pb2.BatchGetCustomersRequest,
        employee_pb2.BatchGetEmployeesRequest,
        interaction_pb2.BatchGetInteractionsRequest,
        team_pb2.BatchGetTeamsRequest,
        touchpoint_pb2.BatchGetTouchpointsRequest,
    ],
)
async def test_a_batch_of_unknown_ids_costs_one_command_and_each_has_its_error(
    customers: Running, commands: Commands, kind: Any, count: int
) -> None:
    with commands.recorded():
        answers = (await customers.call(kind(ids=[f"x{number}" for number in range(count)]))).answers
    # Unknown customers are looked for among the former ones too.
    assert len(commands.found) == (2 if kind is customer_pb2.BatchGetCustomersRequest else 1)
    assert {answer.error.code for answer in answers.values()} == {"NOT_FOUND"}
    assert len(answers) == count


@pytest.mark.parametrize("count", COUNTS)
async def test_references_that_are_known_cost_one_read_per_kind(
    customers: Running, commands: Commands, count: int
) -> None:
    await keys_made(customers, count)
    with commands.recorded():
        await keys_made(customers, count)
    assert sorted((name, command[name]) for name, command in commands.found) == [
        ("find", "source_records"),
        ("find", "teams"),
        ("find", "touchpoints"),
    ]
