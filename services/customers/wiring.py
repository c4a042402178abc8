"""What the customers process is made of: one function, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
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
from rundblick.shared.v1 import (
    delivery_pb2,
    delivery_pb2_grpc,
    outbox_pb2,
    outbox_pb2_grpc,
    verification_pb2,
    verification_pb2_grpc,
)

from chassis.background import working
from chassis.caller import Authenticator
from chassis.delivery import Deliveries, DeliveryServicer, Freshness, reporting
from chassis.errors import Fault
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Readiness
from chassis.outbox import Entry, Outbox
from chassis.outbox_servicer import OutboxServicer
from chassis.relay import Relay
from chassis.times import utc_now
from chassis.verification import VerificationServicer
from services.customers.customer.checking import CustomerCheck
from services.customers.customer.merges import Merges
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.customer.servicer import CustomerServicer
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.employee.servicer import EmployeeServicer
from services.customers.interaction.checking import InteractionCheck
from services.customers.interaction.journey import Journeys, follow_aliases
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.interaction.servicer import InteractionServicer
from services.customers.reference.resolver import Resolver
from services.customers.reference.servicer import ReferenceServicer
from services.customers.team.repository import MongoTeamRepository
from services.customers.team.servicer import TeamServicer
from services.customers.telling import to_aliases, to_metrics
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.touchpoint.servicer import TouchpointServicer

FILES = tuple(
    module.DESCRIPTOR
    for module in (customer_pb2, employee_pb2, interaction_pb2, reference_pb2, team_pb2, touchpoint_pb2)
)
SHARED = (outbox_pb2.DESCRIPTOR, delivery_pb2.DESCRIPTOR, verification_pb2.DESCRIPTOR)
NAMES = tuple(service.full_name for file in (*FILES, *SHARED) for service in file.services_by_name.values())


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
        self._outbox = Outbox(database)
        self._deliveries = Deliveries(database)
        self.freshness = Freshness(self._deliveries, now)
        self._journeys = Journeys(database, self._customers, self._interactions)
        self.ready = Readiness(
            database,
            self._writes,
            self._outbox,
            self._customers,
            self._employees,
            self._teams,
            self._touchpoints,
            self._interactions,
        )

    def register(self, server: grpc.aio.Server) -> None:
        resolver = Resolver(self._database, self._customers, self._touchpoints, self._teams, self._now)
        writes = self._writes
        customer_pb2_grpc.add_CustomerServiceServicer_to_server(
            CustomerServicer(
                self._customers,
                self._employees,
                writes,
                Merges(self._customers, writes, self._outbox, self._now),
                self._now,
            ),
            server,
        )
        employee_pb2_grpc.add_EmployeeServiceServicer_to_server(
            EmployeeServicer(self._employees, self._teams, writes), server
        )
        team_pb2_grpc.add_TeamServiceServicer_to_server(TeamServicer(self._teams), server)
        touchpoint_pb2_grpc.add_TouchpointServiceServicer_to_server(
            TouchpointServicer(self._touchpoints, writes), server
        )
        interaction_pb2_grpc.add_InteractionServiceServicer_to_server(
            InteractionServicer(
                self._database,
                self._interactions,
                self._customers,
                Recording(self._interactions, self._touchpoints, self._outbox),
                self._journeys,
                resolver,
                writes,
                lambda: self.freshness.until,
            ),
            server,
        )
        reference_pb2_grpc.add_ReferenceServiceServicer_to_server(ReferenceServicer(resolver), server)
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(self._outbox), server)
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(self._deliveries), server)
        verification_pb2_grpc.add_VerificationServiceServicer_to_server(
            VerificationServicer(
                {
                    "customers": CustomerCheck(self._customers, self._interactions),
                    "interactions": InteractionCheck(self._customers, self._interactions),
                }
            ),
            server,
        )

    def relays(
        self, feedback: grpc.aio.Channel, metrics: grpc.aio.Channel, authenticator: Authenticator
    ) -> tuple[Relay, ...]:
        """Those that tell the others, and the journeys here, of merges and splits."""
        holder = new_id("out")

        async def to_journeys(entries: Sequence[Entry]) -> Mapping[str, Fault]:
            return await follow_aliases(self._journeys, entries)

        return (
            Relay(self._outbox, "feedback", to_aliases(feedback, authenticator), holder=holder),
            Relay(
                self._outbox,
                "metrics",
                to_metrics(metrics, authenticator),
                holder=holder,
                report=reporting(metrics, authenticator, "customers"),
            ),
            Relay(self._outbox, "journey", to_journeys, holder=holder),
        )

    @asynccontextmanager
    async def relaying(
        self, feedback: grpc.aio.Channel, metrics: grpc.aio.Channel, authenticator: Authenticator
    ) -> AsyncIterator[None]:
        """Deliver what the others must learn until the block is left."""
        relays = self.relays(feedback, metrics, authenticator)
        async with working(*(relay.run() for relay in relays), self.freshness.run()):
            yield
