"""What of customers, their journeys and their consent is recomputed: one part of the wiring of the process."""

from collections.abc import Mapping

from chassis.verification import Check
from services.customers.attribution.checking import AttributionCheck
from services.customers.attribution.deriving import Attributing
from services.customers.consent.checking import ConsentCheck
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.checking import CustomerCheck
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction.checking import InteractionCheck
from services.customers.interaction.repository import MongoInteractionRepository


def checks(
    customers: MongoCustomerRepository,
    interactions: MongoInteractionRepository,
    consents: MongoConsentRepository,
    attributing: Attributing,
) -> Mapping[str, Check]:
    return {
        "customers": CustomerCheck(customers, interactions),
        "interactions": InteractionCheck(customers, interactions),
        "consents": ConsentCheck(customers, consents),
        "attributions": AttributionCheck(interactions, attributing),
    }
