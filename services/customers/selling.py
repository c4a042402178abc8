"""Chances to sell: what of the service keeps opportunities, put together."""

from collections.abc import Callable
from datetime import datetime

import grpc
from rundblick.customers.v1 import opportunity_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.offer.repository import MongoOfferRepository
from services.customers.opportunity.checking import OpportunityCheck
from services.customers.opportunity.naming import Naming
from services.customers.opportunity.recording import OpportunityRecording
from services.customers.opportunity.repository import MongoOpportunityRepository
from services.customers.opportunity.servicer import OpportunityServicer
from services.customers.opportunity.telling import Telling
from services.customers.reference.resolver import Resolver


class Selling:
    """currency: in which figures add up."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        employees: MongoEmployeeRepository,
        campaigns: MongoCampaignRepository,
        outbox: Outbox,
        currency: str,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._employees = employees
        self._campaigns = campaigns
        self._now = now
        self.opportunities = MongoOpportunityRepository(database)
        self.recording = OpportunityRecording(self.opportunities, outbox, currency)
        self.check = OpportunityCheck(customers, self.opportunities)

    def register(
        self, server: grpc.aio.Server, offers: MongoOfferRepository, resolver: Resolver, writes: Writes
    ) -> Telling:
        """Answers by what sources tell of them, for imports."""
        naming = Naming(self._customers, self._employees, self._campaigns, offers, resolver)
        telling = Telling(self.opportunities, naming, self.recording, self._now)
        opportunity_pb2_grpc.add_OpportunityServiceServicer_to_server(
            OpportunityServicer(self.opportunities, naming, telling, self.recording, writes, self._now), server
        )
        return telling
