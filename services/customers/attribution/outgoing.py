"""What metrics must learn of attribution: the share of each campaign in an enquiry is one event."""

from rundblick.metrics.v1 import event_pb2

from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.customers.attribution.domain import WHOLE, Credit
from services.customers.interaction.outgoing import EVENTS, METRICS

NAME = "enquiry.attributed"

# (as it was known until now, as it is).
Change = tuple[Credit | None, Credit]


def entries(changes: list[Change]) -> list[Entry]:
    """One for all of them: what is told of one enquiry adds up the same in any order."""
    events = [event for before, after in changes for event in told(before, after)]
    if not events:
        return []
    payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
    return [Entry(METRICS, new_id("out"), 1, EVENTS, payload)]


def told(before: Credit | None, after: Credit) -> list[event_pb2.Event]:
    """before: None, all that metrics should know of it, as if it had never been told."""
    campaigns = dict.fromkeys((*(before.shares if before is not None else ()), *after.shares))
    found = []
    for campaign in campaigns:
        known, now = _observation(before, campaign), _observation(after, campaign)
        if known != now:
            found.append(
                event_pb2.Event(
                    id=f"{after.enquiry}/{campaign}/{NAME}/{after.version}",
                    name=NAME,
                    subject_id=f"{after.enquiry}/{campaign}",
                    source=after.contact.source,
                    team_id=after.contact.team,
                    before=known,
                    after=now,
                )
            )
    return found


def _observation(credit: Credit | None, campaign: str) -> event_pb2.Observation | None:
    if credit is None or campaign not in credit.shares:
        return None
    contact = credit.contact
    pairs = (
        ("source", contact.source),
        ("touchpoint", contact.touchpoint),
        ("team", contact.team),
        ("campaign", campaign),
    )
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(contact.at),
        value=credit.shares[campaign] / WHOLE,
        dimensions={name: value for name, value in pairs if value},
        attributes={"rule": event_pb2.Attribute(text=credit.attribution.rule.value)},
    )
