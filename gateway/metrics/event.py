"""Events in the graph: what there are, a company's own among them, and how they come in."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import event_pb2 as pb
from strawberry.scalars import JSON

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from gateway.errors import bad_input
from gateway.metrics.client import metrics_of
from gateway.shared import Info, UserError, UserErrorCode, enum_of, input_path, mutate

MOST_EVENTS = 5_000


@strawberry.enum
class AttributeKind(Enum):
    STRING = "STRING"
    NUMBER = "NUMBER"
    FLAG = "FLAG"


@strawberry.enum(description="COMPLETE: has a value, a wait was answered. OPEN: still waiting.")
class ObservationState(Enum):
    COMPLETE = "COMPLETE"
    OPEN = "OPEN"
    CLOSED_UNANSWERED = "CLOSED_UNANSWERED"
    EXCLUDED = "EXCLUDED"


@strawberry.type
class EventAttribute:
    name: str
    kind: AttributeKind


@strawberry.type(description="What events of one name say, and so what expressions of KPIs may ask for.")
class EventType:
    name: str
    description: str
    dimensions: list[str] = strawberry.field(description="Beside those that every event has.")
    attributes: list[EventAttribute]
    unit: str | None = strawberry.field(description="Of the value; null: it has none.")
    waits: bool
    built_in: bool


@strawberry.input
class EventAttributeInput:
    name: str
    kind: AttributeKind


@strawberry.input
class DefineEventTypeInput:
    name: str
    description: str
    dimensions: list[str] | None = None
    attributes: list[EventAttributeInput] | None = None
    unit: str | None = None
    waits: bool = False
    idempotency_key: str | None = None


@strawberry.type
class DefineEventTypePayload:
    user_errors: list[UserError]
    event_type: EventType | None = None


@strawberry.input
class DimensionValueInput:
    dimension: str
    value: str


@strawberry.input
class ObservationInput:
    started_at: datetime
    ended_at: datetime | None = None
    state: ObservationState | None = strawberry.field(default=None, description="COMPLETE, when left out")
    value: float | None = None
    dimensions: list[DimensionValueInput] | None = None
    attributes: JSON | None = strawberry.field(default=None, description="An object: texts, numbers, truths.")
    customer: strawberry.ID | None = None
    exclusion_reason: str | None = None


@strawberry.input(description="What holds from now on of one subject, and what held before and is taken back.")
class EventInput:
    id: str = strawberry.field(description="Unique for ever: the same id again is the same event.")
    name: str
    subject: str | None = strawberry.field(default=None, description="What is observed; the event itself without.")
    source: str = "rundblick"
    before: ObservationInput | None = None
    after: ObservationInput | None = None


@strawberry.input
class RecordEventsInput:
    events: list[EventInput]
    idempotency_key: str | None = strawberry.field(default=None, description="Not needed: the ids are.")


@strawberry.type
class RecordEventsPayload:
    user_errors: list[UserError]
    accepted: int = 0
    known: int = strawberry.field(default=0, description="Came in before: taken as done.")


def _type(message: pb.EventType) -> EventType:
    return EventType(
        name=message.name,
        description=message.description,
        dimensions=list(message.dimensions),
        attributes=[
            EventAttribute(name=name, kind=enum_of(AttributeKind, pb.AttributeKind, kind, "ATTRIBUTE_KIND_"))
            for name, kind in sorted(message.attributes.items())
        ],
        unit=message.unit or None,
        waits=message.waits,
        built_in=message.built_in,
    )


def _attributes(given: object, path: tuple[str, ...]) -> dict[str, pb.Attribute]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidInput("attributes are an object", path)
    found = {}
    for name, value in given.items():
        if isinstance(value, bool):
            found[name] = pb.Attribute(flag=value)
        elif isinstance(value, int | float):
            found[name] = pb.Attribute(number=float(value))
        elif isinstance(value, str):
            found[name] = pb.Attribute(text=value)
        elif value is not None:
            raise InvalidInput("an attribute is a text, a number or a truth", (*path, name))
    return found


def _observation(given: ObservationInput | None, path: tuple[str, ...]) -> pb.Observation | None:
    if given is None:
        return None
    return pb.Observation(
        state=pb.ObservationState.Value(f"OBSERVATION_STATE_{(given.state or ObservationState.COMPLETE).value}"),
        started_at=to_timestamp(given.started_at),
        ended_at=to_timestamp(given.ended_at),
        value=given.value,
        dimensions={one.dimension: one.value for one in given.dimensions or ()},
        attributes=_attributes(given.attributes, (*path, "attributes")),
        customer_id=given.customer,
        exclusion_reason=given.exclusion_reason,
    )


def _event(given: EventInput, place: int) -> pb.Event:
    path = ("events", str(place))
    return pb.Event(
        id=given.id,
        name=given.name,
        subject_id=given.subject or given.id,
        source=given.source,
        before=_observation(given.before, (*path, "before")),
        after=_observation(given.after, (*path, "after")),
    )


@strawberry.type
class EventQuery:
    @strawberry.field(description="By name.")
    async def event_types(self, info: Info) -> list[EventType] | None:
        client = metrics_of(info)
        answer: pb.ListEventTypesResponse = await client.call(
            client.stubs.events.ListEventTypes, pb.ListEventTypesRequest()
        )
        return [_type(one) for one in answer.types]


@strawberry.type
class EventMutation:
    @strawberry.mutation(description="Declares events of the company's own, or adds to what they say.")
    async def define_event_type(self, info: Info, input: DefineEventTypeInput) -> DefineEventTypePayload | None:
        client = metrics_of(info)
        kinds = {one.name: pb.AttributeKind.Value(f"ATTRIBUTE_KIND_{one.kind.value}") for one in input.attributes or ()}
        said = pb.EventType(
            name=input.name,
            description=input.description,
            dimensions=input.dimensions,
            attributes=kinds,
            unit=input.unit or "",
            waits=input.waits,
        )
        request = pb.DefineEventTypeRequest(idempotency_key=input.idempotency_key, type=said)

        async def work() -> dict[str, Any]:
            answer: pb.DefineEventTypeResponse = await client.call(client.stubs.events.DefineEventType, request)
            return {"event_type": _type(answer.type)}

        return await mutate(DefineEventTypePayload, work())

    @strawberry.mutation(description="Those that are wrong are named and left out, the others are taken.")
    async def record_events(self, info: Info, input: RecordEventsInput) -> RecordEventsPayload | None:
        if len(input.events) > MOST_EVENTS:
            raise bad_input(f"at most {MOST_EVENTS} events", "input")
        client = metrics_of(info)
        errors: list[UserError] = []
        places: dict[str, int] = {}
        request = pb.IngestEventsRequest()
        for place, given in enumerate(input.events):
            try:
                event = _event(given, place)
            except InvalidInput as error:
                errors.append(_error("INVALID", error.message, error.path))
                continue
            places.setdefault(given.id, place)
            request.events.append(event)
        answer: pb.IngestEventsResponse = await client.call(client.stubs.events.IngestEvents, request)
        for one in answer.rejected:
            path = ("events", str(places.get(one.id, 0)), *one.error.path)
            errors.append(_error(one.error.code, one.error.message, path))
        return RecordEventsPayload(user_errors=errors, accepted=answer.accepted, known=answer.known)


def _error(code: str, message: str, path: tuple[str, ...]) -> UserError:
    known = {kind.value for kind in UserErrorCode}
    kind = UserErrorCode(code) if code in known else UserErrorCode.INVALID
    return UserError(code=kind, message=message, path=input_path(path))
