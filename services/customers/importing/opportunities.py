"""Takes rows of opportunities: each once by its external id, moved and changed when it is said otherwise."""

from collections.abc import Sequence

from rundblick.customers.v1 import importing_pb2 as pb
from rundblick.customers.v1.opportunity_pb2 import CreateOpportunityRequest

from chassis.caller import Caller
from chassis.errors import DomainError, NotFound
from chassis.mongo import Session
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.importing.domain import Outcome
from services.customers.importing.naming import Campaigns
from services.customers.importing.rows import require_external_id
from services.customers.offer.domain import Offer
from services.customers.offer.repository import MongoOfferRepository
from services.customers.opportunity.telling import Telling


class OpportunityRows:
    def __init__(
        self,
        customers: MongoCustomerRepository,
        telling: Telling,
        campaigns: MongoCampaignRepository,
        offers: MongoOfferRepository,
    ) -> None:
        self._customers = customers
        self._telling = telling
        self._campaigns = campaigns
        self._offers = offers

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        said = [row.opportunity for row in rows]
        customers = {one.customer_external_id for one in said}
        records = await self._customers.of_external_ids(caller, source, customers, session)
        shown = await self._customers.seen(caller, {customer for customer, _ in records.values()})
        campaigns = await Campaigns.named(caller, self._campaigns, (one.campaign for one in said), session)
        keys = {one.offer_key for one in said if one.offer_key}
        offers = await self._offers.of_keys(caller, keys, session) if keys else {}
        for row in rows:
            try:
                request = _request(row.opportunity, campaigns, offers)
                key = row.opportunity.customer_external_id
                if key not in records or records[key][0] not in shown:
                    raise NotFound(f"{source} has no record {key[:80]}", ("customer",))
                before, after = await self._telling.tell(caller, source, records[key][1].id, request, session)
            except DomainError as error:
                outcome.faults[row.line] = error.fault
            else:
                outcome.took(before, after)


def _request(row: pb.ImportedOpportunity, campaigns: Campaigns, offers: dict[str, Offer]) -> CreateOpportunityRequest:
    require_external_id(row.opportunity.external_id)
    request = CreateOpportunityRequest()
    request.CopyFrom(row.opportunity)
    if row.campaign:
        request.fields.campaign_id = campaigns.of(row.campaign)
    if row.offer_key:
        if row.offer_key not in offers:
            raise NotFound(f"there is no offer {row.offer_key[:80]}", ("offer",))
        request.fields.offer_id = offers[row.offer_key].id
    return request
