"""Has the services say what metrics should know: to hold figures against it, and to count them anew after a loss."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import retelling_pb2 as pb
from rundblick.shared.v1 import retelling_pb2_grpc

from cli.services import Service, connected

# (service, part) of which figures are made.
COUNTED = (
    ("feedback", "enquiries"),
    ("feedback", "feedback"),
    ("feedback", "invitations"),
    ("customers", "interactions"),
    ("customers", "attributions"),
    ("customers", "spend"),
    ("customers", "opportunities"),
    ("customers", "outcomes"),
    ("customers", "assignments"),
)
# First by what they are kept: whose records are, and what customers were when.
TOLD = (
    ("customers", "aliases"),
    ("customers", "plans"),
    ("customers", "stages"),
    ("customers", "restated_stages"),
    ("customers", "segments"),
    ("feedback", "measures"),
    *COUNTED,
)
_EVENTS = "events"
_BATCH = 500

# (part, how many objects of it so far)
Progress = Callable[[str, int], None]


async def told(service: Service, part: str) -> AsyncIterator[list[event_pb2.Event]]:
    """The events of all objects, batch by batch. DomainError."""
    request = pb.ListToldRequest(part=part, size=_BATCH)
    while True:
        answer: pb.ListToldResponse = await service.ask(retelling_pb2_grpc.RetellingServiceStub, request)
        for one in answer.told:
            if one.kind == _EVENTS:
                yield list(event_pb2.IngestEventsRequest.FromString(one.payload).events)
        if not answer.HasField("next_after"):
            return
        request.after = answer.next_after


async def retell(addresses: dict[str, str], token: str | None, *, progress: Progress) -> dict[str, int]:
    """All of it, from the beginning; how many objects of each part. Broken off, it is to be done again. DomainError."""
    examined: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        services = {
            name: await stack.enter_async_context(connected(address, token)) for name, address in addresses.items()
        }
        begun: set[str] = set()
        for name, part in TOLD:
            request = pb.TellAgainRequest(part=part, size=_BATCH, anew=name not in begun)
            begun.add(name)
            while True:
                answer = await services[name].ask(retelling_pb2_grpc.RetellingServiceStub, request)
                examined[part] = examined.get(part, 0) + answer.examined
                progress(part, examined[part])
                if not answer.HasField("next_after"):
                    break
                request = pb.TellAgainRequest(part=part, size=_BATCH, after=answer.next_after)
    return examined
