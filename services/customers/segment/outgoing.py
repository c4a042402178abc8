"""What metrics must learn of segments: from then on a customer belongs to one, or no longer."""

from collections.abc import Mapping
from itertools import starmap

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.segment.domain import Change

_NAME = "customer.segment_changed"


def entries(changes: Mapping[str, Change]) -> list[Entry]:
    """By their ids; one for all of them."""
    if not changes:
        return []
    payload = event_pb2.IngestEventsRequest(events=starmap(event, changes.items())).SerializeToString()
    return [Entry(METRICS, new_id("out"), 1, EVENTS, payload)]


def event(id: str, change: Change) -> event_pb2.Event:
    return event_pb2.Event(
        id=f"{id}/{_NAME}",
        name=_NAME,
        subject_id=id,
        source="rundblick",
        after=event_pb2.Observation(
            state=event_pb2.OBSERVATION_STATE_COMPLETE,
            started_at=to_timestamp(change.at),
            # By its id, as touchpoints and campaigns: a key may be given another name.
            dimensions={"source": "rundblick", "segment": change.segment},
            attributes={"member": event_pb2.Attribute(flag=change.member)},
            customer_id=change.customer,
        ),
    )
