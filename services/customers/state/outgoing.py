"""What metrics must learn of states: from then on a customer is at a stage."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.state.domain import CHANGE_PREFIX, Dimension, StateChange

_NAME = "customer.stage_changed"


def entries(changes: Sequence[StateChange], restated: Mapping[str, str], now: datetime) -> list[Entry]:
    """One for all of them. restated: customer -> stage, of those with whom others were merged.

    Facts of a stage belong to the golden id: metrics joins the history of merged customers, and takes it apart again by
    itself. The last word of another customer must not be the last of them all.
    """
    stages = [one for one in changes if one.dimension is Dimension.LIFECYCLE_STAGE]
    told = [_event(one.id, one.customer, one.after.value, one.after.since) for one in stages]
    customers = {one.customer for one in stages}
    told += [
        _event(new_id(CHANGE_PREFIX), customer, stage, now)
        for customer, stage in restated.items()
        if customer not in customers
    ]
    return _entry(told)


def _entry(events: Iterable[event_pb2.Event]) -> list[Entry]:
    events = list(events)
    if not events:
        return []
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return [Entry(METRICS, new_id("out"), 1, EVENTS, payload)]


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
