"""Calls of the feedback service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc

from gateway.context import Context
from gateway.loaders import Grouped, by_id

SERVICE = "feedback"
FILES = (enquiry_pb2.DESCRIPTOR,)


class FeedbackStubs:
    """One per process, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.enquiries = enquiry_pb2_grpc.EnquiryServiceStub(channel)


class Feedback:
    """The service as one operation sees it."""

    def __init__(self, stubs: FeedbackStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.enquiries = by_id(self._enquiries)
        self.of_customers: Grouped[enquiry_pb2.EnquiryPage] = Grouped(self._of_customers)
        self.messages: Grouped[enquiry_pb2.MessagePage] = Grouped(self._messages)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

    async def _enquiries(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = enquiry_pb2.BatchGetEnquiriesRequest(ids=ids)
        return dict((await self.call(self.stubs.enquiries.BatchGetEnquiries, request)).answers)

    async def _of_customers(
        self, customers: Sequence[str], arguments: enquiry_pb2.BatchListEnquiriesRequest
    ) -> Mapping[str, enquiry_pb2.EnquiryPage]:
        request = enquiry_pb2.BatchListEnquiriesRequest(
            customer_ids=customers, page=arguments.page, filter=arguments.filter
        )
        return dict((await self.call(self.stubs.enquiries.BatchListEnquiries, request)).pages)

    async def _messages(
        self, enquiries: Sequence[str], arguments: enquiry_pb2.BatchListMessagesRequest
    ) -> Mapping[str, enquiry_pb2.MessagePage]:
        request = enquiry_pb2.BatchListMessagesRequest(enquiry_ids=enquiries, page=arguments.page)
        return dict((await self.call(self.stubs.enquiries.BatchListMessages, request)).pages)


def feedback_of(info: Any) -> Feedback:
    loaded: Feedback = info.context.loaders[SERVICE]
    return loaded
