"""Calls of the customers service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from rundblick.customers.v1 import (
    campaign_pb2,
    campaign_pb2_grpc,
    code_pb2,
    code_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    spend_pb2,
    spend_pb2_grpc,
    team_pb2,
    team_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)

from gateway.context import Context
from gateway.loaders import Grouped, by_id

SERVICE = "customers"
FILES = (
    consent_pb2.DESCRIPTOR,
    campaign_pb2.DESCRIPTOR,
    code_pb2.DESCRIPTOR,
    customer_pb2.DESCRIPTOR,
    employee_pb2.DESCRIPTOR,
    interaction_pb2.DESCRIPTOR,
    spend_pb2.DESCRIPTOR,
    team_pb2.DESCRIPTOR,
    touchpoint_pb2.DESCRIPTOR,
)


class CustomersStubs:
    """One per process, over one channel. public_url: under which the gateway is reached by customers."""

    def __init__(self, channel: grpc.aio.Channel, public_url: str | None = None) -> None:
        self.public_url = public_url
        self.campaigns = campaign_pb2_grpc.CampaignServiceStub(channel)
        self.codes = code_pb2_grpc.CodeServiceStub(channel)
        self.consents = consent_pb2_grpc.ConsentServiceStub(channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(channel)
        self.employees = employee_pb2_grpc.EmployeeServiceStub(channel)
        self.interactions = interaction_pb2_grpc.InteractionServiceStub(channel)
        self.spend = spend_pb2_grpc.SpendServiceStub(channel)
        self.teams = team_pb2_grpc.TeamServiceStub(channel)
        self.touchpoints = touchpoint_pb2_grpc.TouchpointServiceStub(channel)


class Customers:
    """The service as one operation sees it."""

    def __init__(self, stubs: CustomersStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.customers = by_id(self._customers)
        self.employees = by_id(self._employees)
        self.teams = by_id(self._teams)
        self.touchpoints = by_id(self._touchpoints)
        self.interactions = by_id(self._interactions)
        self.campaigns = by_id(self._campaigns)
        self.codes = by_id(self._codes)
        self.campaigns_of_touchpoints: Grouped[campaign_pb2.CampaignPage] = Grouped(self._campaigns_of_touchpoints)
        self.codes_of_touchpoints: Grouped[code_pb2.CodePage] = Grouped(self._codes_of_touchpoints)
        self.spend: Grouped[spend_pb2.SpendPage] = Grouped(self._spend)
        self.consents: Grouped[consent_pb2.ConsentList] = Grouped(self._consents)
        self.consent_history: Grouped[consent_pb2.ConsentEntryPage] = Grouped(self._consent_history)
        self.permissions: Grouped[consent_pb2.ContactPermissionAnswer] = Grouped(self._permissions)
        self.journeys: Grouped[interaction_pb2.InteractionPage] = Grouped(self._journeys)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

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

    async def _codes(self, codes: Sequence[str]) -> Mapping[str, Any]:
        request = code_pb2.BatchGetCodesRequest(codes=codes)
        return dict((await self.call(self.stubs.codes.BatchGetCodes, request)).answers)

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
