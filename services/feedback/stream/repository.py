"""Where domain events of enquiries and feedback are kept, for some days, by their place in the one order."""

from collections.abc import Mapping
from typing import Any

from chassis.events import EventLog
from chassis.mongo import Database, Document
from services.feedback.stream.domain import DomainEvent, Wanted


class MongoEventRepository(EventLog[DomainEvent, Wanted]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ("team",))

    def condition(self, wanted: Wanted) -> Document:
        condition: dict[str, Any] = {"kind": wanted.kind}
        if wanted.team is not None:
            condition["team"] = wanted.team
        if wanted.labels:
            condition["label"] = {"$in": sorted(wanted.labels)}
        return condition

    def to_document(self, event: DomainEvent) -> Document:
        return {
            "kind": event.kind,
            "aggregate": event.aggregate,
            "sources": [event.source],
            "team": event.team,
            "label": event.label,
        }

    def from_document(self, document: Mapping[str, Any]) -> DomainEvent:
        (source,) = document["sources"]
        return DomainEvent(document["kind"], document["aggregate"], source, document["team"], document["label"])
