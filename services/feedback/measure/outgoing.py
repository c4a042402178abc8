"""What the other services learn of measures: metrics of those that were introduced, customers of who is to be told."""

from collections.abc import Iterable

from rundblick.customers.v1 import consent_pb2, delivery_pb2, interaction_pb2, touchpoint_pb2
from rundblick.metrics.v1 import change_pb2

from chassis.ids import derived_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.outgoing import CUSTOMERS, INTERACTIONS, METRICS
from services.feedback.happenings import INTRODUCED, happened
from services.feedback.measure.domain import OWN_SOURCE, Measure, Text, Told
from services.feedback.telling import queued

CHANGES = "changes"


def introduced(measure: Measure) -> list[Entry]:
    """As a change whose effect can be measured, and as news; nothing of one that was not introduced."""
    payload = told_of([measure])
    if payload is None or measure.introduced_at is None:
        return []
    news = happened(f"{measure.id}/introduced", INTRODUCED, measure.id, measure.introduced_at, version=measure.version)
    return [Entry(METRICS, measure.id, measure.version, CHANGES, payload), *news]


def told_of(measures: Iterable[Measure]) -> bytes | None:
    """All that metrics should know of them today; None: nothing."""
    known = [
        change_pb2.IntroducedMeasure(
            id=one.id,
            version=one.version,
            title=one.title,
            kind=change_pb2.ChangeKind.Value(f"CHANGE_KIND_{one.kind.value}"),
            introduced_at=to_timestamp(one.introduced_at),
            aims_at=one.aims_at,
            team_id=one.team,
            owner_id=one.owner,
        )
        for one in measures
        if one.introduced_at is not None
    ]
    return change_pb2.PutMeasuresRequest(measures=known).SerializeToString() if known else None


def telling(told: Told, about: str, text: Text) -> list[Entry]:
    """An e-mail that answers what the customer asked for, and the contact in their journey. about: their feedback."""
    delivery = delivery_pb2.NewDelivery(
        customer_id=told.customer,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        purpose=consent_pb2.CONSENT_PURPOSE_SERVICE,
        subject=text.subject,
        text=text.text,
        language=text.language,
        reference=told.measure,
        source=OWN_SOURCE,
        external_id=told.id,
    )
    contact = interaction_pb2.Interaction(
        id=derived_id("int", told.measure, told.source_record),
        customer_id=told.customer,
        source_record_id=told.source_record,
        direction=interaction_pb2.DIRECTION_OUTBOUND,
        kind=interaction_pb2.INTERACTION_KIND_MESSAGE,
        occurred_at=to_timestamp(told.at),
        source=OWN_SOURCE,
        summary=text.subject,
        subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_FEEDBACK, id=about),
        version=1,
    )
    request = interaction_pb2.RecordInteractionsRequest(interactions=[contact])
    return [
        queued(told.id, 1, [delivery]),
        Entry(CUSTOMERS, contact.id, 1, INTERACTIONS, request.SerializeToString()),
    ]
