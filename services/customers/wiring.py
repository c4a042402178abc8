"""What the customers process is made of: one function, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import grpc
from rundblick.customers.v1 import (
    attribute_pb2_grpc,
    campaign_pb2_grpc,
    client_pb2_grpc,
    code_pb2_grpc,
    consent_pb2_grpc,
    customer_pb2_grpc,
    employee_pb2_grpc,
    importing_pb2_grpc,
    interaction_pb2_grpc,
    reference_pb2_grpc,
    signal_pb2_grpc,
    source_pb2_grpc,
    spend_pb2_grpc,
    stream_pb2_grpc,
    team_pb2_grpc,
    touchpoint_pb2_grpc,
)
from rundblick.shared.v1 import (
    delivery_pb2_grpc,
    identity_pb2_grpc,
    outbox_pb2_grpc,
    retelling_pb2_grpc,
    verification_pb2_grpc,
)

from chassis.background import working
from chassis.caller import service_caller
from chassis.delivery import Deliveries, DeliveryServicer, Freshness, reporting
from chassis.errors import Fault
from chassis.events import Numbering
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Readiness
from chassis.outbox import Entry, Outbox
from chassis.outbox_servicer import OutboxServicer
from chassis.relay import Relay
from chassis.tail import Tail
from chassis.times import utc_now
from chassis.verification import VerificationServicer
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.attribute.servicer import AttributeServicer
from services.customers.attribute.uses import Uses
from services.customers.attribution.deriving import ATTRIBUTION, Attributing
from services.customers.attribution.domain import Attribution
from services.customers.attribution.repository import MongoCreditRepository
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.campaign.servicer import CampaignServicer
from services.customers.checks import checks
from services.customers.client.repository import MongoClientRepository
from services.customers.client.servicer import ClientServicer
from services.customers.code.repository import MongoCodeRepository
from services.customers.code.servicer import CodeServicer
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.consent.repository import MongoConsentRepository
from services.customers.consent.servicer import ConsentServicer
from services.customers.contract import OF_PARTNERS, RIGHTS
from services.customers.customer.forms import Forms
from services.customers.customer.rederiving import Rederiving
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.customer.servicer import CustomerServicer
from services.customers.delivering import Delivering, Outside
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.employee.servicer import EmployeeServicer
from services.customers.identifying import Identifying
from services.customers.identity.identities import Identities
from services.customers.identity.servicer import IdentityServicer
from services.customers.interaction.journey import Journeys, follow_aliases
from services.customers.interaction.naming import Naming as Contacts
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.interaction.servicer import InteractionServicer
from services.customers.judging import Judging
from services.customers.offering import Offering
from services.customers.reference.resolver import Resolver
from services.customers.reference.servicer import ReferenceServicer
from services.customers.retelling import Retelling
from services.customers.row_importing import import_servicer
from services.customers.segmenting import Segmenting
from services.customers.selling import Selling
from services.customers.signal.repository import MongoSignalRepository
from services.customers.signal.servicer import SignalServicer
from services.customers.source.repository import MongoSourceRepository
from services.customers.source.servicer import SourceServicer
from services.customers.spend.recording import SpendRecording
from services.customers.spend.repository import MongoSpendRepository
from services.customers.spend.servicer import SpendServicer
from services.customers.standing.outgoing import STANDING
from services.customers.stream.numbering import OfToday
from services.customers.stream.outgoing import STREAM
from services.customers.stream.repository import MongoEventRepository
from services.customers.stream.servicer import StreamServicer
from services.customers.team.repository import MongoTeamRepository
from services.customers.team.servicer import TeamServicer
from services.customers.telling import to_aliases, to_metrics
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.touchpoint.servicer import TouchpointServicer
from services.customers.webhook.outgoing import HAPPENINGS


class CustomersService:
    """The servicers over one database."""

    rights = RIGHTS

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = utc_now,
        *,
        currency: str = "EUR",
        region: str | None = None,
        registered_sources: bool = False,
        attribution: Attribution = Attribution(),  # noqa: B008  # it cannot be changed
        events_kept: timedelta = timedelta(days=7),
        sweep_every: timedelta = timedelta(hours=24),
        holdout: float = 0.1,
        zone: str = "UTC",
        outside: Outside = Outside(),  # noqa: B008  # as above
    ) -> None:
        self._database = database
        self._currency = currency
        self._attribution = attribution
        self._writes = Writes(database)
        self._customers = MongoCustomerRepository(database)
        self._attributes = MongoAttributeRepository(database)
        self._forms = Forms(self._attributes, region)
        self._sources = MongoSourceRepository(database, registered=registered_sources)
        self._clients = MongoClientRepository(database)
        self._employees = MongoEmployeeRepository(database)
        self._teams = MongoTeamRepository(database)
        self._touchpoints = MongoTouchpointRepository(database)
        self._interactions = MongoInteractionRepository(database)
        self._campaigns = MongoCampaignRepository(database)
        self._spend = MongoSpendRepository(database)
        self._credits = MongoCreditRepository(database)
        self._codes = MongoCodeRepository(database)
        self._consents = MongoConsentRepository(database)
        self._permissions = Permissions(self._customers, self._consents)
        self.identities = Identities(self._employees, self._clients, service_caller("customers"))
        self._now = now
        self._outbox = Outbox(database)
        self._identifying = Identifying(database, self._customers, self._writes, self._outbox, now)
        self._deliveries = Deliveries(database)
        self._events = MongoEventRepository(database)
        self._tail = Tail(self._events)
        self._signals = MongoSignalRepository(database)
        self._judging = Judging(
            database, self._customers, self._permissions, self._attributes, self._writes, self._outbox, now
        )
        self._selling = Selling(
            database, self._customers, self._employees, self._campaigns, self._outbox, currency, now
        )
        self._offering = Offering(
            database,
            self._customers,
            self._selling.opportunities,
            self._judging.language,
            self._outbox,
            holdout,
            zone,
            currency,
            now,
        )
        self._segmenting = Segmenting(
            database,
            self._customers,
            self._employees,
            self._judging.gathering,
            self._judging.language,
            self._writes,
            self._outbox,
            now,
        )
        self._standing = self._judging.standing([self._offering.assigning, self._segmenting.judge])
        self._sweep = self._judging.sweep(self._standing, self._segmenting.jobs, sweep_every)
        self.freshness = Freshness(self._deliveries, now)
        self._recording = Recording(
            self._interactions, self._touchpoints, self._campaigns, self._permissions, self._outbox
        )
        self.delivering = Delivering(
            database,
            self._customers,
            self._permissions,
            self._touchpoints,
            self._recording,
            self._writes,
            self._outbox,
            outside,
            now,
        )
        read = self.delivering.notifying.beside(OfToday(self._customers))
        self._numbering = Numbering(self._outbox, self._events, read, events_kept, now, self._tail.changes.wake)
        self._attributing = Attributing(database, self._interactions, self._credits, self._outbox, attribution)
        self._retelling = Retelling(
            self._customers,
            self._touchpoints,
            self._interactions,
            self._campaigns,
            self._credits,
            self._spend,
            self._selling.opportunities,
            self._offering.outcomes,
            self._offering.assignments,
            self._judging.states,
            self._segmenting.memberships,
            currency,
            attribution,
        )
        self._journeys = Journeys(
            database,
            self._customers,
            self._interactions,
            self._attributing,
            self._outbox,
            self._consents,
            self._signals,
            self._offering.outcomes,
            self._selling.recording,
            self.delivering.deliveries,
            self._identifying.candidates,
        )
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
            self._events,
            self._signals,
            self._judging.states,
            self._offering.offers,
            self._offering.outcomes,
            self._offering.assignments,
            self._selling.opportunities,
            self._segmenting,
            self._identifying,
            self.delivering.deliveries,
            self.delivering.endpoints,
            self.delivering.notifications,
        )

    def register(self, server: grpc.aio.Server) -> None:
        resolver = Resolver(
            self._database,
            self._customers,
            self._touchpoints,
            self._teams,
            self._sources,
            self._identifying.matcher,
            self._outbox,
            self._now,
        )
        writes = self._writes
        recording = self._recording
        spending = SpendRecording(self._spend, self._campaigns, self._touchpoints, self._outbox, self._currency)
        customer_pb2_grpc.add_CustomerServiceServicer_to_server(
            CustomerServicer(
                self._customers,
                self._employees,
                writes,
                self._outbox,
                self._identifying.merges,
                self._identifying.matcher,
                self._forms,
                self._sources,
                Rederiving(self._database, self._customers),
                self._now,
            ),
            server,
        )
        self._identifying.register(server)
        attribute_pb2_grpc.add_AttributeServiceServicer_to_server(
            AttributeServicer(
                self._attributes,
                Uses(self._segmenting.segments, self._judging.states, self._offering.offers),
                writes,
            ),
            server,
        )
        source_pb2_grpc.add_SourceServiceServicer_to_server(SourceServicer(self._sources, self._teams, writes), server)
        employee_pb2_grpc.add_EmployeeServiceServicer_to_server(
            EmployeeServicer(self._employees, self._teams, writes), server
        )
        team_pb2_grpc.add_TeamServiceServicer_to_server(TeamServicer(self._teams), server)
        touchpoint_pb2_grpc.add_TouchpointServiceServicer_to_server(
            TouchpointServicer(self._touchpoints, writes), server
        )
        contacts = Contacts(self._customers, self._codes, resolver)
        interaction_pb2_grpc.add_InteractionServiceServicer_to_server(
            InteractionServicer(
                self._database,
                self._interactions,
                self._customers,
                self._touchpoints,
                contacts,
                recording,
                self._journeys,
                writes,
                lambda: self.freshness.until,
            ),
            server,
        )
        stream_pb2_grpc.add_StreamServiceServicer_to_server(
            StreamServicer(self._customers, self._touchpoints, self._tail), server
        )
        campaign_pb2_grpc.add_CampaignServiceServicer_to_server(
            CampaignServicer(
                self._campaigns,
                self._touchpoints,
                self._employees,
                self._segmenting.segments,
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
        consents = ConsentRecording(self._consents, self._customers, resolver, self._outbox, self._now)
        self.delivering.register(server, resolver, consents)
        self._segmenting.register(server, resolver)
        consent_pb2_grpc.add_ConsentServiceServicer_to_server(
            ConsentServicer(
                self._consents,
                self._customers,
                self._permissions,
                consents,
                self.delivering.confirming,
                writes,
                self._now,
            ),
            server,
        )
        signal_pb2_grpc.add_SignalServiceServicer_to_server(
            SignalServicer(self._database, self._signals, self._customers, self._outbox), server
        )
        self._judging.register(server, self._sweep)
        self._offering.register(
            server,
            self._touchpoints,
            resolver,
            self._judging.gathering,
            self._permissions,
            self._judging.states,
            self._sweep,
            writes,
        )
        telling = self._selling.register(server, self._offering.offers, resolver, writes)
        importing_pb2_grpc.add_ImportServiceServicer_to_server(
            import_servicer(
                self._database,
                self._customers,
                self._touchpoints,
                self._campaigns,
                self._offering.offers,
                self._interactions,
                self._consents,
                resolver,
                self._forms,
                spending,
                contacts,
                recording,
                telling,
                consents,
                self._outbox,
                self._now,
            ),
            server,
        )
        reference_pb2_grpc.add_ReferenceServiceServicer_to_server(
            ReferenceServicer(resolver, self._forms, self._codes, self._touchpoints), server
        )
        client_pb2_grpc.add_ClientServiceServicer_to_server(
            ClientServicer(self._clients, writes, OF_PARTNERS, self._now), server
        )
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityServicer(self.identities), server)
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(self._outbox), server)
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(self._deliveries), server)
        retelling_pb2_grpc.add_RetellingServiceServicer_to_server(self._retelling.servicer(self._outbox), server)
        verification_pb2_grpc.add_VerificationServiceServicer_to_server(
            VerificationServicer(
                {
                    **checks(self._customers, self._interactions, self._consents, self._attributing),
                    "duplicates": self._identifying.check,
                    "segments": self._segmenting.check,
                    "states": self._judging.check,
                    "deliveries": self.delivering.check,
                    "opportunities": self._selling.check,
                    **self._offering.checks,
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
            Relay(self._outbox, STREAM, self._numbering.deliver, holder=holder),
            Relay(self._outbox, STANDING, self._standing.deliver, holder=holder),
            Relay(self._outbox, HAPPENINGS, self.delivering.notifying.deliver, holder=holder),
        )

    @asynccontextmanager
    async def relaying(self, feedback: grpc.aio.Channel, metrics: grpc.aio.Channel) -> AsyncIterator[None]:
        """Deliver what the others must learn until the block is left."""
        relays = self.relays(feedback, metrics)
        async with working(
            *(relay.run() for relay in relays),
            self.freshness.run(),
            self._tail.changes.run(),
            self._sweep.run(),
            self._segmenting.evaluating.run(),
            *self.delivering.loops(),
        ):
            yield
