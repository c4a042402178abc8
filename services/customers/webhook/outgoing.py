"""That something happened, said in the transaction in which it did, for endpoints that want to know."""

from collections.abc import Iterable
from datetime import datetime

from chassis.ids import new_id
from chassis.outbox import Entry
from services.customers.webhook.messages import happening_to_proto
from services.customers.webhook.notification import Event, Happening

HAPPENINGS = "happenings"


def happened(
    event: Event, subject: str, at: datetime, *, version: int | None = None, formers: Iterable[str] = ()
) -> Entry:
    """For the outbox. Each for itself: endpoints are promised no order."""
    id = new_id("out")
    said = Happening(id, event, subject, at, version=version, formers=tuple(formers))
    return Entry(HAPPENINGS, id, 1, HAPPENINGS, happening_to_proto(said).SerializeToString(), id=id)
