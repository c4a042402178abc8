"""Answers CodeService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import code_pb2 as pb
from rundblick.customers.v1 import code_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import NotFound
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import answers
from services.customers.campaign.domain import CampaignNotFound
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.code.domain import Code, CodeNotFound, new_code, read_code
from services.customers.code.repository import MongoCodeRepository
from services.customers.interaction.domain import Direction, Interaction, InteractionKind
from services.customers.interaction.recording import Recording
from services.customers.touchpoint.repository import MongoTouchpointRepository


class CodeServicer(code_pb2_grpc.CodeServiceServicer):
    def __init__(
        self,
        database: Database,
        codes: MongoCodeRepository,
        touchpoints: MongoTouchpointRepository,
        campaigns: MongoCampaignRepository,
        recording: Recording,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._codes = codes
        self._touchpoints = touchpoints
        self._campaigns = campaigns
        self._recording = recording
        self._writes = writes
        self._now = now

    async def BatchGetCodes(self, request: pb.BatchGetCodesRequest, context: Any) -> pb.BatchGetCodesResponse:
        found = await self._codes.of_codes(current_caller(), map(read_code, request.codes))
        protos = {asked: _to_proto(found[read_code(asked)]) for asked in request.codes if read_code(asked) in found}
        return pb.BatchGetCodesResponse(answers=answers(pb.CodeAnswer, request.codes, protos))

    async def BatchListCodes(self, request: pb.BatchListCodesRequest, context: Any) -> pb.BatchListCodesResponse:
        parts = await self._codes.of_touchpoints(current_caller(), request.touchpoint_ids, page_of(request.page, [str]))
        return pb.BatchListCodesResponse(
            pages={
                touchpoint: pb.CodePage(
                    edges=[
                        pb.CodeEdge(cursor=encode_cursor(boundary), node=_to_proto(code))
                        for code, boundary in zip(part.items, part.boundaries, strict=True)
                    ],
                    page_info=page_info(part),
                )
                for touchpoint, part in parts.items()
            }
        )

    async def CreateTouchpointCode(
        self, request: pb.CreateTouchpointCodeRequest, context: Any
    ) -> pb.CreateTouchpointCodeResponse:
        caller = current_caller()

        async def create(session: Session) -> pb.CreateTouchpointCodeResponse:
            # Made anew with each attempt: should it be taken, the next one is another.
            code = Code(
                code=new_code(),
                touchpoint=request.touchpoint_id,
                campaign=request.campaign_id or None,
                target=request.target or None,
                team=caller.team,
                owner=caller.employee,
            )
            if code.touchpoint not in await self._touchpoints.of_ids(caller, [code.touchpoint], session):
                raise NotFound(f"there is no touchpoint {code.touchpoint[:80]}", ("touchpoint_id",))
            if code.campaign and code.campaign not in await self._campaigns.of_ids(caller, [code.campaign], session):
                raise CampaignNotFound(code.campaign, ("campaign_id",))
            await self._codes.add(caller, code, session)
            return pb.CreateTouchpointCodeResponse(code=_to_proto(code))

        return await self._writes.run(caller, request, pb.CreateTouchpointCodeResponse, create)

    async def FollowCode(self, request: pb.FollowCodeRequest, context: Any) -> pb.FollowCodeResponse:
        caller = current_caller()
        name = read_code(request.code)
        code = (await self._codes.of_codes(caller, [name])).get(name)
        if code is None or code.target is None:
            raise CodeNotFound(request.code)
        visit = Interaction(
            id=new_id("int"),
            direction=Direction.INBOUND,
            kind=InteractionKind.VISIT,
            occurred_at=self._now(),
            source="rundblick",
            touchpoint=code.touchpoint,
            campaign=code.campaign,
        )
        await in_transaction(self._database, lambda session: self._recording.record(caller, session, [visit]))
        self._recording.told()
        return pb.FollowCodeResponse(target=code.target)


def _to_proto(code: Code) -> pb.TouchpointCode:
    return pb.TouchpointCode(
        code=code.code, touchpoint_id=code.touchpoint, campaign_id=code.campaign, target=code.target
    )
