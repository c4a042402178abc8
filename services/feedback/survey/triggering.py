"""Invites by itself, when an enquiry was resolved: as the end of a relay, so that nobody waits for it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.caller import service_caller
from chassis.errors import Fault
from chassis.ids import derived_id
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Entry, Outbox
from chassis.times import from_timestamp
from services.feedback.enquiry.references import Place
from services.feedback.survey.domain import INVITATION_PREFIX, Survey, drawn
from services.feedback.survey.inviting import About, Inviting
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository

# What was resolved longer ago is history that came in late: nobody is asked about it any more.
_FRESH = timedelta(days=7)


class Triggering:
    def __init__(
        self,
        database: Database,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        inviting: Inviting,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._surveys = surveys
        self._invitations = invitations
        self._inviting = inviting
        self._outbox = outbox
        self._now = now
        self._caller = service_caller("feedback")

    async def deliver(self, entries: Sequence[Entry]) -> Mapping[str, Fault]:
        """Occasions that were told; nobody is invited twice on the same one."""
        surveys = [one for one in await self._surveys.active(self._caller) if one.trigger is not None]
        for entry in entries:
            occurrence = pb.Occurrence.FromString(entry.payload)
            survey = next((one for one in surveys if drawn(one, occurrence.enquiry_id)), None)
            if survey is not None and from_timestamp(occurrence.at) + _FRESH > self._now():
                await self._invite(survey, occurrence)
        self._outbox.wake()
        return {}

    async def _invite(self, survey: Survey, occurrence: pb.Occurrence) -> None:
        guests = await self._inviting.guests(self._caller, [occurrence.customer_id])
        id = derived_id(INVITATION_PREFIX, survey.id, occurrence.enquiry_id)
        about = About(
            place=Place(occurrence.touchpoint_id, occurrence.channel) if occurrence.touchpoint_id else None,
            enquiry=occurrence.enquiry_id,
            team=occurrence.team_id or None,
            id=id,
        )

        async def work(session: Session) -> None:
            if not await self._invitations.of_ids(self._caller, [id], session):
                await self._inviting.add(self._caller, survey, guests, about, session)

        await in_transaction(self._database, work)
