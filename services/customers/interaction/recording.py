"""Stores what happened, each fact once, and what metrics must learn of it, in one transaction."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC

from chassis.caller import Caller
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.attribution.deriving import touched
from services.customers.campaign.domain import campaign_at
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.consent.permissions import Permissions
from services.customers.interaction.domain import Interaction, corrected
from services.customers.interaction.judging import judged
from services.customers.interaction.outgoing import Change, entries
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.standing.outgoing import changed
from services.customers.stream.outgoing import recorded
from services.customers.touchpoint.repository import MongoTouchpointRepository


class Recording:
    def __init__(
        self,
        interactions: MongoInteractionRepository,
        touchpoints: MongoTouchpointRepository,
        campaigns: MongoCampaignRepository,
        permissions: Permissions,
        outbox: Outbox,
    ) -> None:
        self._interactions = interactions
        self._touchpoints = touchpoints
        self._campaigns = campaigns
        self._permissions = permissions
        self._outbox = outbox

    async def record(self, caller: Caller, session: Session, said: Iterable[Interaction]) -> dict[str, Interaction]:
        """As they are kept afterwards; what another source took the id of, and the caller does not see, is left out."""
        by_id: dict[str, Interaction] = {}
        for one in await self._of_campaigns(caller, session, list(said)):
            by_id[one.id] = corrected(by_id[one.id], one) if one.id in by_id else one
        known = await self._interactions.of_ids(caller, by_id, session)
        hidden = await self._interactions.taken(caller, by_id.keys() - known.keys(), session)
        changes: list[Change] = []
        kept: dict[str, Interaction] = {}
        for id, one in by_id.items():
            before = known.get(id)
            if before is None and id in hidden:
                continue
            kept[id] = one if before is None else corrected(before, one)
            if kept[id] != before:
                changes.append((before, kept[id]))
        places = {one.touchpoint for change in changes for one in change if one is not None and one.touchpoint}
        touchpoints = await self._touchpoints.of_ids(caller, places, session) if places else {}
        outbound = await judged(self._permissions, [after for _, after in changes], touchpoints, session)
        changes = [(before, outbound.get(after.id, after)) for before, after in changes]
        kept |= outbound
        await self._interactions.add(caller, [after for before, after in changes if before is None], session)
        await self._interactions.save(caller, [after for before, after in changes if before is not None], session)
        told = [*entries(changes, touchpoints), *recorded(after for _, after in changes)]
        told += changed(one.customer for change in changes for one in change if one is not None and one.customer)
        await self._outbox.append(session, told)
        concerned = touched(one for change in changes for one in change if one is not None)
        if concerned and await self._campaigns.any(caller, session):
            await self._outbox.append(session, concerned)
        return kept

    async def _of_campaigns(self, caller: Caller, session: Session, said: list[Interaction]) -> list[Interaction]:
        """Where no code named it, a contact belongs to the campaign that runs at its touchpoint on its day."""
        places = {one.touchpoint for one in said if one.campaign is None and one.touchpoint is not None}
        campaigns = await self._campaigns.running(caller, places, session) if places else []
        if not campaigns:
            return said
        found = []
        for one in said:
            if one.campaign is None and one.touchpoint is not None:
                campaign = campaign_at(campaigns, one.touchpoint, one.occurred_at.astimezone(UTC).date())
                one = replace(one, campaign=campaign.id if campaign is not None else None)  # noqa: PLW2901  # the same contact
            found.append(one)
        return found

    def told(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        self._outbox.wake()
