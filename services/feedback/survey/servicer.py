"""Answers SurveyService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import survey_pb2 as pb
from rundblick.feedback.v1 import survey_pb2_grpc
from rundblick.shared.v1 import page_pb2

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import page_of, slice_of
from services.feedback.survey import messages
from services.feedback.survey.answering import Answering
from services.feedback.survey.domain import PREFIX, SurveyNotFound, archived, defined
from services.feedback.survey.inviting import Inviting
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository


class SurveyServicer(survey_pb2_grpc.SurveyServiceServicer):
    def __init__(
        self,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        inviting: Inviting,
        answering: Answering,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._surveys = surveys
        self._invitations = invitations
        self._inviting = inviting
        self._answering = answering
        self._writes = writes
        self._now = now

    async def BatchGetSurveys(self, request: pb.BatchGetSurveysRequest, context: Any) -> pb.BatchGetSurveysResponse:
        found = await self._surveys.of_ids(current_caller(), request.ids)
        return pb.BatchGetSurveysResponse(
            answers={
                id: pb.SurveyAnswer(value=messages.survey_to_proto(found[id]))
                if id in found
                else pb.SurveyAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no survey {id}"))
                for id in request.ids
            }
        )

    async def ListSurveys(self, request: pb.ListSurveysRequest, context: Any) -> pb.ListSurveysResponse:
        active = request.active if request.HasField("active") else None
        part = await self._surveys.page(current_caller(), page_of(request.page, [str]), active=active)
        return pb.ListSurveysResponse(page=messages.survey_page(part))

    async def BatchListInvitations(
        self, request: pb.BatchListInvitationsRequest, context: Any
    ) -> pb.BatchListInvitationsResponse:
        page = page_of(request.page, [datetime, str])
        if request.state and request.state not in messages.STATE_FROM_PROTO:
            raise InvalidInput("the state is not known", ("state",))
        state = messages.STATE_FROM_PROTO.get(request.state)
        slices = await self._invitations.pages(current_caller(), request.survey_ids, page, state)
        return pb.BatchListInvitationsResponse(
            pages={id: messages.invitation_page(slices.get(id) or slice_of([], [], page)) for id in request.survey_ids}
        )

    async def DefineSurvey(self, request: pb.DefineSurveyRequest, context: Any) -> pb.DefineSurveyResponse:
        caller = current_caller()
        said = messages.survey_from_proto(request.fields, new_id(PREFIX), self._now())
        made_from = request.version if request.HasField("version") else None

        async def define(session: Session) -> pb.DefineSurveyResponse:
            known = (await self._surveys.of_keys(caller, [said.key], session)).get(said.key)
            survey = defined(said, known, made_from)
            await self._surveys.save(caller, survey, session)
            return pb.DefineSurveyResponse(survey=messages.survey_to_proto(survey))

        return await self._writes.run(caller, request, pb.DefineSurveyResponse, define)

    async def ArchiveSurvey(self, request: pb.ArchiveSurveyRequest, context: Any) -> pb.ArchiveSurveyResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveSurveyResponse:
            known = (await self._surveys.of_ids(caller, [request.id], session)).get(request.id)
            if known is None:
                raise SurveyNotFound(request.id)
            survey = archived(known, request.version)
            await self._surveys.save(caller, survey, session)
            return pb.ArchiveSurveyResponse(survey=messages.survey_to_proto(survey))

        return await self._writes.run(caller, request, pb.ArchiveSurveyResponse, archive)

    async def InviteToSurvey(self, request: pb.InviteToSurveyRequest, context: Any) -> pb.InviteToSurveyResponse:
        return await self._inviting.invite(current_caller(), request)

    async def OpenInvitation(self, request: pb.OpenInvitationRequest, context: Any) -> pb.OpenInvitationResponse:
        return await self._answering.open(request.token)

    async def SubmitSurveyResponse(
        self, request: pb.SubmitSurveyResponseRequest, context: Any
    ) -> pb.SubmitSurveyResponseResponse:
        return await self._answering.submit(current_caller(), request)
