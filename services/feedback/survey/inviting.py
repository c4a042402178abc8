"""Invites customers: asks who may be asked, and queues a message for each, all in one transaction."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rundblick.customers.v1 import consent_pb2, reference_pb2
from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Forbidden, InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Entry, Outbox
from chassis.times import to_timestamp
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, Person, Place, References
from services.feedback.survey import messages
from services.feedback.survey.asking import Audience
from services.feedback.survey.domain import (
    INVITATION_PREFIX,
    Invitation,
    Sent,
    Survey,
    SurveyArchived,
    SurveyNotFound,
    invited,
)
from services.feedback.survey.outgoing import counted, message
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository

# Customers invited with one call.
_MOST = 1_000


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept. Tokens are drawn by chance and long, so a plain hash does."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class About:
    """Where and for what customers are invited. enquiry: after which it happens by itself; id: then the same again."""

    place: Place | None = None
    campaign: str | None = None
    enquiry: str | None = None
    team: str | None = None
    id: str | None = None


@dataclass
class Guests:
    """Who was asked for, and what customers knows of them."""

    asked: Sequence[str]
    found: References = field(default_factory=References)
    permissions: dict[str, consent_pb2.ContactPermission] = field(default_factory=dict)


class Inviting:
    def __init__(
        self,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        aliases: MongoAliasRepository,
        customers: CustomersClient,
        audience: Audience,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._surveys = surveys
        self._invitations = invitations
        self._aliases = aliases
        self._customers = customers
        self._audience = audience
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def invite(self, caller: Caller, request: pb.InviteToSurveyRequest) -> pb.InviteToSurveyResponse:
        if caller.sources is not None:
            raise Forbidden("partners invite nobody")
        survey = (await self._surveys.of_ids(caller, [request.survey_id])).get(request.survey_id)
        if survey is None:
            raise SurveyNotFound(request.survey_id, ("survey_id",))
        if not survey.active:
            raise SurveyArchived(survey.key)
        asked, next_after = await self._asked(request)
        if request.HasField("campaign_id"):
            await self._audience.require_campaign(request.campaign_id)
        guests = await self.guests(caller, asked, request.touchpoint_key)
        about = About(guests.found.places.get(request.touchpoint_key), request.campaign_id or None)

        async def work(session: Session) -> pb.InviteToSurveyResponse:
            response = await self.add(caller, survey, guests, about, session)
            if next_after is not None:
                response.next_after = next_after
            return response

        done = await self._writes.run(caller, request, pb.InviteToSurveyResponse, work)
        self._outbox.wake()
        return done

    async def _asked(self, request: pb.InviteToSurveyRequest) -> tuple[list[str], str | None]:
        """Customer ids; where those of a segment go on. InvalidInput: nobody, or too many."""
        if request.HasField("segment_id"):
            if request.customer_ids:
                raise InvalidInput("name customers or a segment", ("customer_ids",))
            return await self._audience.of_segment(request.segment_id, request.after or None, _MOST)
        if not 1 <= len(request.customer_ids) <= _MOST:
            raise InvalidInput(f"1 to {_MOST} customers at once", ("customer_ids",))
        return list(dict.fromkeys(request.customer_ids)), None

    async def guests(self, caller: Caller, asked: Sequence[str], touchpoint: str = "") -> Guests:
        """InvalidInput: there is no such touchpoint."""
        keys = [reference_pb2.TouchpointReference(key=touchpoint)] if touchpoint else []
        if not asked and not keys:
            return Guests(asked)
        found = await self._customers.resolve(caller, OWN_SOURCE, customer_ids=asked, touchpoints=keys)
        if touchpoint and touchpoint not in found.places:
            raise InvalidInput(found.fault("touchpoint", touchpoint).message, ("touchpoint_key",))
        return Guests(asked, found, await self._audience.permissions(asked) if asked else {})

    async def add(
        self, caller: Caller, survey: Survey, guests: Guests, about: About, session: Session
    ) -> pb.InviteToSurveyResponse:
        """Of the guests those who may be asked today; of each other, why not."""
        now, response = self._now(), pb.InviteToSurveyResponse()
        people = guests.found.customers_by_id
        # Held: nobody else invites them, and no merge changes whose they are, before the session commits.
        present = await self._aliases.hold(
            caller, {one.source_record: one.customer for one in people.values()}, session
        )
        since = now - timedelta(days=survey.quiet_days)
        last = await self._invitations.last_of(caller, set(present.values()), since, session)
        new: list[Invitation] = []
        entries: list[Entry] = []
        for id in guests.asked:
            person, permission = people.get(id), guests.permissions.get(id)
            if person is None or permission is None:
                response.not_invited.add(customer_id=id, reason=pb.NOT_INVITED_REASON_UNKNOWN)
                continue
            person = replace(person, customer=present[person.source_record])
            refused = _refused(id, permission, last.get(person.customer))
            if refused is not None:
                response.not_invited.append(refused)
                continue
            last[person.customer] = now
            token = new_token()
            invitation = _invitation(caller, survey, about, person, token, now)
            new.append(invitation)
            entries += [message(survey, invitation, token), *counted(None, invitation)]
        await self._invitations.add(caller, new, session)
        await self._outbox.append(session, entries)
        response.invitations.extend(map(messages.invitation_to_proto, new))
        return response


def _refused(id: str, permission: consent_pb2.ContactPermission, last: datetime | None) -> pb.NotInvited | None:
    if not permission.allowed:
        return pb.NotInvited(customer_id=id, reason=pb.NOT_INVITED_REASON_NOT_ALLOWED, permission=permission)
    if not permission.reachable:
        return pb.NotInvited(customer_id=id, reason=pb.NOT_INVITED_REASON_NO_ADDRESS)
    if last is not None:
        return pb.NotInvited(customer_id=id, reason=pb.NOT_INVITED_REASON_QUIET, invited_at=to_timestamp(last))
    return None


def _invitation(caller: Caller, survey: Survey, about: About, person: Person, token: str, now: datetime) -> Invitation:
    return invited(
        survey,
        Invitation(
            id=about.id or new_id(INVITATION_PREFIX),
            survey=survey.id,
            customer=person.customer,
            source_record=person.source_record,
            invited_at=now,
            expires_at=now,
            sent=(Sent(now, token_hash(token)),),
            next_at=None,
            touchpoint=about.place.touchpoint if about.place else None,
            channel=about.place.channel if about.place else None,
            campaign=about.campaign,
            enquiry=about.enquiry,
            language=person.locale or survey.texts[0].language,
            team=about.team or caller.team,
            owner=caller.employee,
        ),
        now,
    )
