"""What an opportunity names: whose it is, what is offered, who works on it, and the campaign it came from."""

from dataclasses import replace

from chassis.caller import Caller, Reach
from chassis.errors import InvalidInput, NotFound
from chassis.mongo import Session
from services.customers.campaign.domain import CampaignNotFound
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.offer.repository import MongoOfferRepository
from services.customers.opportunity.domain import Opportunity
from services.customers.reference.resolver import Resolver


class Naming:
    def __init__(
        self,
        customers: MongoCustomerRepository,
        employees: MongoEmployeeRepository,
        campaigns: MongoCampaignRepository,
        offers: MongoOfferRepository,
        resolver: Resolver,
    ) -> None:
        self._customers = customers
        self._employees = employees
        self._campaigns = campaigns
        self._offers = offers
        self._resolver = resolver

    async def record(self, caller: Caller, customer: str | None, external_id: tuple[str, str] | None) -> str:
        """The source record that is meant.

        InvalidInput: not exactly one of both is given. NotFound: the caller knows no such customer.
        """
        if (customer is None) == (external_id is None):
            raise InvalidInput("name a customer by id or by external id", ("customer_id",))
        if external_id is not None:
            source, key = external_id
            found = await self._customers.of_external_ids(caller, source, [key])
            if key not in found:
                raise NotFound(f"{source} has no record {key}", ("customer_external_id",))
            id, record = found[key]
            if id not in await self._customers.seen(caller, [id]):
                raise NotFound(f"{source} has no record {key}", ("customer_external_id",))
            return record.id
        own = await self._resolver.own_records(caller, [customer or ""])
        if customer not in own:
            raise CustomerNotFound(customer or "", ("customer_id",))
        return own[customer]

    async def holder(self, caller: Caller, record: str, session: Session) -> str:
        """Whose the record is; no merge or split changes that before the session commits."""
        return (await self._customers.customers_of_records(caller, [record], session, hold=True))[record]

    async def checked(self, caller: Caller, opportunity: Opportunity, session: Session) -> Opportunity:
        """With its owner's team. NotFound: what it names."""
        campaign, offer, owner = opportunity.campaign, opportunity.offer, opportunity.owner
        # Whoever works on their own opportunities alone works for campaigns of everybody.
        everywhere = replace(caller, rows=Reach.ALL)
        if campaign is not None and campaign not in await self._campaigns.of_ids(everywhere, [campaign], session):
            raise CampaignNotFound(campaign, ("campaign_id",))
        if offer is not None and offer not in await self._offers.of_ids(everywhere, [offer], session):
            raise NotFound(f"there is no offer {offer[:80]}", ("offer_id",))
        if owner is None:
            return replace(opportunity, team=None)
        employee = (await self._employees.of_ids(caller, [owner], session)).get(owner)
        if employee is None:
            raise NotFound(f"there is no employee {owner[:80]}", ("owner_id",))
        return replace(opportunity, team=employee.team)
