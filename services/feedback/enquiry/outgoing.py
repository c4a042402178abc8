"""What the other services must learn of a change: interactions for customers, observations for metrics."""

from collections.abc import Sequence

from rundblick.customers.v1 import interaction_pb2
from rundblick.metrics.v1 import event_pb2

from chassis.ids import with_prefix
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.domain.facts import AuthorKind, Enquiry, Message, Visibility
from services.feedback.enquiry.domain.observations import Observation, contributions

CUSTOMERS = "customers"
METRICS = "metrics"

_LONGEST_SUMMARY = 500


def entries(before: Enquiry | None, after: Enquiry, new: Sequence[Message]) -> list[Entry]:
    """before: the enquiry as the others know it, None when they do not; new: messages they do not know."""
    result = []
    interactions = [_interaction(after, message) for message in new if _is_contact(message)]
    if interactions:
        request = interaction_pb2.RecordInteractionsRequest(interactions=interactions)
        result.append(Entry(CUSTOMERS, after.id, after.version, "interactions", request.SerializeToString()))
    events = _events(before, after)
    if events:
        payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
        result.append(Entry(METRICS, after.id, after.version, "events", payload))
    return result


def _is_contact(message: Message) -> bool:
    """Automatic messages are no contact, and notes stay inside."""
    return message.visibility is Visibility.PUBLIC and message.author_kind is not AuthorKind.SYSTEM


def _interaction(enquiry: Enquiry, message: Message) -> interaction_pb2.Interaction:
    inbound = message.author_kind is AuthorKind.CUSTOMER
    call = message.connected is not None
    return interaction_pb2.Interaction(
        id=with_prefix("int", message.id),
        customer_id=enquiry.customer,
        source_record_id=message.source_record or enquiry.source_record,
        touchpoint_id=message.touchpoint or enquiry.touchpoint,
        direction=interaction_pb2.DIRECTION_INBOUND if inbound else interaction_pb2.DIRECTION_OUTBOUND,
        kind=interaction_pb2.INTERACTION_KIND_CALL if call else interaction_pb2.INTERACTION_KIND_MESSAGE,
        occurred_at=to_timestamp(message.occurred_at),
        employee_id=message.author,
        team_id=enquiry.team,
        source=message.source,
        summary=enquiry.subject[:_LONGEST_SUMMARY],
        subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_ENQUIRY, id=enquiry.id),
    )


def _events(before: Enquiry | None, after: Enquiry) -> list[event_pb2.Event]:
    known = contributions(before) if before is not None else {}
    now = contributions(after)
    return [
        event_pb2.Event(
            id=f"{subject}/{name}/{after.version}",
            name=name,
            subject_id=subject,
            source=after.source,
            team_id=after.team,
            owner_id=after.assignee,
            before=_observation(known.get((name, subject))),
            after=_observation(now.get((name, subject))),
        )
        for name, subject in dict.fromkeys((*known, *now))
        if known.get((name, subject)) != now.get((name, subject))
    ]


def _observation(observation: Observation | None) -> event_pb2.Observation | None:
    if observation is None:
        return None
    return event_pb2.Observation(
        state=event_pb2.ObservationState.Value(f"OBSERVATION_STATE_{observation.state}"),
        started_at=to_timestamp(observation.started_at),
        ended_at=to_timestamp(observation.ended_at),
        value=observation.value,
        dimensions=dict(observation.dimensions),
        customer_id=observation.customer,
        source_record_id=observation.source_record,
        exclusion_reason=observation.reason,
    )
