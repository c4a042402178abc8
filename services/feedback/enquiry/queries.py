"""What callers may ask for, as conditions and pages; and what they may change without a rule of its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.errors import InvalidInput
from chassis.page import Page, Slice, encode_cursor, page_info, page_of
from chassis.times import from_timestamp
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Enquiry, Message, OfAnother
from services.feedback.enquiry.domain.words import words_of
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.references import Person
from services.feedback.enquiry.repository import DUE, NEWEST, OLDEST, WAITING_LONGEST, Order

_ORDERS: Mapping[int, Order] = {
    pb.ENQUIRY_ORDER_UNSPECIFIED: NEWEST,
    pb.ENQUIRY_ORDER_OPENED_AT_DESC: NEWEST,
    pb.ENQUIRY_ORDER_OPENED_AT_ASC: OLDEST,
    pb.ENQUIRY_ORDER_WAITING_LONGEST: WAITING_LONGEST,
    pb.ENQUIRY_ORDER_DUE: DUE,
}


def order_of(order: int) -> Order:
    if order not in _ORDERS:
        raise InvalidInput("this order is not known", ("order_by",))
    return _ORDERS[order]


def page_in(request: page_pb2.PageRequest, order: Order) -> Page:
    return page_of(request, [datetime, str])


def message_page_in(request: page_pb2.PageRequest) -> Page:
    return page_of(request, [datetime, str])


def condition(
    filter: pb.EnquiryFilter, present: Mapping[str, str], now: datetime
) -> tuple[dict[str, Any], bool | None]:
    """The condition on the stored fields, and whether a customer must be waiting. present: old golden id -> today's."""
    wanted: dict[str, Any] = {}
    if filter.statuses:
        statuses = [kind_from_proto(messages.STATUS_FROM_PROTO, n, "filter", "statuses") for n in filter.statuses]
        wanted["status"] = {"$in": [status.value for status in statuses]}
    if filter.touchpoint_ids:
        wanted["touchpoint"] = {"$in": list(filter.touchpoint_ids)}
    if filter.HasField("team_id"):
        wanted["team"] = filter.team_id
    if filter.HasField("assignee_id"):
        wanted["owner"] = filter.assignee_id
    if filter.customer_ids:
        wanted["customer"] = {"$in": [present.get(id, id) for id in filter.customer_ids]}
    for field, values in (("category", filter.categories), ("service", filter.services), ("source", filter.sources)):
        if values:
            wanted[field] = {"$in": list(values)}
    if filter.priorities:
        priorities = [
            kind_from_proto(messages.PRIORITY_FROM_PROTO, n, "filter", "priorities") for n in filter.priorities
        ]
        wanted["priority"] = {"$in": [priority.value for priority in priorities]}
    opened = _period(filter)
    if opened:
        wanted["opened_at"] = opened
    if filter.HasField("search"):
        words = words_of(filter.search)
        if not words:
            raise InvalidInput("there is no word to look for", ("filter", "search"))
        wanted["words"] = {"$all": words}
    promises = list(_of_promises(filter, now))
    if promises:
        wanted["$and"] = promises
    return wanted, filter.waiting if filter.HasField("waiting") else None


def _of_promises(filter: pb.EnquiryFilter, now: datetime) -> Iterator[dict[str, Any]]:
    missed = {"levels": {"$elemMatch": {"open": True, "late_after": {"$lt": now}}}}
    at_risk = {"levels": {"$elemMatch": {"open": True, "risk_at": {"$lte": now}}}, "$nor": [missed]}
    if filter.HasField("missed"):
        yield missed if filter.missed else {"$nor": [missed]}
    if filter.HasField("at_risk"):
        yield at_risk if filter.at_risk else {"$nor": [at_risk]}


def _period(filter: pb.EnquiryFilter) -> dict[str, datetime]:
    opened = {}
    if filter.HasField("opened_from"):
        opened["$gte"] = from_timestamp(filter.opened_from, ("filter", "opened_from"))
    if filter.HasField("opened_until"):
        opened["$lt"] = from_timestamp(filter.opened_until, ("filter", "opened_until"))
    return opened


def batch(asked: Iterable[str], found: Mapping[str, Enquiry], now: datetime) -> pb.BatchGetEnquiriesResponse:
    return pb.BatchGetEnquiriesResponse(
        answers={
            id: pb.EnquiryAnswer(value=messages.to_proto(found[id], now))
            if id in found
            else pb.EnquiryAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no {id}"))
            for id in asked
        }
    )


def enquiry_page(part: Slice[Enquiry], now: datetime) -> pb.EnquiryPage:
    return pb.EnquiryPage(
        edges=[
            pb.EnquiryEdge(cursor=encode_cursor(boundary), node=messages.to_proto(enquiry, now))
            for enquiry, boundary in zip(part.items, part.boundaries, strict=True)
        ],
        page_info=page_info(part),
    )


def message_page(part: Slice[Message]) -> pb.MessagePage:
    return pb.MessagePage(
        edges=[
            pb.MessageEdge(cursor=encode_cursor(boundary), node=messages.message_to_proto(message))
            for message, boundary in zip(part.items, part.boundaries, strict=True)
        ],
        page_info=page_info(part),
    )


def updated(
    enquiry: Enquiry,
    conversation: Sequence[Message],
    request: pb.UpdateEnquiryRequest,
    person: Person | None,
    at: datetime,
    by: str | None,
) -> Enquiry:
    """The enquiry with what was said of it; the same one when that is nothing new. person: whose it is."""
    steps.require_unmerged(enquiry)
    steps.require_version(enquiry, request.version if request.HasField("version") else None)
    news: dict[str, Any] = {}
    if request.HasField("subject"):
        news["subject"] = request.subject
    if request.HasField("category"):
        news["category"] = request.category or None
    if request.HasField("service"):
        news["service"] = request.service or None
    if request.HasField("priority"):
        news["priority"] = kind_from_proto(messages.PRIORITY_FROM_PROTO, request.priority, "priority")
    if person is not None and person.customer != enquiry.customer:
        if enquiry.customer is not None:
            raise OfAnother(enquiry.id)
        news |= {"customer": person.customer, "source_record": person.source_record}
    changed = replace(enquiry, **news)
    if request.HasField("status"):
        status = kind_from_proto(messages.STATUS_FROM_PROTO, request.status, "status")
        if status is not enquiry.derived.status:
            return steps.set_status(changed, conversation, status, at, by)
    return enquiry if changed == enquiry else steps.again(changed, conversation)
