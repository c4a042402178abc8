"""Takes what a source tells of an opportunity: a new one, or what it told of before, changed to what it says now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from rundblick.customers.v1 import opportunity_pb2 as pb

from chassis.caller import Caller
from chassis.errors import AlreadyExists
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.times import from_timestamp
from services.customers.opportunity import messages
from services.customers.opportunity.domain import PREFIX, Move, Opportunity, Stage, as_told, corrected, opened
from services.customers.opportunity.naming import Naming
from services.customers.opportunity.recording import Change, OpportunityRecording
from services.customers.opportunity.repository import MongoOpportunityRepository


class Telling:
    def __init__(
        self,
        opportunities: MongoOpportunityRepository,
        naming: Naming,
        recording: OpportunityRecording,
        now: Callable[[], datetime],
    ) -> None:
        self._opportunities = opportunities
        self._naming = naming
        self._recording = recording
        self._now = now

    async def tell(
        self, caller: Caller, source: str, record: str, request: pb.CreateOpportunityRequest, session: Session
    ) -> Change:
        """record: whose it is, where it is new. NotFound: what it names. InvalidInput: what cannot be."""
        known = await self._known(caller, source, request, session)
        if known is not None:
            news = self._said_again(known, request)
        else:
            # Whoever finds a chance works on it, until it is given to somebody else.
            said = await self._new(caller, source, record, request, session)
            news = said if request.fields.HasField("owner_id") else replace(said, owner=caller.employee)
        news = await self._naming.checked(caller, news, session)
        after = corrected(known, news) if known is not None else news
        return known, await self._recording.record(caller, known, after, session)

    async def _known(
        self, caller: Caller, source: str, request: pb.CreateOpportunityRequest, session: Session
    ) -> Opportunity | None:
        """AlreadyExists: it is somebody else's, whose opportunities this caller does not see."""
        if not request.external_id:
            return None
        known = await self._opportunities.known(caller, source, request.external_id, session)
        if known is not None and not await self._opportunities.of_ids(caller, [known.id], session):
            raise AlreadyExists(f"{source} told of {request.external_id[:80]} before", ("external_id",))
        return known

    def _said_again(self, known: Opportunity, request: pb.CreateOpportunityRequest) -> Opportunity:
        now, move = self._now(), None
        if request.stage:
            move = Move(messages.stage_from_proto(request.stage), moment(request, "stage_since") or now)
        told = as_told(known, move, now, request.loss_reason if request.HasField("loss_reason") else None)
        return messages.changed_from_proto(told, request.fields, messages.said_in(request.fields))

    async def _new(
        self, caller: Caller, source: str, record: str, request: pb.CreateOpportunityRequest, session: Session
    ) -> Opportunity:
        now = self._now()
        since = moment(request, "stage_since")
        opened_at = moment(request, "opened_at") or since or now
        stage = messages.stage_from_proto(request.stage) if request.stage else Stage.PROSPECTING
        return Opportunity(
            id=new_id(PREFIX),
            customer=await self._naming.holder(caller, record, session),
            source_record=record,
            opened_at=opened_at,
            moves=opened(stage, opened_at, since, now),
            source=source,
            external_id=request.external_id or None,
            loss_reason=request.loss_reason if request.HasField("loss_reason") else None,
            **{"title": "", **messages.read(request.fields, messages.said_in(request.fields))},
        )


def moment(request: Any, name: str) -> datetime | None:
    said: Timestamp = getattr(request, name)
    return from_timestamp(said, (name,)) if request.HasField(name) else None
