"""What metrics must learn of offers: what came of them, and who of whom they suit converted."""

from collections.abc import Sequence

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.offer.domain import Assignment, Outcome

_OUTCOME = "offer.outcome"
ASSIGNED = "offer.assigned"
# In one entry: far below what a document holds.
_AT_ONCE = 2_000

# (as it was known until now, as it is): the first is None for what is new.
Change = tuple[Assignment | None, Assignment]


def of_outcome(outcome: Outcome, currency: str) -> Entry:
    return _entry([outcome_event(outcome, currency)])


def outcome_event(outcome: Outcome, currency: str) -> event_pb2.Event:
    """currency: in which figures add up; a value in another is not told."""
    pairs = (
        ("source", outcome.source),
        ("offer", outcome.offer),
        ("touchpoint", outcome.touchpoint),
        ("channel", outcome.channel.value if outcome.channel is not None else None),
        ("team", outcome.team),
        ("employee", outcome.employee),
    )
    value = outcome.value
    return event_pb2.Event(
        id=f"{outcome.id}/{_OUTCOME}/1",
        name=_OUTCOME,
        subject_id=outcome.id,
        source=outcome.source,
        team_id=outcome.team,
        owner_id=outcome.employee,
        after=event_pb2.Observation(
            state=event_pb2.OBSERVATION_STATE_COMPLETE,
            started_at=to_timestamp(outcome.at),
            value=float(value.amount) if value is not None and value.currency == currency else None,
            dimensions={name: said for name, said in pairs if said},
            attributes={"outcome": event_pb2.Attribute(text=outcome.result.value)},
            customer_id=outcome.customer,
            source_record_id=outcome.source_record,
        ),
    )


def of_assignments(changes: Sequence[Change]) -> list[Entry]:
    """One for many of them: what is told of one assignment adds up the same in any order."""
    events = [event for change in changes if (event := assignment_event(*change)) is not None]
    return [_entry(events[start : start + _AT_ONCE]) for start in range(0, len(events), _AT_ONCE)]


def _entry(events: Sequence[event_pb2.Event]) -> Entry:
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return Entry(METRICS, new_id("out"), 1, EVENTS, payload)


def assignment_event(before: Assignment | None, after: Assignment) -> event_pb2.Event | None:
    """None: nothing differs. before: None, all that metrics should know of it, as if it had never been told."""
    known, now = _observation(before), _observation(after)
    if known == now:
        return None
    return event_pb2.Event(
        id=f"{after.id}/{ASSIGNED}/{after.version}",
        name=ASSIGNED,
        subject_id=after.id,
        source=after.source,
        before=known,
        after=now,
    )


def _observation(one: Assignment | None) -> event_pb2.Observation | None:
    if one is None or not one.counts:
        return None
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(one.at),
        dimensions={"source": one.source, "offer": one.offer, "group": one.group.value},
        attributes={"converted": event_pb2.Attribute(flag=one.converted_at is not None)},
        customer_id=one.customer,
        source_record_id=one.source_record,
    )
