"""What metrics must learn of opportunities: that one was opened, what is expected of it, and how it ended."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

from rundblick.metrics.v1 import event_pb2

from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.opportunity.domain import Opportunity

_DAY = 86_400.0
# Of what is open and nobody said when it may close: it belongs to no period.
_NO_CLOSING_DAY = "NO_CLOSING_DAY"


def entry(before: Opportunity | None, after: Opportunity, currency: str) -> Entry | None:
    """What differs for metrics; None: nothing. currency: the one in which figures are added up."""
    events = told(before, after, currency)
    if not events:
        return None
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return Entry(METRICS, after.id, after.told, EVENTS, payload)


def told(before: Opportunity | None, after: Opportunity, currency: str) -> list[event_pb2.Event]:
    """before: None, all that metrics should know of it, as if it had never been told."""
    events = []
    for name, observed in _OBSERVED.items():
        known = observed(before, currency) if before is not None else None
        now = observed(after, currency)
        if known != now:
            events.append(
                event_pb2.Event(
                    id=f"{after.id}/{name}/{after.told}",
                    name=name,
                    subject_id=after.id,
                    source=after.source,
                    team_id=after.team,
                    owner_id=after.owner,
                    before=known,
                    after=now,
                )
            )
    return events


def _amount(opportunity: Opportunity, currency: str) -> float | None:
    """None: not said, or not to be added to the rest without an exchange rate; then it is shown as left out."""
    amount = opportunity.amount
    return float(amount.amount) if amount is not None and amount.currency == currency else None


def _observation(opportunity: Opportunity, at: datetime, value: float | None) -> event_pb2.Observation:
    pairs = (
        ("source", opportunity.source),
        ("team", opportunity.team),
        ("employee", opportunity.owner),
        ("campaign", opportunity.campaign),
    )
    attributes = {"offer": opportunity.offer, "currency": opportunity.amount.currency if opportunity.amount else None}
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(at),
        value=value,
        dimensions={name: text for name, text in pairs if text},
        attributes={name: event_pb2.Attribute(text=text) for name, text in attributes.items() if text},
        customer_id=opportunity.customer,
        source_record_id=opportunity.source_record,
    )


def _opened(opportunity: Opportunity, currency: str) -> event_pb2.Observation:
    return _observation(opportunity, opportunity.opened_at, _amount(opportunity, currency))


def _expected(opportunity: Opportunity, currency: str) -> event_pb2.Observation | None:
    """What is open, weighted, on the day by which it is expected to close."""
    if opportunity.closed:
        return None
    amount, closes_on = _amount(opportunity, currency), opportunity.closes_on
    # At noon, so that it is the same day in the zone that figures are kept in.
    at = opportunity.opened_at if closes_on is None else datetime.combine(closes_on, time(12), UTC)
    found = _observation(opportunity, at, None if amount is None else amount * opportunity.probability)
    found.dimensions["opportunity_stage"] = opportunity.stage.value
    found.attributes["probability"].number = opportunity.probability
    if amount is not None:
        found.attributes["amount"].number = amount
    if closes_on is None:
        found.state = event_pb2.OBSERVATION_STATE_EXCLUDED
        found.exclusion_reason = _NO_CLOSING_DAY
        found.ClearField("value")
    return found


def _closed(opportunity: Opportunity, currency: str) -> event_pb2.Observation | None:
    at = opportunity.closed_at
    if at is None:
        return None
    found = _observation(opportunity, at, _amount(opportunity, currency))
    found.attributes["won"].flag = opportunity.won
    found.attributes["days_open"].number = (at - opportunity.opened_at).total_seconds() / _DAY
    if opportunity.won:
        found.attributes["repeat"].flag = opportunity.repeat
    return found


_OBSERVED: Mapping[str, Callable[[Opportunity, str], event_pb2.Observation | None]] = {
    "opportunity.opened": _opened,
    "opportunity.expected": _expected,
    "opportunity.closed": _closed,
}
NAMES = frozenset(_OBSERVED)
