"""What this company sent its customers by e-mail: what an answer to it belongs to, and that it came back."""

from collections.abc import Sequence

import grpc
from rundblick.customers.v1 import delivery_pb2, delivery_pb2_grpc

from chassis.calls import call
from chassis.errors import Conflict, NotFound
from chassis.ids import prefix_of
from services.feedback.mail.domain import deliveries_in

_SECONDS = 5.0


class Deliveries:
    """Asks on this process's own account."""

    def __init__(self, customers: grpc.aio.Channel) -> None:
        self._stub = delivery_pb2_grpc.CustomerDeliveryServiceStub(customers)

    async def enquiry_of(self, message_ids: Sequence[str]) -> str | None:
        """The enquiry for which the first of them was sent that was sent for one."""
        ids = deliveries_in(message_ids)
        if not ids:
            return None
        request = delivery_pb2.BatchGetDeliveriesRequest(ids=ids)
        answers = (await call(self._stub.BatchGetDeliveries, request, timeout=_SECONDS)).answers
        references = [answers[id].value.reference for id in ids if answers[id].HasField("value")]
        return next((reference for reference in references if reference and prefix_of(reference) == "enq"), None)

    async def came_back(self, message_ids: Sequence[str]) -> None:
        for id in deliveries_in(message_ids):
            try:
                await call(self._stub.RecordBounce, delivery_pb2.RecordBounceRequest(message_id=id), timeout=_SECONDS)
            except (NotFound, Conflict):
                # Anybody may send a report of anything: of what was never sent it says nothing.
                continue
