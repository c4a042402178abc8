"""What the customers process is made of: one function, used by the process and by the tests."""

from collections.abc import Callable
from datetime import datetime

import grpc
from rundblick.customers.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    reference_pb2,
    reference_pb2_grpc,
    team_pb2,
    team_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)

from chassis.idempotency import Writes
from chassis.mongo import Database, Readiness
from chassis.times import utc_now
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.customer.servicer import CustomerServicer
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.employee.servicer import EmployeeServicer
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.interaction.servicer import InteractionServicer
from services.customers.reference.resolver import Resolver
from services.customers.reference.servicer import ReferenceServicer
from services.customers.team.repository import MongoTeamRepository
from services.customers.team.servicer import TeamServicer
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.touchpoint.servicer import TouchpointServicer

FILES = tuple(
    module.DESCRIPTOR
    for module in (customer_pb2, employee_pb2, interaction_pb2, reference_pb2, team_pb2, touchpoint_pb2)
)
NAMES = tuple(service.full_name for file in FILES for service in file.services_by_name.values())


class CustomersService:
    """The servicers over one database."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._writes = Writes(database)
        self._customers = MongoCustomerRepository(database)
        self._employees = MongoEmployeeRepository(database)
        self._teams = MongoTeamRepository(database)
        self._touchpoints = MongoTouchpointRepository(database)
        self._interactions = MongoInteractionRepository(database)
        self._now = now
        self.ready = Readiness(
            database, self._writes, self._customers, self._employees, self._teams, self._touchpoints, self._interactions
        )

    def register(self, server: grpc.aio.Server) -> None:
        resolver = Resolver(self._database, self._customers, self._touchpoints, self._teams, self._now)
        writes = self._writes
        customer_pb2_grpc.add_CustomerServiceServicer_to_server(
            CustomerServicer(self._customers, self._employees, writes, self._now), server
        )
        employee_pb2_grpc.add_EmployeeServiceServicer_to_server(
            EmployeeServicer(self._employees, self._teams, writes), server
        )
        team_pb2_grpc.add_TeamServiceServicer_to_server(TeamServicer(self._teams), server)
        touchpoint_pb2_grpc.add_TouchpointServiceServicer_to_server(
            TouchpointServicer(self._touchpoints, writes), server
        )
        interaction_pb2_grpc.add_InteractionServiceServicer_to_server(
            InteractionServicer(self._interactions, resolver, writes), server
        )
        reference_pb2_grpc.add_ReferenceServiceServicer_to_server(ReferenceServicer(resolver), server)
