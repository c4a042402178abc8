"""What happens with customers, as subscriptions: whatever an event speaks of is loaded anew for it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry
from rundblick.customers.v1 import stream_pb2 as pb

from gateway.customers.client import SERVICE, customers_of
from gateway.customers.customer import Customer, customer_of, load_customer
from gateway.customers.interaction import Interaction, interaction_of, load_interaction
from gateway.shared import Info


@strawberry.type
class StreamSubscription:
    @strawberry.subscription(
        description="Whenever anything of the customer changes, also since a cursor; a former id shows the present one."
    )
    async def customer_changed(
        self, info: Info, id: strawberry.ID, after: str | None = None
    ) -> AsyncGenerator[Customer | None]:
        wanted = pb.WatchRequest(after=after, customer_changed=pb.CustomerChanged(customer_id=id))
        async with aclosing(_events(info, wanted)) as events:
            async for _ in events:
                record = await load_customer(info, id)
                yield customer_of(record) if record is not None else None

    @strawberry.subscription(
        description="Contacts as they are recorded, also since a cursor; again when they are corrected."
    )
    async def interaction_recorded(
        self,
        info: Info,
        customer_id: strawberry.ID | None = None,
        touchpoint_id: strawberry.ID | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[Interaction | None]:
        recorded = pb.InteractionRecorded(customer_id=customer_id, touchpoint_id=touchpoint_id)
        async with aclosing(_events(info, pb.WatchRequest(after=after, interaction_recorded=recorded))) as events:
            async for event in events:
                record = await load_interaction(info, event.interaction_id)
                yield interaction_of(record) if record is not None else None


async def _events(info: Info, wanted: pb.WatchRequest) -> AsyncGenerator[pb.WatchResponse]:
    """The events; the client learns of each place that was reached, also where there was none."""
    context = info.context
    stub = customers_of(info).stubs.stream
    async for answer in context.stream(SERVICE, "Watch", stub.Watch, wanted):
        context.cursor = answer.cursor
        if answer.HasField("customer_id") or answer.HasField("interaction_id"):
            yield answer
        elif context.alive is not None:
            await context.alive(answer.cursor)
