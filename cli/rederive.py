"""Has waits derived anew from all messages, batch by batch, and shows what changed."""

from collections.abc import Callable
from dataclasses import dataclass

from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.feedback.v1 import enquiry_pb2_grpc

from cli.services import connected

_BATCH = 200

# examined, about how many there are, what changed since the last call
Progress = Callable[[int, int, list[pb.RederivedEnquiry]], None]


@dataclass
class Rederived:
    """last: where it ended; going on from there leaves nothing out."""

    examined: int = 0
    changed: int = 0
    last: str = ""


async def rederive_waits(
    address: str, token: str | None, *, after: str, dry_run: bool, progress: Progress
) -> Rederived:
    """DomainError: feedback refuses or does not answer; what was done until then stays done."""
    result = Rederived(last=after)
    async with connected(address, token) as feedback:
        while True:
            request = pb.RederiveWaitsRequest(after=result.last, size=_BATCH, dry_run=dry_run)
            answer: pb.RederiveWaitsResponse = await feedback.ask(enquiry_pb2_grpc.EnquiryServiceStub, request)
            result.examined += answer.examined
            result.changed += len(answer.changes)
            progress(result.examined, answer.total, list(answer.changes))
            if not answer.HasField("next_after"):
                return result
            result.last = answer.next_after
