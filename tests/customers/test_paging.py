"""Employees and touchpoints are paged: each once, in order, from either end."""

from collections.abc import Callable
from typing import Any

import pytest
from rundblick.customers.v1 import employee_pb2, touchpoint_pb2
from rundblick.shared.v1 import page_pb2

from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.plans import faults_of_winners

Listing = Callable[[page_pb2.PageRequest], Any]


async def employees(customers: Running) -> tuple[Listing, list[str]]:
    """Some share a name, so that the id must part them."""
    made = [
        (await customers.call(employee_pb2.CreateEmployeeRequest(display_name=f"N{number % 3}"))).employee
        for number in range(8)
    ]
    expected = [one.id for one in sorted(made, key=lambda one: (one.display_name, one.id))]
    return lambda page: employee_pb2.ListEmployeesRequest(page=page), expected


async def touchpoints(customers: Running) -> tuple[Listing, list[str]]:
    made = []
    for key in "hbgcfdea":
        request = touchpoint_pb2.CreateTouchpointRequest(
            key=key,
            name=key,
            channel=touchpoint_pb2.CHANNEL_PHONE,
            nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
            control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
        )
        made.append((await customers.call(request)).touchpoint)
    expected = [one.id for one in sorted(made, key=lambda one: str(one.key))]
    return lambda page: touchpoint_pb2.ListTouchpointsRequest(page=page), expected


@pytest.mark.parametrize("made", [employees, touchpoints])
@pytest.mark.parametrize("backward", [False, True])
async def test_pages_give_each_once_in_order_by_index(
    customers: Running, database: Database, commands: Commands, made: Any, backward: bool
) -> None:
    listing, expected = await made(customers)
    seen: list[str] = []
    page = page_pb2.PageRequest(last=3) if backward else page_pb2.PageRequest(first=3)
    while True:
        with commands.recorded():
            answer = await customers.call(listing(page))
        assert len(commands.found) == 1
        assert await faults_of_winners(database, commands) == []
        found = [edge.node.id for edge in answer.edges]
        seen = [*found, *seen] if backward else [*seen, *found]
        if not (answer.page_info.has_previous_page if backward else answer.page_info.has_next_page):
            break
        if backward:
            page = page_pb2.PageRequest(last=3, before=answer.page_info.start_cursor)
        else:
            page = page_pb2.PageRequest(first=3, after=answer.page_info.end_cursor)
    assert seen == expected
