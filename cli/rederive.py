"""Has a service derive anew what follows from recorded facts, batch by batch, and shows what changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc

from cli.services import connected

_BATCH = 200

# (id, what was stored and what it becomes)
Change = tuple[str, Sequence[str]]
# examined, about how many there are, what changed since the last call
Progress = Callable[[int, int, list[Change]], None]


@dataclass(frozen=True, slots=True)
class Derived:
    """Of one service. nouns: of which it is derived, in the plural. id: the field of a change that names the object."""

    service: str
    nouns: str
    stub: Callable[[Any], Any]
    request: Any
    id: str


WAITS = Derived(
    "feedback", "enquiries", enquiry_pb2_grpc.EnquiryServiceStub, enquiry_pb2.RederiveWaitsRequest, "enquiry_id"
)
CUSTOMERS = Derived(
    "customers",
    "customers",
    customer_pb2_grpc.CustomerServiceStub,
    customer_pb2.RederiveCustomersRequest,
    "customer_id",
)


@dataclass
class Rederived:
    """last: where it ended; going on from there leaves nothing out."""

    examined: int = 0
    changed: int = 0
    last: str = ""


async def rederive(
    derived: Derived, address: str, token: str | None, *, after: str, dry_run: bool, progress: Progress
) -> Rederived:
    """DomainError: the service refuses or does not answer; what was done until then stays done."""
    result = Rederived(last=after)
    async with connected(address, token) as service:
        while True:
            request = derived.request(after=result.last, size=_BATCH, dry_run=dry_run)
            answer = await service.ask(derived.stub, request)
            result.examined += answer.examined
            result.changed += len(answer.changes)
            changes: list[Change] = [(getattr(change, derived.id), change.details) for change in answer.changes]
            progress(result.examined, answer.total, changes)
            if not answer.HasField("next_after"):
                return result
            result.last = answer.next_after
