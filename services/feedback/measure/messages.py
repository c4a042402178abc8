"""Measures as messages, and back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from rundblick.feedback.v1 import measure_pb2 as pb
from rundblick.shared.v1 import money_pb2

from chassis.errors import InvalidInput
from chassis.money import Money, read_money
from chassis.page import Slice, encode_cursor, page_info
from chassis.times import to_timestamp
from services.feedback.measure.domain import Asking, Kind, Measure, Refusal, Status, Text, Told, checked

KIND_TO_PROTO: Mapping[Kind, Any] = {kind: pb.MeasureKind.Value(f"MEASURE_KIND_{kind.value}") for kind in Kind}
KIND_FROM_PROTO: Mapping[int, Kind] = {number: kind for kind, number in KIND_TO_PROTO.items()}
STATUS_TO_PROTO: Mapping[Status, Any] = {one: pb.MeasureStatus.Value(f"MEASURE_STATUS_{one.value}") for one in Status}
STATUS_FROM_PROTO: Mapping[int, Status] = {number: status for status, number in STATUS_TO_PROTO.items()}
REFUSAL_TO_PROTO: Mapping[Refusal, Any] = {
    one: pb.InformRefusal.Value(f"INFORM_REFUSAL_{one.value}") for one in Refusal
}


def kind_from_proto(number: int, *path: str) -> Kind:
    """InvalidInput: it is not said, or not known."""
    if number not in KIND_FROM_PROTO:
        raise InvalidInput(f"a kind is one of {', '.join(kind.value for kind in Kind)}", path or ("kind",))
    return KIND_FROM_PROTO[number]


def status_from_proto(number: int, *path: str) -> Status:
    """InvalidInput: it is not said, or not known."""
    if number not in STATUS_FROM_PROTO:
        raise InvalidInput(f"a status is one of {', '.join(one.value for one in Status)}", path or ("status",))
    return STATUS_FROM_PROTO[number]


def _day(text: str, *path: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("a date reads like 2026-03-31", path) from None


def _budget(fields: pb.MeasureFields) -> Money | None:
    return read_money(fields.budget.amount, fields.budget.currency, ("budget",)) if fields.HasField("budget") else None


# Field of the message -> (field of the domain, how it is read).
_FIELDS: Mapping[str, tuple[str, Callable[[pb.MeasureFields], Any]]] = {
    "title": ("title", lambda fields: fields.title),
    "description": ("description", lambda fields: fields.description or None),
    "kind": ("kind", lambda fields: kind_from_proto(fields.kind)),
    "owner_id": ("owner", lambda fields: fields.owner_id or None),
    "budget": ("budget", _budget),
    "due_on": ("due_on", lambda fields: _day(fields.due_on, "due_on") if fields.due_on else None),
    "aims_at": ("aims_at", lambda fields: fields.aims_at or None),
    "offer_id": ("offer", lambda fields: fields.offer_id or None),
    "campaign_id": ("campaign", lambda fields: fields.campaign_id or None),
}


def said_in(fields: pb.MeasureFields) -> dict[str, Any]:
    """All of a new one, as fields of the domain."""
    return {name: get(fields) for name, get in _FIELDS.values()}


def changed_from_proto(measure: Measure, fields: pb.MeasureFields, paths: Iterable[str]) -> Measure:
    """With the fields that paths name. InvalidInput: there is no such field."""
    unknown = sorted(set(paths) - set(_FIELDS))
    if unknown:
        raise InvalidInput(f"a measure has no {unknown[0][:40]}", ("paths",))
    return replace(measure, **{_FIELDS[path][0]: _FIELDS[path][1](fields) for path in paths})


def to_proto(measure: Measure) -> pb.Measure:
    budget = measure.budget
    return pb.Measure(
        id=measure.id,
        fields=pb.MeasureFields(
            title=measure.title,
            description=measure.description,
            kind=KIND_TO_PROTO[measure.kind],
            owner_id=measure.owner,
            budget=money_pb2.Money(amount=f"{budget.amount:f}", currency=budget.currency) if budget else None,
            due_on=measure.due_on.isoformat() if measure.due_on else None,
            aims_at=measure.aims_at,
            offer_id=measure.offer,
            campaign_id=measure.campaign,
        ),
        status=STATUS_TO_PROTO[measure.status],
        history=[
            pb.MeasureStep(status=STATUS_TO_PROTO[step.status], at=to_timestamp(step.at), employee_id=step.by)
            for step in measure.history
        ],
        introduced_at=to_timestamp(measure.introduced_at),
        topic_keys=measure.topics,
        team_id=measure.team,
        created_at=to_timestamp(measure.created_at),
        version=measure.version,
    )


def condition_from_proto(filter: pb.MeasureFilter) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    if filter.statuses:
        statuses = [status_from_proto(number, "filter", "statuses").value for number in filter.statuses]
        condition["status"] = {"$in": statuses}
    if filter.kinds:
        condition["kind"] = {"$in": [kind_from_proto(number, "filter", "kinds").value for number in filter.kinds]}
    if filter.HasField("owner_id"):
        condition["owner"] = filter.owner_id
    if filter.HasField("team_id"):
        condition["team"] = filter.team_id
    if filter.HasField("due_before"):
        condition["due"] = {"$lt": _day(filter.due_before, "filter", "due_before").isoformat()}
    if filter.topic_keys:
        condition["topics"] = {"$in": list(filter.topic_keys)}
    return condition


def page_to_proto(part: Slice[Measure]) -> pb.ListMeasuresResponse:
    edges = [
        pb.MeasureEdge(cursor=encode_cursor(boundary), node=to_proto(one))
        for one, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.ListMeasuresResponse(edges=edges, page_info=page_info(part))


def links_to_proto(part: Slice[str]) -> pb.LinkedFeedbackPage:
    edges = [
        pb.LinkedFeedbackEdge(cursor=encode_cursor(boundary), feedback_id=id)
        for id, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.LinkedFeedbackPage(edges=edges, page_info=page_info(part))


def told_page_to_proto(part: Slice[Told]) -> pb.InformedPage:
    edges = [
        pb.InformedEdge(cursor=encode_cursor(boundary), node=told_to_proto(one))
        for one, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.InformedPage(edges=edges, page_info=page_info(part))


def asking_to_proto(asking: Asking, refusal: Refusal | None) -> pb.CustomerToInform:
    said = REFUSAL_TO_PROTO[refusal] if refusal is not None else pb.INFORM_REFUSAL_UNSPECIFIED
    return pb.CustomerToInform(customer_id=asking.customer, feedback_ids=asking.feedback, refusal=said)


def told_to_proto(told: Told) -> pb.Informed:
    return pb.Informed(
        customer_id=told.customer,
        at=to_timestamp(told.at),
        language=told.language,
        delivery_id=told.delivery,
    )


def texts_from_proto(texts: Iterable[pb.InformText]) -> tuple[Text, ...]:
    """InvalidInput: one that cannot be sent, or none."""
    read = []
    for place, one in enumerate(texts):
        try:
            read.append(Text(one.language, one.subject.strip(), one.text))
        except InvalidInput as error:
            raise InvalidInput(error.message, ("texts", str(place), *error.path)) from None
    return tuple(checked(read))
