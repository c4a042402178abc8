"""Calls of the customers service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.customers.v1 import (
    attribute_pb2,
    attribute_pb2_grpc,
    campaign_pb2,
    campaign_pb2_grpc,
    candidate_pb2,
    candidate_pb2_grpc,
    code_pb2,
    code_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    delivery_pb2,
    delivery_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    matching_pb2,
    matching_pb2_grpc,
    offer_pb2,
    offer_pb2_grpc,
    opportunity_pb2,
    opportunity_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
    segment_pb2,
    segment_pb2_grpc,
    source_pb2,
    source_pb2_grpc,
    spend_pb2,
    spend_pb2_grpc,
    state_pb2,
    state_pb2_grpc,
    stream_pb2,
    stream_pb2_grpc,
    team_pb2,
    team_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)
from rundblick.shared.v1 import page_pb2

from gateway.context import Context
from gateway.loaders import Grouped, by_id

SERVICE = "customers"
FILES = (
    attribute_pb2.DESCRIPTOR,
    consent_pb2.DESCRIPTOR,
    campaign_pb2.DESCRIPTOR,
    candidate_pb2.DESCRIPTOR,
    code_pb2.DESCRIPTOR,
    customer_pb2.DESCRIPTOR,
    delivery_pb2.DESCRIPTOR,
    employee_pb2.DESCRIPTOR,
    interaction_pb2.DESCRIPTOR,
    job_pb2.DESCRIPTOR,
    matching_pb2.DESCRIPTOR,
    offer_pb2.DESCRIPTOR,
    opportunity_pb2.DESCRIPTOR,
    recommendation_pb2.DESCRIPTOR,
    segment_pb2.DESCRIPTOR,
    source_pb2.DESCRIPTOR,
    spend_pb2.DESCRIPTOR,
    state_pb2.DESCRIPTOR,
    stream_pb2.DESCRIPTOR,
    team_pb2.DESCRIPTOR,
    touchpoint_pb2.DESCRIPTOR,
    webhook_pb2.DESCRIPTOR,
)


class CustomersStubs:
    """One per process, over one channel. public_url: under which the gateway is reached by customers."""

    def __init__(self, channel: grpc.aio.Channel, public_url: str | None = None) -> None:
        self.public_url = public_url
        self.campaigns = campaign_pb2_grpc.CampaignServiceStub(channel)
        self.attributes = attribute_pb2_grpc.AttributeServiceStub(channel)
        self.candidates = candidate_pb2_grpc.CandidateServiceStub(channel)
        self.codes = code_pb2_grpc.CodeServiceStub(channel)
        self.consents = consent_pb2_grpc.ConsentServiceStub(channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(channel)
        self.deliveries = delivery_pb2_grpc.CustomerDeliveryServiceStub(channel)
        self.employees = employee_pb2_grpc.EmployeeServiceStub(channel)
        self.interactions = interaction_pb2_grpc.InteractionServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.matching = matching_pb2_grpc.MatchingServiceStub(channel)
        self.offers = offer_pb2_grpc.OfferServiceStub(channel)
        self.opportunities = opportunity_pb2_grpc.OpportunityServiceStub(channel)
        self.recommendations = recommendation_pb2_grpc.RecommendationServiceStub(channel)
        self.segments = segment_pb2_grpc.SegmentServiceStub(channel)
        self.sources = source_pb2_grpc.SourceServiceStub(channel)
        self.spend = spend_pb2_grpc.SpendServiceStub(channel)
        self.states = state_pb2_grpc.StateServiceStub(channel)
        self.stream = stream_pb2_grpc.StreamServiceStub(channel)
        self.teams = team_pb2_grpc.TeamServiceStub(channel)
        self.touchpoints = touchpoint_pb2_grpc.TouchpointServiceStub(channel)
        self.webhooks = webhook_pb2_grpc.WebhookServiceStub(channel)


class Customers:
    """The service as one operation sees it."""

    def __init__(self, stubs: CustomersStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.customers = by_id(self._customers)
        self.employees = by_id(self._employees)
        self.teams = by_id(self._teams)
        self.touchpoints = by_id(self._touchpoints)
        self.attributes = by_id(self._attributes)
        self.interactions = by_id(self._interactions)
        self.campaigns = by_id(self._campaigns)
        self.offers = by_id(self._offers)
        self.opportunities = by_id(self._opportunities)
        self.opportunities_of_customers: Grouped[opportunity_pb2.OpportunityPage] = Grouped(
            self._opportunities_of_customers
        )
        self.candidates = by_id(self._candidates)
        self.codes = by_id(self._codes)
        self.segments = by_id(self._segments)
        self.deliveries = by_id(self._deliveries)
        self.deliveries_of_customers: Grouped[delivery_pb2.DeliveryPage] = Grouped(self._deliveries_of_customers)
        self.campaigns_of_touchpoints: Grouped[campaign_pb2.CampaignPage] = Grouped(self._campaigns_of_touchpoints)
        self.codes_of_touchpoints: Grouped[code_pb2.CodePage] = Grouped(self._codes_of_touchpoints)
        self.spend: Grouped[spend_pb2.SpendPage] = Grouped(self._spend)
        self.states: Grouped[state_pb2.StateAnswer] = Grouped(self._states)
        self.state_changes: Grouped[state_pb2.StateChangePage] = Grouped(self._state_changes)
        self.consents: Grouped[consent_pb2.ConsentList] = Grouped(self._consents)
        self.consent_history: Grouped[consent_pb2.ConsentEntryPage] = Grouped(self._consent_history)
        self.permissions: Grouped[consent_pb2.ContactPermissionAnswer] = Grouped(self._permissions)
        self.offer_outcomes: Grouped[offer_pb2.OfferOutcomePage] = Grouped(self._offer_outcomes)
        self.recommendations: Grouped[recommendation_pb2.RecommendationsAnswer] = Grouped(self._recommendations)
        self.segments_of_customers: Grouped[segment_pb2.CustomerSegmentList] = Grouped(self._segments_of_customers)
        self.customers_of_segments: Grouped[segment_pb2.SegmentCustomerPage] = Grouped(self._customers_of_segments)
        self.journeys: Grouped[interaction_pb2.InteractionPage] = Grouped(self._journeys)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

    async def jobs(self, page: page_pb2.PageRequest) -> job_pb2.ListJobsResponse:
        answer: job_pb2.ListJobsResponse = await self.call(self.stubs.jobs.ListJobs, job_pb2.ListJobsRequest(page=page))
        return answer

    async def _customers(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = customer_pb2.BatchGetCustomersRequest(ids=ids)
        answer = await self.call(self.stubs.customers.BatchGetCustomers, request)
        return dict(answer.answers)

    async def _employees(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = employee_pb2.BatchGetEmployeesRequest(ids=ids)
        return dict((await self.call(self.stubs.employees.BatchGetEmployees, request)).answers)

    async def _teams(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = team_pb2.BatchGetTeamsRequest(ids=ids)
        return dict((await self.call(self.stubs.teams.BatchGetTeams, request)).answers)

    async def _touchpoints(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = touchpoint_pb2.BatchGetTouchpointsRequest(ids=ids)
        return dict((await self.call(self.stubs.touchpoints.BatchGetTouchpoints, request)).answers)

    async def _interactions(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = interaction_pb2.BatchGetInteractionsRequest(ids=ids)
        return dict((await self.call(self.stubs.interactions.BatchGetInteractions, request)).answers)

    async def _campaigns(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = campaign_pb2.BatchGetCampaignsRequest(ids=ids)
        return dict((await self.call(self.stubs.campaigns.BatchGetCampaigns, request)).answers)

    async def _offers(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = offer_pb2.BatchGetOffersRequest(ids=ids)
        return dict((await self.call(self.stubs.offers.BatchGetOffers, request)).answers)

    async def _offer_outcomes(
        self, customers: Sequence[str], arguments: offer_pb2.BatchListOfferOutcomesRequest
    ) -> Mapping[str, offer_pb2.OfferOutcomePage]:
        request = offer_pb2.BatchListOfferOutcomesRequest(customer_ids=customers, page=arguments.page)
        return dict((await self.call(self.stubs.offers.BatchListOfferOutcomes, request)).pages)

    async def _opportunities(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = opportunity_pb2.BatchGetOpportunitiesRequest(ids=ids)
        return dict((await self.call(self.stubs.opportunities.BatchGetOpportunities, request)).answers)

    async def _opportunities_of_customers(
        self, customers: Sequence[str], arguments: opportunity_pb2.BatchListOpportunitiesRequest
    ) -> Mapping[str, opportunity_pb2.OpportunityPage]:
        request = opportunity_pb2.BatchListOpportunitiesRequest(customer_ids=customers, page=arguments.page)
        return dict((await self.call(self.stubs.opportunities.BatchListOpportunities, request)).pages)

    async def _recommendations(
        self, customers: Sequence[str], arguments: recommendation_pb2.BatchRecommendRequest
    ) -> Mapping[str, recommendation_pb2.RecommendationsAnswer]:
        request = recommendation_pb2.BatchRecommendRequest(customer_ids=customers, first=arguments.first)
        return dict((await self.call(self.stubs.recommendations.BatchRecommend, request)).answers)

    async def _attributes(self, keys: Sequence[str]) -> Mapping[str, Any]:
        request = attribute_pb2.BatchGetAttributesRequest(keys=keys)
        return dict((await self.call(self.stubs.attributes.BatchGetAttributes, request)).answers)

    async def _candidates(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = candidate_pb2.BatchGetDuplicateCandidatesRequest(ids=ids)
        return dict((await self.call(self.stubs.candidates.BatchGetDuplicateCandidates, request)).answers)

    async def _codes(self, codes: Sequence[str]) -> Mapping[str, Any]:
        request = code_pb2.BatchGetCodesRequest(codes=codes)
        return dict((await self.call(self.stubs.codes.BatchGetCodes, request)).answers)

    async def _segments(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = segment_pb2.BatchGetSegmentsRequest(ids=ids)
        return dict((await self.call(self.stubs.segments.BatchGetSegments, request)).answers)

    async def _segments_of_customers(
        self, customers: Sequence[str], _: segment_pb2.BatchListCustomerSegmentsRequest
    ) -> Mapping[str, segment_pb2.CustomerSegmentList]:
        request = segment_pb2.BatchListCustomerSegmentsRequest(customer_ids=customers)
        return dict((await self.call(self.stubs.segments.BatchListCustomerSegments, request)).lists)

    async def _customers_of_segments(
        self, segments: Sequence[str], arguments: segment_pb2.BatchListSegmentCustomersRequest
    ) -> Mapping[str, segment_pb2.SegmentCustomerPage]:
        request = segment_pb2.BatchListSegmentCustomersRequest(segment_ids=segments, page=arguments.page)
        return dict((await self.call(self.stubs.segments.BatchListSegmentCustomers, request)).pages)

    async def _deliveries(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = delivery_pb2.BatchGetDeliveriesRequest(ids=ids)
        return dict((await self.call(self.stubs.deliveries.BatchGetDeliveries, request)).answers)

    async def _deliveries_of_customers(
        self, customers: Sequence[str], arguments: delivery_pb2.BatchListDeliveriesRequest
    ) -> Mapping[str, delivery_pb2.DeliveryPage]:
        request = delivery_pb2.BatchListDeliveriesRequest(customer_ids=customers, page=arguments.page)
        return dict((await self.call(self.stubs.deliveries.BatchListDeliveries, request)).pages)

    async def _campaigns_of_touchpoints(
        self, touchpoints: Sequence[str], arguments: campaign_pb2.BatchListCampaignsRequest
    ) -> Mapping[str, campaign_pb2.CampaignPage]:
        request = campaign_pb2.BatchListCampaignsRequest(touchpoint_ids=touchpoints, page=arguments.page)
        return dict((await self.call(self.stubs.campaigns.BatchListCampaigns, request)).pages)

    async def _codes_of_touchpoints(
        self, touchpoints: Sequence[str], arguments: code_pb2.BatchListCodesRequest
    ) -> Mapping[str, code_pb2.CodePage]:
        request = code_pb2.BatchListCodesRequest(touchpoint_ids=touchpoints, page=arguments.page)
        return dict((await self.call(self.stubs.codes.BatchListCodes, request)).pages)

    async def _spend(
        self, campaigns: Sequence[str], arguments: spend_pb2.BatchListSpendRequest
    ) -> Mapping[str, spend_pb2.SpendPage]:
        request = spend_pb2.BatchListSpendRequest(campaign_ids=campaigns, page=arguments.page)
        return dict((await self.call(self.stubs.spend.BatchListSpend, request)).pages)

    async def _journeys(
        self, customers: Sequence[str], arguments: interaction_pb2.BatchListInteractionsRequest
    ) -> Mapping[str, interaction_pb2.InteractionPage]:
        request = interaction_pb2.BatchListInteractionsRequest(
            customer_ids=customers, page=arguments.page, filter=arguments.filter
        )
        return dict((await self.call(self.stubs.interactions.BatchListInteractions, request)).pages)

    async def _states(
        self, customers: Sequence[str], arguments: state_pb2.BatchGetStatesRequest
    ) -> Mapping[str, state_pb2.StateAnswer]:
        request = state_pb2.BatchGetStatesRequest(customer_ids=customers, language=arguments.language)
        return dict((await self.call(self.stubs.states.BatchGetStates, request)).answers)

    async def _state_changes(
        self, customers: Sequence[str], arguments: state_pb2.BatchListStateChangesRequest
    ) -> Mapping[str, state_pb2.StateChangePage]:
        request = state_pb2.BatchListStateChangesRequest(
            customer_ids=customers, page=arguments.page, language=arguments.language
        )
        return dict((await self.call(self.stubs.states.BatchListStateChanges, request)).pages)

    async def _consents(
        self, customers: Sequence[str], _: consent_pb2.BatchListConsentsRequest
    ) -> Mapping[str, consent_pb2.ConsentList]:
        request = consent_pb2.BatchListConsentsRequest(customer_ids=customers)
        return dict((await self.call(self.stubs.consents.BatchListConsents, request)).lists)

    async def _consent_history(
        self, customers: Sequence[str], arguments: consent_pb2.BatchListConsentEntriesRequest
    ) -> Mapping[str, consent_pb2.ConsentEntryPage]:
        request = consent_pb2.BatchListConsentEntriesRequest(customer_ids=customers, page=arguments.page)
        return dict((await self.call(self.stubs.consents.BatchListConsentEntries, request)).pages)

    async def _permissions(
        self, customers: Sequence[str], arguments: consent_pb2.BatchGetContactPermissionsRequest
    ) -> Mapping[str, consent_pb2.ContactPermissionAnswer]:
        request = consent_pb2.BatchGetContactPermissionsRequest(
            customer_ids=customers, channel=arguments.channel, purpose=arguments.purpose
        )
        return dict((await self.call(self.stubs.consents.BatchGetContactPermissions, request)).answers)


def customers_of(info: Any) -> Customers:
    loaded: Customers = info.context.loaders[SERVICE]
    return loaded
