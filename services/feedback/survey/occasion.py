"""Occasions to ask customers something, said in the transaction in which they happen."""

from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.domain.facts import Enquiry, Status

SURVEYS = "surveys"
_OCCASION = "occasion"


def resolved(before: Enquiry | None, after: Enquiry) -> list[Entry]:
    """Empty where the enquiry was not resolved by this change, or nobody is known who could be asked."""
    if before is None or after.customer is None or after.derived.excluded is not None:
        return []
    if before.derived.status is Status.RESOLVED or after.derived.status is not Status.RESOLVED:
        return []
    said = pb.Occurrence(
        occasion=pb.SURVEY_OCCASION_RESOLVED,
        enquiry_id=after.id,
        customer_id=after.customer,
        touchpoint_id=after.touchpoint,
        channel=after.channel,
        team_id=after.team,
        at=to_timestamp(after.derived.resolved_at),
    )
    return [Entry(SURVEYS, after.id, after.version, _OCCASION, said.SerializeToString())]
