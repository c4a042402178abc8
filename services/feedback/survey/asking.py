"""Asks the customers service whom surveys may be sent to, and what became of the messages."""

from collections.abc import Iterable, Sequence

import grpc
from rundblick.customers.v1 import (
    campaign_pb2,
    campaign_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    delivery_pb2,
    delivery_pb2_grpc,
    segment_pb2,
    segment_pb2_grpc,
    touchpoint_pb2,
)
from rundblick.shared.v1 import page_pb2

from chassis.calls import call
from chassis.errors import InvalidInput, NotFound
from chassis.page import LARGEST_SIZE

_TIMEOUT = 10.0


class Audience:
    """On this process's own account: that a caller may invite is decided here."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._consents = consent_pb2_grpc.ConsentServiceStub(channel)
        self._segments = segment_pb2_grpc.SegmentServiceStub(channel)
        self._deliveries = delivery_pb2_grpc.CustomerDeliveryServiceStub(channel)
        self._campaigns = campaign_pb2_grpc.CampaignServiceStub(channel)

    async def permissions(self, customers: Sequence[str]) -> dict[str, consent_pb2.ContactPermission]:
        """Customer id -> may they be asked by e-mail; those that are not known are left out."""
        request = consent_pb2.BatchGetContactPermissionsRequest(
            customer_ids=customers,
            channel=touchpoint_pb2.CHANNEL_EMAIL,
            purpose=consent_pb2.CONSENT_PURPOSE_SURVEY,
        )
        answer: consent_pb2.BatchGetContactPermissionsResponse = await call(
            self._consents.BatchGetContactPermissions, request, timeout=_TIMEOUT
        )
        return {id: one.value for id, one in answer.answers.items() if one.HasField("value")}

    async def of_segment(self, segment: str, after: str | None, most: int) -> tuple[list[str], str | None]:
        """So many of its customers at most, and the place after which there are more. NotFound: no such segment."""
        known = await call(
            self._segments.BatchGetSegments, segment_pb2.BatchGetSegmentsRequest(ids=[segment]), timeout=_TIMEOUT
        )
        if not known.answers[segment].HasField("value"):
            raise NotFound(f"there is no segment {segment[:100]}", ("segment_id",))
        found: list[str] = []
        more = True
        while more and len(found) < most:
            page = page_pb2.PageRequest(first=min(most - len(found), LARGEST_SIZE), after=after)
            request = segment_pb2.BatchListSegmentCustomersRequest(segment_ids=[segment], page=page)
            answer = await call(self._segments.BatchListSegmentCustomers, request, timeout=_TIMEOUT)
            edges = answer.pages[segment].edges
            found += [edge.customer_id for edge in edges]
            more = answer.pages[segment].page_info.has_next_page
            after = edges[-1].cursor if edges else after
        return found, after if more else None

    async def require_campaign(self, id: str) -> None:
        """InvalidInput: there is no such campaign."""
        request = campaign_pb2.BatchGetCampaignsRequest(ids=[id])
        answer = await call(self._campaigns.BatchGetCampaigns, request, timeout=_TIMEOUT)
        if not answer.answers[id].HasField("value"):
            raise InvalidInput(f"there is no campaign {id[:100]}", ("campaign_id",))

    async def states(self, source: str, external_ids: Iterable[str]) -> dict[str, str]:
        """External id of a delivery -> SENT, REFUSED ...; those that customers does not have yet are left out."""
        request = delivery_pb2.BatchGetDeliveriesRequest(source=source, external_ids=list(external_ids))
        answer: delivery_pb2.BatchGetDeliveriesResponse = await call(
            self._deliveries.BatchGetDeliveries, request, timeout=_TIMEOUT
        )
        return {
            key: delivery_pb2.DeliveryState.Name(one.value.state).removeprefix("DELIVERY_STATE_")
            for key, one in answer.answers_by_external_id.items()
            if one.HasField("value")
        }


FILES = (
    consent_pb2.DESCRIPTOR,
    segment_pb2.DESCRIPTOR,
    delivery_pb2.DESCRIPTOR,
    campaign_pb2.DESCRIPTOR,
)
