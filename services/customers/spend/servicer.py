"""Answers SpendService calls."""

from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import spend_pb2 as pb
from rundblick.customers.v1 import spend_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import NotFound
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from chassis.page import encode_cursor, page_info, page_of
from services.customers.campaign.domain import CampaignNotFound
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.spend import messages
from services.customers.spend.domain import PREFIX, Spend, corrected
from services.customers.spend.outgoing import entry
from services.customers.spend.repository import MongoSpendRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class SpendServicer(spend_pb2_grpc.SpendServiceServicer):
    """currency: the one in which this deployment adds up."""

    def __init__(
        self,
        spend: MongoSpendRepository,
        campaigns: MongoCampaignRepository,
        touchpoints: MongoTouchpointRepository,
        writes: Writes,
        outbox: Outbox,
        currency: str,
    ) -> None:
        self._spend = spend
        self._campaigns = campaigns
        self._touchpoints = touchpoints
        self._writes = writes
        self._outbox = outbox
        self._currency = currency

    async def BatchListSpend(self, request: pb.BatchListSpendRequest, context: Any) -> pb.BatchListSpendResponse:
        page = page_of(request.page, [str, str])
        parts = await self._spend.of_campaigns(current_caller(), request.campaign_ids, page)
        return pb.BatchListSpendResponse(
            pages={
                campaign: pb.SpendPage(
                    edges=[
                        pb.SpendEdge(cursor=encode_cursor(boundary), node=messages.to_proto(one))
                        for one, boundary in zip(part.items, part.boundaries, strict=True)
                    ],
                    page_info=page_info(part),
                )
                for campaign, part in parts.items()
            }
        )

    async def RecordSpend(self, request: pb.RecordSpendRequest, context: Any) -> pb.RecordSpendResponse:
        caller = current_caller()
        first = messages.from_proto(request, new_id(PREFIX))
        require_source(caller, first.source)

        async def record(session: Session) -> pb.RecordSpendResponse:
            said = await self._of_its_campaign(caller, first, session)
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
            return pb.RecordSpendResponse(spend=messages.to_proto(kept))

        response = await self._writes.run(caller, request, pb.RecordSpendResponse, record)
        self._outbox.wake()
        return response

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
