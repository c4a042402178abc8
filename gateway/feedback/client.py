"""Calls of the feedback service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.feedback.v1 import (
    attachment_pb2,
    attachment_pb2_grpc,
    calendar_pb2,
    calendar_pb2_grpc,
    enquiry_pb2,
    enquiry_pb2_grpc,
    feedback_pb2,
    feedback_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    measure_pb2,
    measure_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    stream_pb2,
    stream_pb2_grpc,
    survey_pb2,
    survey_pb2_grpc,
    topic_pb2,
    topic_pb2_grpc,
)
from rundblick.shared.v1 import page_pb2

from gateway.context import Context
from gateway.loaders import Grouped, by_id

SERVICE = "feedback"
FILES = (
    attachment_pb2.DESCRIPTOR,
    calendar_pb2.DESCRIPTOR,
    enquiry_pb2.DESCRIPTOR,
    feedback_pb2.DESCRIPTOR,
    job_pb2.DESCRIPTOR,
    measure_pb2.DESCRIPTOR,
    policy_pb2.DESCRIPTOR,
    stream_pb2.DESCRIPTOR,
    survey_pb2.DESCRIPTOR,
    topic_pb2.DESCRIPTOR,
)


class FeedbackStubs:
    """One per process, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.attachments = attachment_pb2_grpc.AttachmentServiceStub(channel)
        self.calendars = calendar_pb2_grpc.CalendarServiceStub(channel)
        self.enquiries = enquiry_pb2_grpc.EnquiryServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.policies = policy_pb2_grpc.PolicyServiceStub(channel)
        self.stream = stream_pb2_grpc.StreamServiceStub(channel)
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(channel)
        self.measures = measure_pb2_grpc.MeasureServiceStub(channel)
        self.surveys = survey_pb2_grpc.SurveyServiceStub(channel)
        self.topics = topic_pb2_grpc.TopicServiceStub(channel)


