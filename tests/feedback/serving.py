"""Replicas of the feedback service over one database, with a clock that a test moves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rundblick.feedback.v1 import (
    calendar_pb2,
    calendar_pb2_grpc,
    enquiry_pb2,
    enquiry_pb2_grpc,
    job_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    stream_pb2_grpc,
)

from chassis.background import working
from chassis.caller import Caller
from chassis.calls import error_of
from chassis.channel import open_channel
from chassis.server import running_server
from chassis.times import to_timestamp
from services.feedback.enquiry.references import FILES
from services.feedback.stream.outgoing import STREAM
from services.feedback.wiring import FeedbackService
from tests import tokens
from tests.feedback.conftest import Running

MONDAY = datetime(2026, 1, 12, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self, at: datetime = MONDAY) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Replica:
    service: FeedbackService
    stubs: list[Any]

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        [method] = [getattr(stub, name) for stub in self.stubs if hasattr(stub, name)]
        return await method(request, timeout=10, metadata=_metadata(caller))

    async def refused(self, request: Any, caller: Caller | None = None) -> tuple[str, tuple[str, ...]]:
        """Code and path of what is wrong with it."""
        try:
            await self.call(request, caller)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is compared
            said = error_of(error)  # type: ignore[arg-type]
            return said.code, said.path
        raise AssertionError("it was not refused")

    @asynccontextmanager
    async def watching(self, request: Any, caller: Caller | None = None) -> AsyncIterator[Any]:
        name = type(request).__name__.removesuffix("Request")
        [method] = [getattr(stub, name) for stub in self.stubs if hasattr(stub, name)]
        call = method(request, timeout=15, metadata=_metadata(caller))
        try:
            yield call
        finally:
            call.cancel()

    async def opened(self, subject: str = "Where?", **fields: Any) -> enquiry_pb2.Enquiry:
        message = enquiry_pb2.NewMessage(body="?")
        request = enquiry_pb2.OpenEnquiryRequest(subject=subject, message=message, **fields)
        answer: enquiry_pb2.OpenEnquiryResponse = await self.call(request)
        return answer.enquiry

    async def answered(self, id: str, at: datetime) -> enquiry_pb2.Enquiry:
        message = enquiry_pb2.NewMessage(
            author_kind=enquiry_pb2.AUTHOR_KIND_EMPLOYEE, body="!", occurred_at=to_timestamp(at)
        )
        request = enquiry_pb2.AddMessageRequest(enquiry_id=id, message=message)
        answer: enquiry_pb2.AddMessageResponse = await self.call(request)
        return answer.enquiry

    async def define_policy(self, key: str = "gold", **fields: Any) -> policy_pb2.Policy:
        answer: policy_pb2.DefinePolicyResponse = await self.call(policy(key, **fields))
        return answer.policy


def policy(key: str = "gold", version: int | None = None, since: Any = None, **fields: Any) -> Any:
    """A first answer within four hours."""
    targets = [policy_pb2.PolicyTarget(kind=enquiry_pb2.WAIT_KIND_FIRST, seconds=4 * 3600)]
    said = {"key": key, "name": key, "targets": targets, **fields}
    return policy_pb2.DefinePolicyRequest(
        fields=policy_pb2.PolicyFields(**said), version=version, since=to_timestamp(since)
    )


def calendar(key: str = "office", begin: str = "09:00", end: str = "17:00", **given: Any) -> Any:
    """Monday to Friday, in UTC."""
    interval = calendar_pb2.TimeInterval(begin=begin, end=end)
    hours = [calendar_pb2.WeekdayHours(weekday=day, intervals=[interval]) for day in range(1, 6)]
    own = {name: given.pop(name) for name in ("touchpoint_keys", "team_keys", "version") if name in given}
    said = {"key": key, "name": key, "time_zone": "UTC", "hours": hours, **given}
    return calendar_pb2.DefineCalendarRequest(fields=calendar_pb2.CalendarFields(**said), **own)


def _metadata(caller: Caller | None) -> Any:
    return (("authorization", f"Bearer {tokens.token_for(caller)}"),) if caller else None


@asynccontextmanager
async def replica(feedback: Running, clock: Clock) -> AsyncIterator[Replica]:
    """It tells those who watch, and nobody else."""
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(open_channel(feedback.customers_address, FILES, process="feedback"))
        service = FeedbackService(feedback.database, outside, outside, clock)
        server = running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=feedback.authenticator, grace=0.1
        )
        port = (await stack.enter_async_context(server)).port
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        relays = [relay.run() for relay in service.relays if relay.destination == STREAM]
        await stack.enter_async_context(working(service.streaming.tail.changes.run(), *relays))
        stubs = [
            calendar_pb2_grpc.CalendarServiceStub(channel),
            enquiry_pb2_grpc.EnquiryServiceStub(channel),
            job_pb2_grpc.JobServiceStub(channel),
            policy_pb2_grpc.PolicyServiceStub(channel),
            stream_pb2_grpc.StreamServiceStub(channel),
        ]
        yield Replica(service, stubs)
