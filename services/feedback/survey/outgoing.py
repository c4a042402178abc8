"""What the others must learn of invitations: the message for the customer, and whom metrics counts as asked."""

from collections.abc import Mapping
from datetime import timedelta

from rundblick.customers.v1 import consent_pb2, delivery_pb2, touchpoint_pb2
from rundblick.metrics.v1 import event_pb2

from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.outgoing import EVENTS, METRICS
from services.feedback.survey.domain import Invitation, Survey
from services.feedback.telling import queued

_INVITED = "survey.invited"
# So long a message may wait to be sent; then it would come too late.
_LONGEST_WAIT = timedelta(days=7)

# Language -> the subject, and the text around the question.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "en": (
        "What do you think?",
        "Reminder: what do you think?",
        "Hello,\n\n{question}\n\nPlease answer here, it takes a minute:\n\n{{{{survey}}}}\n\n"
        "The link works until {until} and takes one answer.\n\n"
        "If you do not want to be asked any more: {{{{unsubscribe}}}}\n",
    ),
    "de": (
        "Was meinen Sie?",
        "Erinnerung: Was meinen Sie?",
        "Guten Tag,\n\n{question}\n\nBitte antworten Sie hier, es dauert eine Minute:\n\n{{{{survey}}}}\n\n"
        "Der Link gilt bis {until} und für eine Antwort.\n\n"
        "Wenn Sie nicht mehr gefragt werden möchten: {{{{unsubscribe}}}}\n",
    ),
}
_DAY = {"en": "%Y-%m-%d", "de": "%d.%m.%Y"}


def first_external_id(invitation: Invitation) -> str:
    """Of the delivery of the invitation itself, as customers knows it; those of reminders count on."""
    return f"{invitation.id}/1"


def message(survey: Survey, invitation: Invitation, token: str) -> Entry:
    """The last message of the invitation. token: it is nowhere but in it."""
    text = survey.text_in(invitation.language)
    subject, reminder, around = _WORDS[text.language]
    delivery = delivery_pb2.NewDelivery(
        customer_id=invitation.customer,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        purpose=consent_pb2.CONSENT_PURPOSE_SURVEY,
        subject=subject if len(invitation.sent) == 1 else reminder,
        text=around.format(question=text.question, until=invitation.expires_at.strftime(_DAY[text.language])),
        language=text.language,
        reference=invitation.id,
        source=invitation.source,
        external_id=f"{invitation.id}/{len(invitation.sent)}",
        expires_at=to_timestamp(min(invitation.expires_at, invitation.last + _LONGEST_WAIT)),
        survey_token=token,
    )
    return queued(invitation.id, invitation.version, [delivery])


def counted(before: Invitation | None, after: Invitation) -> list[Entry]:
    """Whether the customer was asked, and answered, as far as that changed."""
    event = _event(before, after)
    if event is None:
        return []
    payload = event_pb2.IngestEventsRequest(events=[event]).SerializeToString()
    return [Entry(METRICS, after.id, after.version, EVENTS, payload)]


def whole(invitation: Invitation) -> list[event_pb2.Event]:
    """All that metrics should know of it today, as if it had never been told."""
    event = _event(None, invitation)
    return [] if event is None else [event]


def _event(before: Invitation | None, after: Invitation) -> event_pb2.Event | None:
    known, now = _observation(before), _observation(after)
    if known == now:
        return None
    return event_pb2.Event(
        id=f"{after.id}/{_INVITED}/{after.version}",
        name=_INVITED,
        subject_id=after.id,
        source=after.source,
        team_id=after.team,
        owner_id=after.owner,
        before=known,
        after=now,
    )


def _observation(invitation: Invitation | None) -> event_pb2.Observation | None:
    if invitation is None or not invitation.counts:
        return None
    pairs = (
        ("source", invitation.source),
        ("survey", invitation.survey),
        ("touchpoint", invitation.touchpoint),
        ("channel", invitation.channel),
        ("campaign", invitation.campaign),
        ("team", invitation.team),
    )
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(invitation.invited_at),
        dimensions={name: value for name, value in pairs if value},
        attributes={"answered": event_pb2.Attribute(flag=invitation.answered_at is not None)},
        customer_id=invitation.customer,
        source_record_id=invitation.source_record,
    )
