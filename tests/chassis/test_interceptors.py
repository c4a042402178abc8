"""What stands before every servicer method: a deadline, a known caller, errors as statuses and back as errors."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from pymongo.errors import (
    AutoReconnect,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)
from rundblick.customers.v1 import team_pb2, team_pb2_grpc
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc

from chassis import errors
from chassis.caller import DEVELOPMENT_CALLER, Caller, current_caller
from chassis.calls import call, error_of
from chassis.channel import open_channel
from chassis.interceptors import STATUS_OF
from chassis.server import running_server
from tests import tokens
from tests.chassis.conftest import Read, served

REQUEST = team_pb2.BatchGetTeamsRequest()


def raising(error: Exception) -> Read:
    async def read() -> team_pb2.BatchGetTeamsResponse:
        raise error

    return read


async def test_a_call_without_a_deadline_is_refused() -> None:
    async with served() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "deadline" in (refused.value.details() or "")


async def test_a_call_with_a_deadline_is_answered() -> None:
    async with served() as channel:
        answer = await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, REQUEST, timeout=5)
    assert isinstance(answer, team_pb2.BatchGetTeamsResponse)


async def test_no_time_left_is_said_without_a_call() -> None:
    async with served(raising(AssertionError("called"))) as channel:
        with pytest.raises(errors.DeadlineExceeded):
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, REQUEST, timeout=0)


@pytest.mark.parametrize("kind", [*errors.ERROR_OF_CODE.values()])
async def test_a_refusal_arrives_as_the_same_error(kind: type[errors.DomainError]) -> None:
    refusal = kind("cus_1 ist „schon“ da", ("input", "external_id"))
    async with served(raising(refusal)) as channel:
        with pytest.raises(errors.DomainError) as refused:
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, REQUEST, timeout=5)
    assert type(refused.value) is kind
    if kind not in (errors.Unavailable, errors.DeadlineExceeded):
        # Of what stands behind a service nothing is told but that it does not answer.
        assert refused.value.fault == refusal.fault


async def test_a_refusal_of_a_narrower_kind_has_the_status_of_its_kind() -> None:
    class StaleVersion(errors.Conflict):
        """As services define them."""

    async with served(raising(StaleVersion("cus_1 is at version 7"))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST, timeout=5)
    assert refused.value.code() is STATUS_OF[errors.Conflict]
    assert error_of(refused.value).fault == errors.Fault("CONFLICT", "cus_1 is at version 7")


async def test_our_own_mistake_is_logged_in_full_and_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with served(raising(KeyError("secret of the house"))) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST, timeout=5)
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert refused.value.details() == "internal error"
    assert "secret" not in f"{refused.value.trailing_metadata()} {refused.value.debug_error_string()}"
    assert "secret of the house" in caplog.text
    assert error_of(refused.value).fault == errors.Fault("INTERNAL", "internal error")


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("mongo-0.inside:27017 closed"),
        ServerSelectionTimeoutError("mongo-0.inside:27017"),
        ExecutionTimeout("mongo-0.inside:27017"),
        NetworkTimeout("mongo-0.inside:27017"),
    ],
)
async def test_a_database_that_does_not_answer_is_unavailable_and_not_named(error: Exception) -> None:
    async with served(raising(error)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST, timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "mongo-0" not in (refused.value.details() or "")


async def test_another_error_of_the_database_is_our_mistake() -> None:
    async with served(raising(OperationFailure("no such operator", 2))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST, timeout=5)
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.INTERNAL, "internal error")


async def test_the_servicer_knows_who_calls() -> None:
    seen: list[Caller] = []

    async def read() -> team_pb2.BatchGetTeamsResponse:
        seen.append(current_caller())
        return team_pb2.BatchGetTeamsResponse()

    authenticator = tokens.authenticator()
    partner = Caller(subject="partner:acme", sources=frozenset({"acme"}))
    async with served(read, authenticator=authenticator) as channel:
        stub = team_pb2_grpc.TeamServiceStub(channel)
        await call(stub.BatchGetTeams, REQUEST, timeout=5, token=tokens.token_for(partner))
        await call(stub.BatchGetTeams, REQUEST, timeout=5)
    assert seen == [partner, DEVELOPMENT_CALLER]


async def test_production_refuses_calls_without_a_token_before_anything_is_done() -> None:
    async with served(
        raising(AssertionError("reached")), authenticator=tokens.authenticator(production=True)
    ) as channel:
        with pytest.raises(errors.Unauthenticated):
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, REQUEST, timeout=5)


def test_outside_an_rpc_nobody_calls() -> None:
    with pytest.raises(errors.Unauthenticated):
        current_caller()


class Imports(enquiry_pb2_grpc.EnquiryServiceServicer):
    async def ImportEnquiries(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        async for request in request_iterator:
            if request.source == "bad":
                raise errors.InvalidInput("no such source", ("source",))
            yield enquiry_pb2.ImportEnquiriesResponse()


async def test_a_stream_is_guarded_like_a_call() -> None:
    def register(server: grpc.aio.Server) -> None:
        enquiry_pb2_grpc.add_EnquiryServiceServicer_to_server(
            Imports(),  # type: ignore[abstract]  # the others are not called
            server,
        )

    async def sent(*sources: str) -> AsyncIterator[enquiry_pb2.ImportEnquiriesRequest]:
        for source in sources:
            yield enquiry_pb2.ImportEnquiriesRequest(source=source)

    async with (
        running_server("localhost:0", register, grace=0.1) as running,
        open_channel(f"localhost:{running.port}") as channel,
    ):
        stub = enquiry_pb2_grpc.EnquiryServiceStub(channel)
        answers = aiter(stub.ImportEnquiries(sent("good", "bad"), timeout=5))
        assert isinstance(await anext(answers), enquiry_pb2.ImportEnquiriesResponse)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(answers)
        with pytest.raises(grpc.aio.AioRpcError) as no_deadline:
            await anext(aiter(stub.ImportEnquiries(sent())))
    assert error_of(refused.value).fault == errors.Fault("INVALID", "no such source", ("source",))
    assert no_deadline.value.code() is grpc.StatusCode.INVALID_ARGUMENT
