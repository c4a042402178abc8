"""Answers EnquiryService calls: read the request, ask the domain, use the repository."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.feedback.v1 import enquiry_pb2_grpc

from chassis.batches import size_of
from chassis.caller import current_caller
from chassis.errors import AlreadyExists
from chassis.mongo import is_duplicate
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry import messages, queries
from services.feedback.enquiry.changes import Changes, Decide
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Enquiry
from services.feedback.enquiry.importing import Importing
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.opening import Opening
from services.feedback.enquiry.outgoing import whole
from services.feedback.enquiry.rederiving import Rederiving
from services.feedback.enquiry.repository import MongoEnquiryRepository

Response = TypeVar("Response", bound=ProtoMessage)


class EnquiryServicer(enquiry_pb2_grpc.EnquiryServiceServicer):
    def __init__(
        self,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        opening: Opening,
        changes: Changes,
        importing: Importing,
        rederiving: Rederiving,
        now: Callable[[], datetime],
    ) -> None:
        self._enquiries = enquiries
        self._aliases = aliases
        self._opening = opening
        self._rederiving = rederiving
        self._changes = changes
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
        filter, waiting = queries.condition(request.filter)
        part = await self._enquiries.page(current_caller(), page, order, filter, waiting=waiting)
        found = queries.enquiry_page(part, self._now())
        return pb.ListEnquiriesResponse(edges=found.edges, page_info=found.page_info)

    async def BatchListEnquiries(
        self, request: pb.BatchListEnquiriesRequest, context: Any
    ) -> pb.BatchListEnquiriesResponse:
        page = queries.page_in(request.page, queries.order_of(pb.ENQUIRY_ORDER_UNSPECIFIED))
        filter, waiting = queries.condition(request.filter)
        caller, now = current_caller(), self._now()
        present = await self._aliases.present(caller, request.customer_ids)
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
        at = self._changes.at(request)
        return await self._change(request, pb.UpdateEnquiryResponse, lambda e, m: queries.updated(e, m, request, at))

    async def ResolveEnquiry(self, request: pb.ResolveEnquiryRequest, context: Any) -> pb.ResolveEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.ResolveEnquiryResponse, lambda e, m: steps.resolved(e, m, at))

    async def ReopenEnquiry(self, request: pb.ReopenEnquiryRequest, context: Any) -> pb.ReopenEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.ReopenEnquiryResponse, lambda e, m: steps.reopened(e, m, at))

    async def CloseEnquiry(self, request: pb.CloseEnquiryRequest, context: Any) -> pb.CloseEnquiryResponse:
        at = self._changes.at(request)
        return await self._change(request, pb.CloseEnquiryResponse, lambda e, m: steps.closed(e, m, at))

    async def ExcludeEnquiry(self, request: pb.ExcludeEnquiryRequest, context: Any) -> pb.ExcludeEnquiryResponse:
        at = self._changes.at(request)
        reason = kind_from_proto(messages.REASON_FROM_PROTO, request.reason, "reason")
        return await self._change(request, pb.ExcludeEnquiryResponse, lambda e, m: steps.excluded(e, m, reason, at))

    async def _change(self, request: Any, response: type[Response], decide: Decide) -> Response:
        def answer(enquiry: Enquiry) -> Response:
            return response(enquiry=messages.to_proto(enquiry, self._now()))

        return await self._changes.run(current_caller(), request, response, decide, answer)

    async def RederiveWaits(self, request: pb.RederiveWaitsRequest, context: Any) -> pb.RederiveWaitsResponse:
        caller = current_caller()
        return await self._rederiving.run(caller, request)

    async def ListContributions(
        self, request: pb.ListContributionsRequest, context: Any
    ) -> pb.ListContributionsResponse:
        caller = current_caller()
        found = await self._enquiries.after(caller, request.after, size_of(request.size))
        return pb.ListContributionsResponse(
            events=[event for enquiry in found for event in whole(enquiry)],
            next_after=found[-1].id if len(found) == request.size else None,
        )

    async def ImportEnquiries(
        self, request_iterator: AsyncIterator[pb.ImportEnquiriesRequest], context: Any
    ) -> AsyncIterator[pb.ImportEnquiriesResponse]:
        caller = current_caller()
        async for answer in self._importing.run(caller, request_iterator):
            yield answer
