"""Answers EnquiryService calls: read the request, ask the domain, use the repository."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.feedback.v1 import enquiry_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import AlreadyExists
from chassis.mongo import is_duplicate
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry import messages, queries
from services.feedback.enquiry.changes import Changes
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Enquiry, Message
from services.feedback.enquiry.importing import Importing
from services.feedback.enquiry.merging import Merger
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.opening import Opening
from services.feedback.enquiry.rederiving import Rederiving
from services.feedback.enquiry.repository import MongoEnquiryRepository

Response = TypeVar("Response", bound=ProtoMessage)
# What one step makes of an enquiry, of its messages and of the employee whose step it is.
Step = Callable[[Enquiry, Sequence[Message], str | None], Enquiry]


class EnquiryServicer(enquiry_pb2_grpc.EnquiryServiceServicer):
    def __init__(
        self,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        opening: Opening,
        changes: Changes,
        merger: Merger,
        importing: Importing,
        rederiving: Rederiving,
        now: Callable[[], datetime],
    ) -> None:
        self._enquiries = enquiries
        self._aliases = aliases
        self._opening = opening
        self._rederiving = rederiving
        self._changes = changes
        self._merger = merger
        self._importing = importing
        self._now = now

    async def BatchGetEnquiries(
        self, request: pb.BatchGetEnquiriesRequest, context: Any
    ) -> pb.BatchGetEnquiriesResponse:
        found = await self._enquiries.of_ids(current_caller(), request.ids)
        return queries.batch(request.ids, found, self._now())

    async def ListEnquiries(self, request: pb.ListEnquiriesRequest, context: Any) -> pb.ListEnquiriesResponse:
        order = queries.order_of(request.order_by)
        page = queries.page_in(request.page, order)
        caller, named = current_caller(), request.filter.customer_ids
        present = await self._aliases.present(caller, named) if named else {}
        filter, waiting = queries.condition(request.filter, present, self._now())
        part = await self._enquiries.page(caller, page, order, filter, waiting=waiting)
        found = queries.enquiry_page(part, self._now())
        return pb.ListEnquiriesResponse(edges=found.edges, page_info=found.page_info)

    async def BatchListEnquiries(
        self, request: pb.BatchListEnquiriesRequest, context: Any
    ) -> pb.BatchListEnquiriesResponse:
        page = queries.page_in(request.page, queries.order_of(pb.ENQUIRY_ORDER_UNSPECIFIED))
        caller, now = current_caller(), self._now()
        present = await self._aliases.present(caller, [*request.customer_ids, *request.filter.customer_ids])
        filter, waiting = queries.condition(request.filter, present, self._now())
        customers = {id: present.get(id, id) for id in request.customer_ids}
        wanted = list(customers.values())
        found = await self._enquiries.pages_of_customers(caller, wanted, page, filter, waiting)
        pages = {id: queries.enquiry_page(found[customer], now) for id, customer in customers.items()}
        return pb.BatchListEnquiriesResponse(pages=pages)

    async def BatchListMessages(
        self, request: pb.BatchListMessagesRequest, context: Any
    ) -> pb.BatchListMessagesResponse:
        page = queries.message_page_in(request.page)
        found = await self._enquiries.pages_of_messages(current_caller(), request.enquiry_ids, page)
        return pb.BatchListMessagesResponse(pages={id: queries.message_page(part) for id, part in found.items()})

    async def OpenEnquiry(self, request: pb.OpenEnquiryRequest, context: Any) -> pb.OpenEnquiryResponse:
        try:
            return await self._opening.open(current_caller(), request)
        except Exception as error:
            if is_duplicate(error):
                taken = f"{request.source} has an enquiry {request.external_id} already"
                raise AlreadyExists(taken, ("external_id",)) from None
            raise

    async def AddMessage(self, request: pb.AddMessageRequest, context: Any) -> pb.AddMessageResponse:
        return await self._changes.add_message(current_caller(), request)

    async def AssignEnquiry(self, request: pb.AssignEnquiryRequest, context: Any) -> pb.AssignEnquiryResponse:
        return await self._changes.assign(current_caller(), request)

    async def UpdateEnquiry(self, request: pb.UpdateEnquiryRequest, context: Any) -> pb.UpdateEnquiryResponse:
        return await self._changes.update(current_caller(), request)

    async def ResolveEnquiry(self, request: pb.ResolveEnquiryRequest, context: Any) -> pb.ResolveEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.ResolveEnquiryResponse, lambda e, m, by: steps.resolved(e, m, at, by))

    async def ReopenEnquiry(self, request: pb.ReopenEnquiryRequest, context: Any) -> pb.ReopenEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.ReopenEnquiryResponse, lambda e, m, by: steps.reopened(e, m, at, by))

    async def CloseEnquiry(self, request: pb.CloseEnquiryRequest, context: Any) -> pb.CloseEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.CloseEnquiryResponse, lambda e, m, by: steps.closed(e, m, at, by))

    async def ExcludeEnquiry(self, request: pb.ExcludeEnquiryRequest, context: Any) -> pb.ExcludeEnquiryResponse:
        at = self._changes.at(request)
        reason = kind_from_proto(messages.REASON_FROM_PROTO, request.reason, "reason")
        return await self._change(
            request, pb.ExcludeEnquiryResponse, lambda e, m, by: steps.excluded(e, m, reason, at, by)
        )

    async def IncludeEnquiry(self, request: pb.IncludeEnquiryRequest, context: Any) -> pb.IncludeEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.IncludeEnquiryResponse, lambda e, m, by: steps.included(e, m, at, by))

    async def MergeEnquiries(self, request: pb.MergeEnquiriesRequest, context: Any) -> pb.MergeEnquiriesResponse:
        return await self._merger.merge(current_caller(), request)

    async def _change(self, request: Any, response: type[Response], step: Step) -> Response:
        caller = current_caller()

        def decide(enquiry: Enquiry, conversation: Sequence[Message]) -> Enquiry:
            return step(enquiry, conversation, caller.employee)

        def answer(enquiry: Enquiry) -> Response:
            return response(enquiry=messages.to_proto(enquiry, self._now()))

        return await self._changes.run(caller, request, response, decide, answer)

    async def RederiveWaits(self, request: pb.RederiveWaitsRequest, context: Any) -> pb.RederiveWaitsResponse:
        caller = current_caller()
        return await self._rederiving.run(caller, request)

    async def ImportEnquiries(
        self, request_iterator: AsyncIterator[pb.ImportEnquiriesRequest], context: Any
    ) -> AsyncIterator[pb.ImportEnquiriesResponse]:
        caller = current_caller()
        async for answer in self._importing.run(caller, request_iterator):
            yield answer
