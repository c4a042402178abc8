"""Mutations that leave enquiries out of the figures as duplicates, or take them in again."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.times import to_timestamp
from gateway.feedback.client import feedback_of
from gateway.feedback.enquiry import Enquiry, enquiry_of
from gateway.shared import Info, UserError, mutate


@strawberry.input
class IncludeEnquiryInput:
    id: strawberry.ID
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class MergeEnquiriesInput:
    into: strawberry.ID = strawberry.field(description="The enquiry that is kept.")
    duplicates: list[strawberry.ID] = strawberry.field(
        description="At most 50, of the same source and customer. All their messages move."
    )
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.type
class IncludeEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class MergeEnquiriesPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = strawberry.field(default=None, description="The one that is kept.")
    duplicates: list[Enquiry] | None = None


@strawberry.type
class EnquiryMergingMutation:
    @strawberry.mutation(description="Takes an exclusion back: it counts again.")
    async def include_enquiry(self, info: Info, input: IncludeEnquiryInput) -> IncludeEnquiryPayload | None:
        client = feedback_of(info)
        request = pb.IncludeEnquiryRequest(
            idempotency_key=input.idempotency_key, id=input.id, occurred_at=to_timestamp(input.occurred_at)
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.enquiries.IncludeEnquiry, request)
            return {"enquiry": enquiry_of(answer.enquiry)}

        return await mutate(IncludeEnquiryPayload, work())

    @strawberry.mutation(
        description="Duplicates of one enquiry become one conversation, which is counted once. Again changes nothing."
    )
    async def merge_enquiries(self, info: Info, input: MergeEnquiriesInput) -> MergeEnquiriesPayload | None:
        client = feedback_of(info)
        request = pb.MergeEnquiriesRequest(
            idempotency_key=input.idempotency_key,
            into_id=input.into,
            duplicate_ids=input.duplicates,
            occurred_at=to_timestamp(input.occurred_at),
        )

        async def work() -> dict[str, Any]:
            answer: pb.MergeEnquiriesResponse = await client.call(client.stubs.enquiries.MergeEnquiries, request)
            return {"enquiry": enquiry_of(answer.enquiry), "duplicates": [enquiry_of(one) for one in answer.duplicates]}

        return await mutate(MergeEnquiriesPayload, work())