class Feedback:
    """The service as one operation sees it."""

    def __init__(self, stubs: FeedbackStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.attachments = by_id(self._attachments)
        self.calendars = by_id(self._calendars)
        self.enquiries = by_id(self._enquiries)
        self.policies = by_id(self._policies)
        self.feedback = by_id(self._feedback)
        self.surveys = by_id(self._surveys)
        self.topics = by_id(self._topics)
        self.measures = by_id(self._measures)
        self.of_customers: Grouped[enquiry_pb2.EnquiryPage] = Grouped(self._of_customers)
        self.feedback_of_customers: Grouped[feedback_pb2.FeedbackPage] = Grouped(self._feedback_of_customers)
        self.voices: Grouped[feedback_pb2.Voice] = Grouped(self._voices)
        self.messages: Grouped[enquiry_pb2.MessagePage] = Grouped(self._messages)
        self.measures_of_feedback: Grouped[measure_pb2.MeasureList] = Grouped(self._measures_of_feedback)
        self.feedback_of_measures: Grouped[measure_pb2.LinkedFeedbackPage] = Grouped(self._feedback_of_measures)
        self.customers_to_inform: Grouped[measure_pb2.CustomersToInformPage] = Grouped(self._customers_to_inform)
        self.informed: Grouped[measure_pb2.InformedPage] = Grouped(self._informed)
        self.invitations: Grouped[survey_pb2.InvitationPage] = Grouped(self._invitations)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

    async def _attachments(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = attachment_pb2.BatchGetAttachmentsRequest(ids=ids)
        return dict((await self.call(self.stubs.attachments.BatchGetAttachments, request)).answers)

    async def _calendars(self, touchpoints: Sequence[str]) -> Mapping[str, Any]:
        request = calendar_pb2.BatchGetTouchpointCalendarsRequest(touchpoint_ids=touchpoints)
        return dict((await self.call(self.stubs.calendars.BatchGetTouchpointCalendars, request)).answers)

    async def _policies(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = policy_pb2.BatchGetPoliciesRequest(ids=ids)
        return dict((await self.call(self.stubs.policies.BatchGetPolicies, request)).answers)

    async def jobs(self, page: page_pb2.PageRequest) -> job_pb2.ListJobsResponse:
        answer: job_pb2.ListJobsResponse = await self.call(self.stubs.jobs.ListJobs, job_pb2.ListJobsRequest(page=page))
        return answer

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

    async def _surveys(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = survey_pb2.BatchGetSurveysRequest(ids=ids)
        return dict((await self.call(self.stubs.surveys.BatchGetSurveys, request)).answers)

    async def _invitations(
        self, surveys: Sequence[str], arguments: survey_pb2.BatchListInvitationsRequest
    ) -> Mapping[str, survey_pb2.InvitationPage]:
        request = survey_pb2.BatchListInvitationsRequest(survey_ids=surveys, page=arguments.page, state=arguments.state)
        return dict((await self.call(self.stubs.surveys.BatchListInvitations, request)).pages)

    async def _measures(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = measure_pb2.BatchGetMeasuresRequest(ids=ids)
        return dict((await self.call(self.stubs.measures.BatchGetMeasures, request)).answers)

    async def _measures_of_feedback(
        self, feedback: Sequence[str], _: measure_pb2.BatchListMeasuresRequest
    ) -> Mapping[str, measure_pb2.MeasureList]:
        request = measure_pb2.BatchListMeasuresRequest(feedback_ids=feedback)
        return dict((await self.call(self.stubs.measures.BatchListMeasures, request)).lists)

    async def _feedback_of_measures(
        self, measures: Sequence[str], arguments: measure_pb2.BatchListMeasureFeedbackRequest
    ) -> Mapping[str, measure_pb2.LinkedFeedbackPage]:
        request = measure_pb2.BatchListMeasureFeedbackRequest(measure_ids=measures, page=arguments.page)
        return dict((await self.call(self.stubs.measures.BatchListMeasureFeedback, request)).pages)

    async def _customers_to_inform(
        self, measures: Sequence[str], arguments: measure_pb2.BatchListCustomersToInformRequest
    ) -> Mapping[str, measure_pb2.CustomersToInformPage]:
        request = measure_pb2.BatchListCustomersToInformRequest()
        request.CopyFrom(arguments)
        request.measure_ids.extend(measures)
        return dict((await self.call(self.stubs.measures.BatchListCustomersToInform, request)).pages)

    async def _informed(
        self, measures: Sequence[str], arguments: measure_pb2.BatchListInformedRequest
    ) -> Mapping[str, measure_pb2.InformedPage]:
        request = measure_pb2.BatchListInformedRequest(measure_ids=measures, page=arguments.page)
        return dict((await self.call(self.stubs.measures.BatchListInformed, request)).pages)

    async def _feedback(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = feedback_pb2.BatchGetFeedbackRequest(ids=ids)
        return dict((await self.call(self.stubs.feedback.BatchGetFeedback, request)).answers)

    async def _feedback_of_customers(
        self, customers: Sequence[str], arguments: feedback_pb2.BatchListFeedbackRequest
    ) -> Mapping[str, feedback_pb2.FeedbackPage]:
        request = feedback_pb2.BatchListFeedbackRequest(
            customer_ids=customers, page=arguments.page, filter=arguments.filter
        )
        return dict((await self.call(self.stubs.feedback.BatchListFeedback, request)).pages)

    async def _voices(
        self, customers: Sequence[str], _: feedback_pb2.BatchGetVoicesRequest
    ) -> Mapping[str, feedback_pb2.Voice]:
        request = feedback_pb2.BatchGetVoicesRequest(customer_ids=customers)
        return dict((await self.call(self.stubs.feedback.BatchGetVoices, request)).voices)

    async def _topics(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = topic_pb2.BatchGetTopicsRequest(ids=ids)
        return dict((await self.call(self.stubs.topics.BatchGetTopics, request)).answers)


def feedback_of(info: Any) -> Feedback:
    loaded: Feedback = info.context.loaders[SERVICE]
    return loaded
