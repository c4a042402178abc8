"""Stores an entry of spend, once for its source and external id, and what metrics must learn of it."""

from dataclasses import replace

from chassis.caller import Caller
from chassis.errors import NotFound
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.campaign.domain import CampaignNotFound
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.spend.domain import Spend, corrected
from services.customers.spend.outgoing import entry
from services.customers.spend.repository import MongoSpendRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class SpendRecording:
    """currency: the one in which this deployment adds up."""

    def __init__(
        self,
        spend: MongoSpendRepository,
        campaigns: MongoCampaignRepository,
        touchpoints: MongoTouchpointRepository,
        outbox: Outbox,
        currency: str,
    ) -> None:
        self._spend = spend
        self._campaigns = campaigns
        self._touchpoints = touchpoints
        self._outbox = outbox
        self._currency = currency

    async def record(self, caller: Caller, said: Spend, session: Session) -> tuple[Spend | None, Spend]:
        """As it was known, and as it is kept. NotFound: the campaign or the touchpoint; then nothing is written."""
        said = await self._of_its_campaign(caller, said, session)
        known = None
        if said.external_id is not None:
            known = await self._spend.known(caller, said.source, said.external_id, session)
        kept = corrected(known, said) if known is not None else said
        places = await self._places(caller, [one for one in (known, kept) if one is not None], session)
        if kept.touchpoint is not None and kept.touchpoint not in places:
            raise NotFound(f"there is no touchpoint {kept.touchpoint[:80]}", ("touchpoint_id",))
        if kept != known:
            await self._spend.save(caller, kept, session)
            await self._outbox.append(session, [entry(known, kept, places, self._currency)])
        return known, kept

    def told(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        self._outbox.wake()

    async def _of_its_campaign(self, caller: Caller, spend: Spend, session: Session) -> Spend:
        """Whoever answers for the campaign answers for what is spent on it."""
        if spend.campaign is None:
            return spend
        campaign = (await self._campaigns.of_ids(caller, [spend.campaign], session)).get(spend.campaign)
        if campaign is None:
            raise CampaignNotFound(spend.campaign, ("campaign_id",))
        return replace(spend, team=campaign.team, owner=campaign.owner)

    async def _places(self, caller: Caller, spend: list[Spend], session: Session) -> dict[str, Touchpoint]:
        ids = {one.touchpoint for one in spend if one.touchpoint is not None}
        return await self._touchpoints.of_ids(caller, ids, session) if ids else {}
