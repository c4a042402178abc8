"""What metrics must learn of spend: each entry is one event, a correction takes back what was told before."""

from collections.abc import Mapping
from datetime import UTC, datetime, time

from rundblick.metrics.v1 import event_pb2

from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.spend.domain import Spend
from services.customers.touchpoint.domain import Touchpoint

NAME = "spend.recorded"
# Of money that cannot be added to the rest without an exchange rate.
_OTHER_CURRENCY = "OTHER_CURRENCY"


def entry(before: Spend | None, after: Spend, touchpoints: Mapping[str, Touchpoint], currency: str) -> Entry:
    """currency: the one in which figures are added up; other money is shown as left out."""
    payload = event_pb2.IngestEventsRequest(events=[event(before, after, touchpoints, currency)]).SerializeToString()
    return Entry(METRICS, after.id, after.version, EVENTS, payload)


def event(before: Spend | None, after: Spend, touchpoints: Mapping[str, Touchpoint], currency: str) -> event_pb2.Event:
    """before: None, all that metrics should know of it, as if it had never been told."""
    return event_pb2.Event(
        id=f"{after.id}/{NAME}/{after.version}",
        name=NAME,
        subject_id=after.id,
        source=after.source,
        team_id=after.team,
        owner_id=after.owner,
        before=_observation(before, touchpoints, currency) if before is not None else None,
        after=_observation(after, touchpoints, currency),
    )


def _observation(spend: Spend, touchpoints: Mapping[str, Touchpoint], currency: str) -> event_pb2.Observation:
    touchpoint = touchpoints.get(spend.touchpoint or "")
    pairs = (
        ("source", spend.source),
        ("touchpoint", spend.touchpoint),
        ("channel", touchpoint.channel.value if touchpoint else None),
        ("team", spend.team),
        ("campaign", spend.campaign),
    )
    counted = spend.amount.currency == currency
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE if counted else event_pb2.OBSERVATION_STATE_EXCLUDED,
        exclusion_reason=None if counted else _OTHER_CURRENCY,
        # At noon, so that it is the same day in the zone that figures are kept in.
        started_at=to_timestamp(datetime.combine(spend.day, time(12), UTC)),
        value=float(spend.amount.amount) if counted else None,
        dimensions={name: value for name, value in pairs if value},
        attributes={"currency": event_pb2.Attribute(text=spend.amount.currency)},
    )
