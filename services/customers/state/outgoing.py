"""What metrics must learn of states: from then on a customer is at a stage."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.state.domain import Dimension, Restated, StateChange

_NAME = "customer.stage_changed"


def entries(changes: Sequence[StateChange], restated: Iterable[Restated]) -> list[Entry]:
    """One for all of them.

    Facts of a stage belong to the golden id: metrics joins the history of merged customers, and takes it apart again by
    itself. The last word of another customer must not be the last of them all, so it is said again.
    """
    events = [*of_changes(changes), *of_restated(restated)]
    if not events:
        return []
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return [Entry(METRICS, new_id("out"), 1, EVENTS, payload)]


def of_changes(changes: Iterable[StateChange]) -> list[event_pb2.Event]:
    stages = [one for one in changes if one.dimension is Dimension.LIFECYCLE_STAGE]
    return [_event(one.id, one.customer, one.after.value, one.after.since) for one in stages]


def of_restated(stages: Iterable[Restated]) -> list[event_pb2.Event]:
    return [_event(one.id, one.customer, one.stage, one.at) for one in stages]


def _event(id: str, customer: str, stage: str, at: datetime) -> event_pb2.Event:
    return event_pb2.Event(
        id=f"{id}/{_NAME}",
        name=_NAME,
        subject_id=id,
        source="rundblick",
        after=event_pb2.Observation(
            state=event_pb2.OBSERVATION_STATE_COMPLETE,
            started_at=to_timestamp(at),
            dimensions={"source": "rundblick", "stage": stage},
            customer_id=customer,
        ),
    )
