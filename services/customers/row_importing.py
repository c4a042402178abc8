"""What rows of files become, put together: the kinds in the order in which the later may name the earlier."""

from collections.abc import Callable
from datetime import datetime

from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.consent.recording import ConsentRecording
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.forms import Forms
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.importing.consents import ConsentRows
from services.customers.importing.interactions import InteractionRows
from services.customers.importing.opportunities import OpportunityRows
from services.customers.importing.servicer import ImportServicer
from services.customers.importing.taking import CustomerRows, SpendRows, TouchpointRows
from services.customers.interaction.naming import Naming
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.offer.repository import MongoOfferRepository
from services.customers.opportunity.telling import Telling
from services.customers.reference.resolver import Resolver
from services.customers.spend.recording import SpendRecording
from services.customers.touchpoint.repository import MongoTouchpointRepository


def import_servicer(
    database: Database,
    customers: MongoCustomerRepository,
    touchpoints: MongoTouchpointRepository,
    campaigns: MongoCampaignRepository,
    offers: MongoOfferRepository,
    interactions: MongoInteractionRepository,
    consents: MongoConsentRepository,
    resolver: Resolver,
    forms: Forms,
    spending: SpendRecording,
    naming: Naming,
    recording: Recording,
    telling: Telling,
    consenting: ConsentRecording,
    outbox: Outbox,
    now: Callable[[], datetime],
) -> ImportServicer:
    return ImportServicer(
        database,
        {
            "touchpoint": TouchpointRows(touchpoints),
            "customer": CustomerRows(resolver, forms),
            "spend": SpendRows(spending, campaigns, touchpoints),
            "interaction": InteractionRows(naming, recording, interactions, touchpoints),
            "opportunity": OpportunityRows(customers, telling, campaigns, offers),
            "consent": ConsentRows(customers, consents, consenting, resolver, now),
        },
        outbox,
    )
