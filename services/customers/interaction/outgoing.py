"""What metrics must learn of interactions: each is one event, corrections take back what was told before."""

from collections.abc import Mapping, Sequence

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.domain import Interaction
from services.customers.touchpoint.domain import Touchpoint

METRICS = "metrics"
EVENTS = "events"
NAME = "interaction.recorded"

# (as it was known until now, as it is): the first is None for what is new.
Change = tuple[Interaction | None, Interaction]


def entries(changes: Sequence[Change], touchpoints: Mapping[str, Touchpoint]) -> list[Entry]:
    """One for all of them: what is told of one interaction adds up the same in any order."""
    events = [event for change in changes if (event := _event(*change, touchpoints)) is not None]
    if not events:
        return []
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return [Entry(METRICS, new_id("out"), 1, EVENTS, payload)]


def whole(interaction: Interaction, touchpoints: Mapping[str, Touchpoint]) -> event_pb2.Event:
    """All that metrics should know of it today, as if it had never been told."""
    return _told(interaction, interaction.version, None, _observation(interaction, touchpoints))


def _event(
    before: Interaction | None, after: Interaction, touchpoints: Mapping[str, Touchpoint]
) -> event_pb2.Event | None:
    known = _observation(before, touchpoints) if before is not None else None
    now = _observation(after, touchpoints)
    if known == now:
        return None
    # It becomes known once whose it is, and that need not be a new version.
    linked = "/linked" if before is not None and before.version == after.version else ""
    return _told(after, f"{after.version}{linked}", known, now)


def _told(
    interaction: Interaction, version: object, before: event_pb2.Observation | None, after: event_pb2.Observation
) -> event_pb2.Event:
    return event_pb2.Event(
        id=f"{interaction.id}/{NAME}/{version}",
        name=NAME,
        subject_id=interaction.id,
        source=interaction.source,
        team_id=interaction.team,
        owner_id=interaction.employee,
        before=before,
        after=after,
    )


def _observation(interaction: Interaction, touchpoints: Mapping[str, Touchpoint]) -> event_pb2.Observation:
    touchpoint = touchpoints.get(interaction.touchpoint or "")
    pairs = (
        ("source", interaction.source),
        ("touchpoint", interaction.touchpoint),
        ("channel", touchpoint.channel.value if touchpoint else None),
        ("team", interaction.team),
        ("employee", interaction.employee),
        ("campaign", interaction.campaign),
    )
    said = {"direction": interaction.direction.value, "kind": interaction.kind.value}
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(interaction.occurred_at),
        dimensions={name: value for name, value in pairs if value},
        attributes={name: event_pb2.Attribute(text=value) for name, value in said.items()},
        customer_id=interaction.customer,
        source_record_id=interaction.source_record,
    )
