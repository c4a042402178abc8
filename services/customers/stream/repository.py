"""Where domain events of customers are kept, for some days, by their place in the one order."""

from collections.abc import Mapping
from typing import Any

from chassis.events import EventLog
from chassis.mongo import Database, Document
from services.customers.stream.domain import DomainEvent, DomainEventKind, Wanted


class MongoEventRepository(EventLog[DomainEvent, Wanted]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ("customer", "touchpoint"))

    def condition(self, wanted: Wanted) -> Document:
        condition: dict[str, Any] = {"kind": wanted.kind.value}
        if wanted.asked is not None:
            condition["customer"] = {"$in": sorted(wanted.customers)}
        if wanted.touchpoint is not None:
            condition["touchpoint"] = wanted.touchpoint
        return condition

    def to_document(self, event: DomainEvent) -> Document:
        return {
            "kind": event.kind.value,
            "customer": event.customer,
            "interaction": event.interaction,
            "touchpoint": event.touchpoint,
            "employee": event.employee,
            "sources": sorted(event.sources),
        }

    def from_document(self, document: Mapping[str, Any]) -> DomainEvent:
        return DomainEvent(
            kind=DomainEventKind(document["kind"]),
            customer=document["customer"],
            interaction=document["interaction"],
            touchpoint=document["touchpoint"],
            employee=document["employee"],
            sources=frozenset(document["sources"]),
        )
