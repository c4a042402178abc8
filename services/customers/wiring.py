"""What the customers process is made of: one function, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import grpc
from rundblick.customers.v1 import (
    campaign_pb2_grpc,
    client_pb2_grpc,
    code_pb2_grpc,
    consent_pb2_grpc,
    customer_pb2_grpc,
    employee_pb2_grpc,
    importing_pb2_grpc,
    interaction_pb2_grpc,
    reference_pb2_grpc,
    spend_pb2_grpc,
    team_pb2_grpc,
    touchpoint_pb2_grpc,
)
from rundblick.shared.v1 import delivery_pb2_grpc, identity_pb2_grpc, outbox_pb2_grpc, verification_pb2_grpc

from chassis.background import working
from chassis.caller import service_caller
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
from services.customers.attribution.checking import AttributionCheck
from services.customers.attribution.deriving import ATTRIBUTION, Attributing
from services.customers.attribution.domain import Attribution
from services.customers.attribution.repository import MongoCreditRepository
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.campaign.servicer import CampaignServicer
from services.customers.client.repository import MongoClientRepository
from services.customers.client.servicer import ClientServicer
from services.customers.code.repository import MongoCodeRepository
from services.customers.code.servicer import CodeServicer
from services.customers.consent.checking import ConsentCheck
from services.customers.consent.opt_in import ByTheCaller
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.consent.repository import MongoConsentRepository
from services.customers.consent.servicer import ConsentServicer
from services.customers.contract import OF_PARTNERS, RIGHTS
from services.customers.customer.checking import CustomerCheck
from services.customers.customer.merges import Merges
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.customer.servicer import CustomerServicer
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.employee.servicer import EmployeeServicer
from services.customers.identity.identities import Identities
from services.customers.identity.servicer import IdentityServicer
from services.customers.importing.servicer import ImportServicer
from services.customers.importing.taking import SpendRows
from services.customers.interaction.checking import InteractionCheck
from services.customers.interaction.journey import Journeys, follow_aliases
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.interaction.servicer import InteractionServicer
from services.customers.reference.resolver import Resolver
from services.customers.reference.servicer import ReferenceServicer
from services.customers.spend.recording import SpendRecording
from services.customers.spend.repository import MongoSpendRepository
from services.customers.spend.servicer import SpendServicer
from services.customers.team.repository import MongoTeamRepository
from services.customers.team.servicer import TeamServicer
from services.customers.telling import to_aliases, to_metrics
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.touchpoint.servicer import TouchpointServicer


class CustomersService:
    """The servicers over one database."""

    rights = RIGHTS

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = utc_now,
        *,
        currency: str = "EUR",
        attribution: Attribution = Attribution(),  # noqa: B008  # it cannot be changed
    ) -> None:
        self._database = database
        self._currency = currency
        self._attribution = attribution
        self._writes = Writes(database)
        self._customers = MongoCustomerRepository(database)
        self._clients = MongoClientRepository(database)
        self._employees = MongoEmployeeRepository(database)
        self._teams = MongoTeamRepository(database)
        self._touchpoints = MongoTouchpointRepository(database)
        self._interactions = MongoInteractionRepository(database)
        self._campaigns = MongoCampaignRepository(database)
        self._spend = MongoSpendRepository(database)
        self._codes = MongoCodeRepository(database)
        self._consents = MongoConsentRepository(database)
        self._permissions = Permissions(self._customers, self._consents)
        self.identities = Identities(self._employees, self._clients, service_caller("customers"))
        self._now = now
        self._outbox = Outbox(database)
        self._deliveries = Deliveries(database)
        self.freshness = Freshness(self._deliveries, now)
        self._attributing = Attributing(
            database, self._interactions, MongoCreditRepository(database), self._outbox, attribution
        )
        self._journeys = Journeys(database, self._customers, self._interactions, self._attributing, self._consents)
        self.ready = Readiness(
            database,
            self._writes,
            self._outbox,
            self._customers,
            self._employees,
            self._teams,
            self._touchpoints,
            self._interactions,
            self._campaigns,
            self._spend,
            self._codes,
            self._consents,
        )

    def register(self, server: grpc.aio.Server) -> None:
        resolver = Resolver(self._database, self._customers, self._touchpoints, self._teams, self._now)
        writes = self._writes
        recording = Recording(self._interactions, self._touchpoints, self._campaigns, self._permissions, self._outbox)
        spending = SpendRecording(self._spend, self._campaigns, self._touchpoints, self._outbox, self._currency)
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
                self._codes,
                recording,
                self._journeys,
                resolver,
                writes,
                lambda: self.freshness.until,
            ),
            server,
        )
        campaign_pb2_grpc.add_CampaignServiceServicer_to_server(
            CampaignServicer(
                self._campaigns,
                self._touchpoints,
                self._employees,
                writes,
                self._outbox,
                self._currency,
                self._attribution,
            ),
            server,
        )
        spend_pb2_grpc.add_SpendServiceServicer_to_server(SpendServicer(self._spend, spending, writes), server)
        code_pb2_grpc.add_CodeServiceServicer_to_server(
            CodeServicer(self._database, self._codes, self._touchpoints, self._campaigns, recording, writes, self._now),
            server,
        )
        consent_pb2_grpc.add_ConsentServiceServicer_to_server(
            ConsentServicer(
                self._consents,
                self._customers,
                self._permissions,
                ConsentRecording(self._consents, self._customers, resolver, self._now),
                ByTheCaller(),
                writes,
                self._now,
            ),
            server,
        )
        importing_pb2_grpc.add_ImportServiceServicer_to_server(
            ImportServicer(
                self._database,
                self._touchpoints,
                SpendRows(spending, self._campaigns, self._touchpoints),
                spending,
            ),
            server,
        )
        reference_pb2_grpc.add_ReferenceServiceServicer_to_server(ReferenceServicer(resolver), server)
        client_pb2_grpc.add_ClientServiceServicer_to_server(
            ClientServicer(self._clients, writes, OF_PARTNERS, self._now), server
        )
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityServicer(self.identities), server)
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(self._outbox), server)
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(self._deliveries), server)
        verification_pb2_grpc.add_VerificationServiceServicer_to_server(
            VerificationServicer(
                {
                    "customers": CustomerCheck(self._customers, self._interactions),
                    "interactions": InteractionCheck(self._customers, self._interactions),
                    "consents": ConsentCheck(self._customers, self._consents),
                    "attributions": AttributionCheck(self._interactions, self._attributing),
                }
            ),
            server,
        )

    def relays(self, feedback: grpc.aio.Channel, metrics: grpc.aio.Channel) -> tuple[Relay, ...]:
        """Those that tell the others, and the journeys here, of merges and splits."""
        holder = new_id("out")

        async def to_journeys(entries: Sequence[Entry]) -> Mapping[str, Fault]:
            return await follow_aliases(self._journeys, entries)

        return (
            Relay(self._outbox, "feedback", to_aliases(feedback), holder=holder),
            Relay(self._outbox, "metrics", to_metrics(metrics), holder=holder, report=reporting(metrics)),
            Relay(self._outbox, "journey", to_journeys, holder=holder),
            Relay(self._outbox, ATTRIBUTION, self._attributing.deliver, holder=holder),
        )

    @asynccontextmanager
    async def relaying(self, feedback: grpc.aio.Channel, metrics: grpc.aio.Channel) -> AsyncIterator[None]:
        """Deliver what the others must learn until the block is left."""
        relays = self.relays(feedback, metrics)
        async with working(*(relay.run() for relay in relays), self.freshness.run()):
            yield
