"""Answers CampaignService calls."""

from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import campaign_pb2 as pb
from rundblick.customers.v1 import campaign_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from chassis.page import Slice, encode_cursor, page_info, page_of
from services.customers.attribution.domain import Attribution
from services.customers.batches import answers
from services.customers.campaign import messages
from services.customers.campaign.domain import PREFIX, Campaign, CampaignNotFound, updated
from services.customers.campaign.outgoing import entry
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.segment.repository import MongoSegmentRepository
from services.customers.touchpoint.repository import MongoTouchpointRepository

_KINDS = (str, str)


class CampaignServicer(campaign_pb2_grpc.CampaignServiceServicer):
    """currency: the one in which this deployment plans and adds up; attribution: how contacts are credited."""

    def __init__(
        self,
        campaigns: MongoCampaignRepository,
        touchpoints: MongoTouchpointRepository,
        employees: MongoEmployeeRepository,
        segments: MongoSegmentRepository,
        writes: Writes,
        outbox: Outbox,
        currency: str,
        attribution: Attribution,
    ) -> None:
        self._campaigns = campaigns
        self._touchpoints = touchpoints
        self._employees = employees
        self._segments = segments
        self._writes = writes
        self._outbox = outbox
        self._currency = currency
        self._attribution = attribution

    async def BatchGetCampaigns(
        self, request: pb.BatchGetCampaignsRequest, context: Any
    ) -> pb.BatchGetCampaignsResponse:
        found = await self._campaigns.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(campaign) for id, campaign in found.items()}
        return pb.BatchGetCampaignsResponse(answers=answers(pb.CampaignAnswer, request.ids, protos))

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Any) -> pb.ListCampaignsResponse:
        condition = messages.condition_from_proto(request.filter)
        part = await self._campaigns.page(current_caller(), page_of(request.page, _KINDS), condition)
        return pb.ListCampaignsResponse(page=_page(part))

    async def BatchListCampaigns(
        self, request: pb.BatchListCampaignsRequest, context: Any
    ) -> pb.BatchListCampaignsResponse:
        page = page_of(request.page, _KINDS)
        parts = await self._campaigns.of_touchpoints(current_caller(), request.touchpoint_ids, page)
        return pb.BatchListCampaignsResponse(pages={id: _page(part) for id, part in parts.items()})

    async def CreateCampaign(self, request: pb.CreateCampaignRequest, context: Any) -> pb.CreateCampaignResponse:
        caller = current_caller()
        said = messages.new_from_proto(request.fields, new_id(PREFIX))

        async def create(session: Session) -> pb.CreateCampaignResponse:
            campaign = await self._checked(caller, said, session)
            await self._campaigns.add(caller, campaign, session)
            await self._outbox.append(session, [entry(campaign, self._attribution)])
            return pb.CreateCampaignResponse(campaign=messages.to_proto(campaign))

        response = await self._writes.run(caller, request, pb.CreateCampaignResponse, create)
        self._outbox.wake()
        return response

    async def UpdateCampaign(self, request: pb.UpdateCampaignRequest, context: Any) -> pb.UpdateCampaignResponse:
        caller = current_caller()

        async def update(session: Session) -> pb.UpdateCampaignResponse:
            known = (await self._campaigns.of_ids(caller, [request.id], session)).get(request.id)
            if known is None:
                raise CampaignNotFound(request.id)
            said = messages.changed_from_proto(known, request.fields, list(request.paths))
            campaign = updated(known, request.version, await self._checked(caller, said, session))
            await self._campaigns.save(caller, campaign, session)
            await self._outbox.append(session, [entry(campaign, self._attribution)])
            return pb.UpdateCampaignResponse(campaign=messages.to_proto(campaign))

        response = await self._writes.run(caller, request, pb.UpdateCampaignResponse, update)
        self._outbox.wake()
        return response

    async def _checked(self, caller: Caller, campaign: Campaign, session: Session) -> Campaign:
        """With its owner's team. NotFound: what it names. InvalidInput: amounts that could not be added to others."""
        for field, money in campaign.moneys.items():
            if money.currency != self._currency:
                raise InvalidInput(f"campaigns are planned in {self._currency} here", (field, "currency"))
        places = await self._touchpoints.of_ids(caller, campaign.touchpoints, session)
        for number, id in enumerate(campaign.touchpoints):
            if id not in places:
                raise NotFound(f"there is no touchpoint {id}", ("touchpoint_ids", str(number)))
        segments = await self._segments.of_ids(caller, campaign.segments, session) if campaign.segments else {}
        for number, id in enumerate(campaign.segments):
            if id not in segments:
                raise NotFound(f"there is no segment {id}", ("segment_ids", str(number)))
        if campaign.owner is None:
            return replace(campaign, team=None)
        owner = (await self._employees.of_ids(caller, [campaign.owner], session)).get(campaign.owner)
        if owner is None:
            raise NotFound(f"there is no employee {campaign.owner[:80]}", ("owner_id",))
        return replace(campaign, team=owner.team)


def _page(part: Slice[Campaign]) -> pb.CampaignPage:
    edges = [
        pb.CampaignEdge(cursor=encode_cursor(boundary), node=messages.to_proto(campaign))
        for campaign, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.CampaignPage(edges=edges, page_info=page_info(part))
