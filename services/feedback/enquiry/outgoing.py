"""What the other services must learn of a change: interactions for customers, observations for metrics."""

from collections.abc import Sequence

from rundblick.customers.v1 import interaction_pb2, signal_pb2
from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id, with_prefix
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.domain.facts import AuthorKind, Enquiry, Message, Status, Visibility
from services.feedback.enquiry.domain.observations import Observation, contributions
from services.feedback.happenings import OPENED, RESOLVED, happened
from services.feedback.survey.occasion import resolved

CUSTOMERS = "customers"
METRICS = "metrics"
INTERACTIONS = "interactions"
SIGNALS = "signals"
EVENTS = "events"

_LONGEST_SUMMARY = 500


def entries(
    before: Enquiry | None, after: Enquiry, new: Sequence[Message], known: Sequence[Message] = ()
) -> list[Entry]:
    """before: the enquiry as the others know it, None when they do not. new: messages they do not know, or otherwise.

    known: all others.

    When it becomes known whose enquiry it is, its journey is told again with that.
    """
    result = []
    linked = before is not None and before.source_record is None and after.source_record is not None
    told = [*new, *(known if linked else ())]
    interactions = interactions_of(after, told)
    if interactions:
        request = interaction_pb2.RecordInteractionsRequest(interactions=interactions)
        result.append(Entry(CUSTOMERS, after.id, after.version, INTERACTIONS, request.SerializeToString()))
    if before is None or _signal(before) != _signal(after):
        said = signal_pb2.RecordSignalsRequest(signals=[_signal(after, after.version)])
        # Each has its version, so a later one need not wait for it.
        result.append(Entry(CUSTOMERS, new_id("out"), 1, SIGNALS, said.SerializeToString()))
    events = _events(before, after)
    if events:
        payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
        result.append(Entry(METRICS, after.id, after.version, EVENTS, payload))
    result += resolved(before, after)
    result += _happenings(before, after)
    return result


def _happenings(before: Enquiry | None, after: Enquiry) -> list[Entry]:
    said = []
    if before is None:
        opened = happened(
            f"{after.id}/opened", OPENED, after.id, after.opened_at, customer=after.customer, version=after.version
        )
        said += opened
    at = after.derived.resolved_at
    if at is not None and (before is None or before.derived.resolved_at != at):
        id = f"{after.id}/resolved/{at.isoformat()}"
        said += happened(id, RESOLVED, after.id, at, customer=after.customer, version=after.version)
    return said


def _signal(enquiry: Enquiry, version: int = 0) -> signal_pb2.Signal:
    """What matters for the state of its customer."""
    return signal_pb2.Signal(
        id=enquiry.id,
        version=version,
        at=to_timestamp(enquiry.opened_at),
        source=enquiry.source,
        customer_id=enquiry.customer,
        source_record_id=enquiry.source_record,
        enquiry=signal_pb2.EnquirySignal(open=_is_open(enquiry)),
    )


def _is_open(enquiry: Enquiry) -> bool:
    return enquiry.derived.excluded is None and enquiry.derived.status not in (Status.RESOLVED, Status.CLOSED)


def interactions_of(enquiry: Enquiry, messages: Sequence[Message]) -> list[interaction_pb2.Interaction]:
    """What customers shows of these messages."""
    return [_interaction(enquiry, message) for message in messages if _is_contact(message)]


def _is_contact(message: Message) -> bool:
    """Automatic messages are no contact, and notes stay inside."""
    return message.visibility is Visibility.PUBLIC and message.author_kind is not AuthorKind.SYSTEM


def _interaction(enquiry: Enquiry, message: Message) -> interaction_pb2.Interaction:
    inbound = message.author_kind is AuthorKind.CUSTOMER
    call = message.connected is not None
    record = message.source_record or enquiry.source_record
    return interaction_pb2.Interaction(
        id=with_prefix("int", message.id),
        # Of another record than the enquiry's, after a merge: customers knows whose that is today.
        customer_id=enquiry.customer if record == enquiry.source_record else None,
        source_record_id=record,
        touchpoint_id=message.touchpoint or enquiry.touchpoint,
        direction=interaction_pb2.DIRECTION_INBOUND if inbound else interaction_pb2.DIRECTION_OUTBOUND,
        kind=interaction_pb2.INTERACTION_KIND_CALL if call else interaction_pb2.INTERACTION_KIND_MESSAGE,
        occurred_at=to_timestamp(message.occurred_at),
        employee_id=message.author,
        team_id=enquiry.team,
        source=message.source,
        summary=enquiry.subject[:_LONGEST_SUMMARY],
        subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_ENQUIRY, id=enquiry.id),
        version=enquiry.version,
        code=message.code,
    )


def _events(before: Enquiry | None, after: Enquiry) -> list[event_pb2.Event]:
    known = contributions(before) if before is not None else {}
    now = contributions(after)
    return [
        _event(after, name, subject, known.get((name, subject)), now.get((name, subject)))
        for name, subject in dict.fromkeys((*known, *now))
        if known.get((name, subject)) != now.get((name, subject))
    ]


def _event(
    enquiry: Enquiry, name: str, subject: str, before: Observation | None, after: Observation | None
) -> event_pb2.Event:
    return event_pb2.Event(
        id=f"{subject}/{name}/{enquiry.version}",
        name=name,
        subject_id=subject,
        source=enquiry.source,
        team_id=enquiry.team,
        owner_id=enquiry.assignee,
        before=_observation(before),
        after=_observation(after),
    )


def whole(enquiry: Enquiry) -> list[event_pb2.Event]:
    """All that metrics should know of the enquiry today, as if it had never been told."""
    return [_event(enquiry, name, subject, None, now) for (name, subject), now in contributions(enquiry).items()]


def _observation(observation: Observation | None) -> event_pb2.Observation | None:
    if observation is None:
        return None
    return event_pb2.Observation(
        state=event_pb2.ObservationState.Value(f"OBSERVATION_STATE_{observation.state}"),
        started_at=to_timestamp(observation.started_at),
        ended_at=to_timestamp(observation.ended_at),
        value=observation.value,
        dimensions=dict(observation.dimensions),
        attributes={name: _attribute(value) for name, value in observation.attributes},
        customer_id=observation.customer,
        source_record_id=observation.source_record,
        exclusion_reason=observation.reason,
    )


def _attribute(value: str | float | bool) -> event_pb2.Attribute:
    if isinstance(value, bool):
        return event_pb2.Attribute(flag=value)
    return event_pb2.Attribute(text=value) if isinstance(value, str) else event_pb2.Attribute(number=value)
