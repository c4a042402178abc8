"""What callers may ask for, as conditions and pages; and what they may change without a rule of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.errors import InvalidInput
from chassis.page import Page, Slice, encode_cursor, page_info, page_of
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Enquiry, Message
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.repository import NEWEST, OLDEST, WAITING_LONGEST, Order

_ORDERS: Mapping[int, Order] = {
    pb.ENQUIRY_ORDER_UNSPECIFIED: NEWEST,
    pb.ENQUIRY_ORDER_OPENED_AT_DESC: NEWEST,
    pb.ENQUIRY_ORDER_OPENED_AT_ASC: OLDEST,
    pb.ENQUIRY_ORDER_WAITING_LONGEST: WAITING_LONGEST,
}


def order_of(order: int) -> Order:
    if order not in _ORDERS:
        raise InvalidInput("this order is not known", ("order_by",))
    return _ORDERS[order]


def page_in(request: page_pb2.PageRequest, order: Order) -> Page:
    return page_of(request, [datetime, str])


def message_page_in(request: page_pb2.PageRequest) -> Page:
    return page_of(request, [datetime, str])


def condition(filter: pb.EnquiryFilter) -> tuple[dict[str, Any], bool | None]:
    """The condition on the stored fields, and whether a customer must be waiting."""
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
    return wanted, filter.waiting if filter.HasField("waiting") else None


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
    enquiry: Enquiry, conversation: Sequence[Message], request: pb.UpdateEnquiryRequest, at: datetime
) -> Enquiry:
    """The enquiry with what was said of it; the same one when that is nothing new."""
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
    changed = replace(enquiry, **news)
    if request.HasField("status"):
        status = kind_from_proto(messages.STATUS_FROM_PROTO, request.status, "status")
        if status is not enquiry.derived.status:
            return steps.set_status(changed, conversation, status, at)
    return enquiry if changed == enquiry else steps.again(changed, conversation)
