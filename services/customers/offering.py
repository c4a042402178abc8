"""What is offered to customers: the parts of offer and recommendation put together, for the wiring of the process."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import grpc
from rundblick.customers.v1 import offer_pb2_grpc, recommendation_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from chassis.verification import Check
from services.customers.consent.permissions import Permissions
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.language import Language
from services.customers.offer.assigning import Assigning
from services.customers.offer.checking import AssignmentCheck, OutcomeCheck
from services.customers.offer.eligibility import Eligibility
from services.customers.offer.recording import OutcomeRecording
from services.customers.offer.repository import (
    MongoAssignmentRepository,
    MongoOfferRepository,
    MongoOutcomeRepository,
)
from services.customers.offer.servicer import OfferServicer
from services.customers.opportunity.repository import MongoOpportunityRepository
from services.customers.recommendation.recommending import Learning, Recommending
from services.customers.recommendation.repository import MongoContactRepository
from services.customers.recommendation.servicer import RecommendationServicer
from services.customers.reference.resolver import Resolver
from services.customers.standing.sweeping import Sweep
from services.customers.state.repository import MongoStateRepository
from services.customers.touchpoint.repository import MongoTouchpointRepository


class Offering:
    """holdout: the share of customers whom a lot leaves out of each offer. zone: IANA name of where the company is.

    currency: in which figures add up.
    """

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        opportunities: MongoOpportunityRepository,
        language: Language,
        outbox: Outbox,
        holdout: float,
        zone: str,
        currency: str,
        now: Callable[[], datetime],
    ) -> None:
        self.offers = MongoOfferRepository(database)
        self.outcomes = MongoOutcomeRepository(database)
        self.assignments = MongoAssignmentRepository(database)
        self._customers = customers
        self._eligibility = Eligibility(language)
        self._outbox = outbox
        self._holdout = holdout
        self._zone = zone
        self._currency = currency
        self._now = now
        self._contacts = MongoContactRepository(database, zone)
        self.assigning = Assigning(
            customers,
            self.offers,
            self.outcomes,
            self.assignments,
            opportunities,
            self._eligibility,
            outbox,
            holdout,
            self._day,
        )

    def register(
        self,
        server: grpc.aio.Server,
        touchpoints: MongoTouchpointRepository,
        resolver: Resolver,
        gathering: Gathering,
        permissions: Permissions,
        states: MongoStateRepository,
        sweep: Sweep,
        writes: Writes,
    ) -> None:
        recording = OutcomeRecording(
            self.offers,
            self.outcomes,
            self._customers,
            touchpoints,
            resolver,
            self._outbox,
            self._currency,
            self._now,
        )
        offer_pb2_grpc.add_OfferServiceServicer_to_server(
            OfferServicer(
                self.offers, self.outcomes, self._customers, self._eligibility, recording, sweep, writes, self._now
            ),
            server,
        )
        recommending = Recommending(
            self._customers,
            self.offers,
            gathering,
            self.assigning,
            self._eligibility,
            self._contacts,
            permissions,
            states,
            Learning(self.outcomes, self._contacts, self._now),
            self._holdout,
            self._day,
            self._now,
        )
        recommendation_pb2_grpc.add_RecommendationServiceServicer_to_server(
            RecommendationServicer(recommending, self._zone), server
        )

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            "outcomes": OutcomeCheck(self._customers, self.outcomes),
            "assignments": AssignmentCheck(self._customers, self.assignments, self.assigning),
        }

    def _day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self._zone)).date()
