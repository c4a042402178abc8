"""Takes what customers answer: the token is used, and the answer recorded as feedback, in one transaction."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.caller import Caller, service_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, Person, Place, lookup
from services.feedback.feedback.domain import Draft, Feedback, FeedbackKind, Score, ScoreKind
from services.feedback.feedback.messages import to_proto
from services.feedback.feedback.recording import Recording
from services.feedback.survey import messages
from services.feedback.survey.domain import (
    INVITATION_PREFIX,
    Invitation,
    InvitationNotFound,
    Survey,
    SurveyArchived,
    SurveyNotFound,
    invited,
)
from services.feedback.survey.inviting import token_hash
from services.feedback.survey.outgoing import counted
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository

_LONGEST_TEXT = 5_000

Work = Callable[[Session], Coroutine[Any, Any, pb.SubmitSurveyResponseResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer said. version: of the survey that was shown; None: today's."""

    value: float
    text: str | None
    version: int | None

    @classmethod
    def of(cls, request: pb.SubmitSurveyResponseRequest) -> "Answer":
        """InvalidInput: the text is too long."""
        if len(request.text) > _LONGEST_TEXT:
            raise InvalidInput(f"a text has at most {_LONGEST_TEXT} characters", ("text",))
        version = request.version if request.HasField("version") else None
        return cls(request.score, request.text.strip() or None, version)


class Answering:
    def __init__(
        self,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        aliases: MongoAliasRepository,
        customers: CustomersClient,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._surveys = surveys
        self._invitations = invitations
        self._aliases = aliases
        self._customers = customers
        self._recording = recording
        self._writes = writes
        self._outbox = outbox
        self._now = now
        # Who has a token is nobody known; what they may is answer, once.
        self._self = service_caller("feedback")

    async def open(self, token: str) -> pb.OpenInvitationResponse:
        """InvitationNotFound."""
        invitation, survey = await self._of_token(token)
        state = invitation.state_at(survey, self._now())
        return pb.OpenInvitationResponse(survey=messages.survey_to_proto(survey), state=messages.STATE_TO_PROTO[state])

    async def submit(self, caller: Caller, request: pb.SubmitSurveyResponseRequest) -> pb.SubmitSurveyResponseResponse:
        answer = Answer.of(request)
        if not request.HasField("token"):
            work = await self._by_customer(caller, request, answer)
        elif request.survey_id or request.customer_id or request.HasField("customer_external_id"):
            raise InvalidInput("name a token, or a survey and a customer", ("token",))
        else:
            work = self._by_token(request.token, answer)
        done = await self._writes.run(caller, request, pb.SubmitSurveyResponseResponse, work)
        self._outbox.wake()
        return done

    def _by_token(self, token: str, answer: Answer) -> Work:
        async def work(session: Session) -> pb.SubmitSurveyResponseResponse:
            invitation, survey = await self._of_token(token, session)
            await self._record(self._self, survey, invitation, answer, session)
            # A token says nothing of who may read feedback.
            return pb.SubmitSurveyResponseResponse()

        return work

    async def _by_customer(self, caller: Caller, request: pb.SubmitSurveyResponseRequest, answer: Answer) -> Work:
        source = request.source or OWN_SOURCE
        person, place = await self._named(caller, source, request)

        async def work(session: Session) -> pb.SubmitSurveyResponseResponse:
            # Surveys are shown to no partner, but their customers may be asked what all are asked.
            survey = (await self._surveys.of_ids(self._self, [request.survey_id], session)).get(request.survey_id)
            if survey is None:
                raise SurveyNotFound(request.survey_id, ("survey_id",))
            if not survey.active:
                raise SurveyArchived(survey.key)
            present = await self._aliases.hold(caller, {person.source_record: person.customer}, session)
            whose = replace(person, customer=present[person.source_record])
            known = await self._invitations.open_of(self._self, survey.id, whose.customer, session)
            if known is None or known.expires_at <= self._now():
                known = _uninvited(survey, whose, source, self._now())
                await self._invitations.add(caller, [known], session)
            feedback = await self._record(caller, survey, known, answer, session, source=source, place=place)
            return pb.SubmitSurveyResponseResponse(feedback=to_proto(feedback))

        return work

    async def _named(
        self, caller: Caller, source: str, request: pb.SubmitSurveyResponseRequest
    ) -> tuple[Person, Place | None]:
        """InvalidInput: no customer, one that is not known, or no such touchpoint."""
        external = request.customer_external_id
        if request.HasField("customer_external_id") == request.HasField("customer_id"):
            raise InvalidInput("name a customer by id or by external id, or a token", ("customer_id",))
        key = request.touchpoint_key
        found = await self._customers.resolve(
            caller,
            external.source if external.id else source,
            customers=[lookup(external.id)] if external.id else (),
            customer_ids=[request.customer_id] if request.customer_id else (),
            touchpoints=[reference_pb2.TouchpointReference(key=key)] if key else (),
        )
        found.require_all()
        people = {**found.customers, **found.customers_by_id}
        return people[external.id or request.customer_id], found.places.get(key)

    async def _record(
        self,
        caller: Caller,
        survey: Survey,
        invitation: Invitation,
        answer: Answer,
        session: Session,
        *,
        source: str = OWN_SOURCE,
        place: Place | None = None,
    ) -> Feedback:
        """place: where it was answered; None: where the invitation says."""
        survey.scale.check(answer.value)
        wording = survey.wording(answer.version)
        now = self._now()
        draft = Draft(
            source=source,
            received_at=now,
            kind=FeedbackKind.RATING,
            text=answer.text,
            score=Score(ScoreKind(survey.kind.value), answer.value, survey.scale.lowest, survey.scale.highest),
            # One invitation, one answer: whatever is said twice is known by it.
            external_id=invitation.id,
            customer=invitation.customer,
            source_record=invitation.source_record,
            touchpoint=place.touchpoint if place else invitation.touchpoint,
            channel=place.channel if place else invitation.channel,
            enquiry=invitation.enquiry,
            solicited=True,
            survey=survey.id,
            team=invitation.team,
        )
        (feedback,) = await self._recording.record(caller, [draft], session)
        answered = invitation.answered(survey, feedback.id, wording.version, now)
        await self._invitations.save(caller, answered, session)
        await self._outbox.append(session, counted(invitation, answered))
        return feedback

    async def _of_token(self, token: str, session: Session | None = None) -> tuple[Invitation, Survey]:
        invitation = await self._invitations.of_token(self._self, token_hash(token), session)
        if invitation is None:
            raise InvitationNotFound
        return invitation, (await self._surveys.of_ids(self._self, [invitation.survey], session))[invitation.survey]


def _uninvited(survey: Survey, person: Person, source: str, now: datetime) -> Invitation:
    """Of a customer who answers without having been asked by us: kept, so that it is known what they answered to."""
    said = Invitation(
        id=new_id(INVITATION_PREFIX),
        survey=survey.id,
        customer=person.customer,
        source_record=person.source_record,
        invited_at=now,
        expires_at=now,
        sent=(),
        next_at=None,
        source=source,
    )
    return invited(survey, said, now)
