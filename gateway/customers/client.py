"""Calls of the customers service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.customers.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    team_pb2,
    team_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)

from gateway.context import Context
from gateway.loaders import Grouped, by_id

SERVICE = "customers"
FILES = (
    customer_pb2.DESCRIPTOR,
    employee_pb2.DESCRIPTOR,
    interaction_pb2.DESCRIPTOR,
    team_pb2.DESCRIPTOR,
    touchpoint_pb2.DESCRIPTOR,
)


class CustomersStubs:
    """One per process, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.customers = customer_pb2_grpc.CustomerServiceStub(channel)
        self.employees = employee_pb2_grpc.EmployeeServiceStub(channel)
        self.interactions = interaction_pb2_grpc.InteractionServiceStub(channel)
        self.teams = team_pb2_grpc.TeamServiceStub(channel)
        self.touchpoints = touchpoint_pb2_grpc.TouchpointServiceStub(channel)


class Customers:
    """The service as one operation sees it."""

    def __init__(self, stubs: CustomersStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.customers = by_id(self._customers)
        self.employees = by_id(self._employees)
        self.teams = by_id(self._teams)
        self.touchpoints = by_id(self._touchpoints)
        self.interactions = by_id(self._interactions)
        self.journeys: Grouped[interaction_pb2.InteractionPage] = Grouped(self._journeys)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

    async def _customers(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = customer_pb2.BatchGetCustomersRequest(ids=ids)
        answer = await self.call(self.stubs.customers.BatchGetCustomers, request)
        return dict(answer.answers)

    async def _employees(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = employee_pb2.BatchGetEmployeesRequest(ids=ids)
        return dict((await self.call(self.stubs.employees.BatchGetEmployees, request)).answers)

    async def _teams(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = team_pb2.BatchGetTeamsRequest(ids=ids)
        return dict((await self.call(self.stubs.teams.BatchGetTeams, request)).answers)

    async def _touchpoints(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = touchpoint_pb2.BatchGetTouchpointsRequest(ids=ids)
        return dict((await self.call(self.stubs.touchpoints.BatchGetTouchpoints, request)).answers)

    async def _interactions(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = interaction_pb2.BatchGetInteractionsRequest(ids=ids)
        return dict((await self.call(self.stubs.interactions.BatchGetInteractions, request)).answers)

    async def _journeys(
        self, customers: Sequence[str], arguments: interaction_pb2.BatchListInteractionsRequest
    ) -> Mapping[str, interaction_pb2.InteractionPage]:
        request = interaction_pb2.BatchListInteractionsRequest(
            customer_ids=customers, page=arguments.page, filter=arguments.filter
        )
        return dict((await self.call(self.stubs.interactions.BatchListInteractions, request)).pages)


def customers_of(info: Any) -> Customers:
    loaded: Customers = info.context.loaders[SERVICE]
    return loaded
