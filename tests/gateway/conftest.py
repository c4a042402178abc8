"""The gateway over three real services, each on its own database, behind a real HTTP server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from rundblick.customers.v1 import customer_pb2, reference_pb2, touchpoint_pb2
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc

from chassis.caller import DEVELOPMENT_CALLER
from chassis.channel import open_channel
from chassis.server import running_server
from chassis.times import to_timestamp
from gateway.app import Gateway
from gateway.context import Context
from gateway.settings import GatewaySettings
from services.customers.wiring import CustomersService
from services.feedback.enquiry.references import FILES
from services.feedback.wiring import FeedbackService
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.databases import Databases
from tests.gateway.router import ROUTER_SECRET, Router, Watched

BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class World:
    """The gateway as clients see it (client), and as one operation (run)."""

    gateway: Gateway
    client: httpx.AsyncClient
    addresses: dict[str, str]
    metrics: MetricsService

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        response = await self.client.post("/graphql", json={"query": query, "variables": variables})
        body: dict[str, Any] = response.json()
        return body

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        body = await self.answer(query, **variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def calls(self, query: str, **variables: Any) -> list[str]:
        """The RPCs that one operation makes."""
        context = Context(DEVELOPMENT_CALLER, None, "req_test", time.monotonic() + 30)
        answer = await self.gateway.run(query, variables, context)
        assert "errors" not in answer, answer["errors"]
        return context.calls

    async def import_enquiries(self, count: int) -> None:
        """So many customers with three enquiries each, and all of it counted."""
        enquiries = [
            enquiry_pb2.ImportedEnquiry(
                line=3 * customer + number,
                external_id=f"e{customer}-{number}",
                customer_external_id=f"c{customer}",
                touchpoint_key="form",
                subject=f"Question {number}",
                opened_at=to_timestamp(BEGAN + timedelta(hours=number)),
                messages=[_message("ask", "CUSTOMER", number), _message("answer", "EMPLOYEE", number + 1)],
            )
            for customer in range(count)
            for number in range(3)
        ]
        request = enquiry_pb2.ImportEnquiriesRequest(
            batch=1,
            source="shop",
            enquiries=enquiries,
            customers=[_customer(f"c{number}") for number in range(count)],
            touchpoints=[_touchpoint("form")],
        )
        async with open_channel(self.addresses["feedback"]) as channel:
            stub = enquiry_pb2_grpc.EnquiryServiceStub(channel)
            call: Any = stub.ImportEnquiries(iter([request]), timeout=30)
            answers = [answer async for answer in call]
        assert answers[0].created == 3 * count, answers

    async def record_enquiry(self, id: str) -> None:
        """One more enquiry of today in the figures."""
        query = (
            "mutation($input: RecordEventsInput!) { recordEvents(input: $input) { accepted userErrors { message } } }"
        )
        after = {"startedAt": datetime.now(UTC).isoformat(), "dimensions": [{"dimension": "source", "value": "shop"}]}
        event = {"id": id, "name": "enquiry.opened", "source": "shop", "after": after}
        answer = await self.data(query, input={"events": [event]})
        assert answer["recordEvents"] == {"accepted": 1, "userErrors": []}

    async def until(self, query: str, done: Any, **variables: Any) -> dict[str, Any]:
        """What other services must learn first arrives a moment later."""
        end = time.monotonic() + 30
        while not done(data := await self.data(query, **variables)):
            assert time.monotonic() < end, data
            await asyncio.sleep(0.05)
        return data


def _message(id: str, author: str, hours: int) -> enquiry_pb2.ImportedMessage:
    return enquiry_pb2.ImportedMessage(
        external_id=id,
        author_kind=enquiry_pb2.AuthorKind.Value(f"AUTHOR_KIND_{author}"),
        body=id,
        occurred_at=to_timestamp(BEGAN + timedelta(hours=hours)),
    )


def _customer(external_id: str) -> reference_pb2.CustomerReference:
    return reference_pb2.CustomerReference(
        external_id=external_id,
        fields=customer_pb2.CustomerFields(display_name=external_id),
        kind=customer_pb2.CUSTOMER_KIND_ORGANISATION,
    )


def _touchpoint(key: str) -> reference_pb2.TouchpointReference:
    return reference_pb2.TouchpointReference(
        key=key,
        create=reference_pb2.NewTouchpoint(
            name=key,
            channel=touchpoint_pb2.CHANNEL_WEB_FORM,
            nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
            control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
        ),
    )


@pytest.fixture
async def world(databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The parameter: the share of customers whom a lot leaves out of each offer."""
    authenticator = tokens.authenticator()
    async with AsyncExitStack() as stack:

        async def database(kind: str) -> Any:
            return await stack.enter_async_context(databases.lent(kind))

        async def serve(service: Any) -> str:
            await service.ready.ensure_indexes()
            server = running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
            )
            return f"127.0.0.1:{(await stack.enter_async_context(server)).port}"

        # Nobody is left out of an offer by chance, unless it is asked for.
        metrics, of_customers = (
            MetricsService(await database("metrics")),
            CustomersService(await database("customers"), holdout=getattr(request, "param", 0.0)),
        )
        addresses = {"customers": await serve(of_customers), "metrics": await serve(metrics)}
        customers = await stack.enter_async_context(open_channel(addresses["customers"], FILES, process="feedback"))
        to_metrics = await stack.enter_async_context(open_channel(addresses["metrics"], process="feedback"))
        feedback = FeedbackService(await database("feedback"), customers, to_metrics)
        addresses["feedback"] = await serve(feedback)
        await stack.enter_async_context(metrics.folding())
        await stack.enter_async_context(feedback.relaying())
        told = [open_channel(addresses[name], process="customers") for name in ("feedback", "metrics")]
        to_feedback, also_to_metrics = [await stack.enter_async_context(channel) for channel in told]
        await stack.enter_async_context(of_customers.relaying(to_feedback, also_to_metrics))

        settings = GatewaySettings(
            **tokens.SETTINGS,
            customers_address=addresses["customers"],
            feedback_address=addresses["feedback"],
            metrics_address=addresses["metrics"],
            public_url="https://company.example",
        )
        gateway = Gateway(settings)
        port = await stack.enter_async_context(_listening(gateway))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        yield World(gateway, client, addresses, metrics)


@pytest.fixture
async def router(world: World) -> AsyncIterator[Router]:
    settings = world.gateway._settings.model_copy(update={"router_secret": SecretStr(ROUTER_SECRET)})
    gateway = Watched(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(gateway.opened())
        port = await stack.enter_async_context(gateway.serving_subgraphs())
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        yield Router(world, gateway, await stack.enter_async_context(client))


class _Listening:
    def __init__(self, gateway: Gateway) -> None:
        config = uvicorn.Config(gateway.app(), port=0, log_config=None, lifespan="on", ws="websockets-sansio")
        self._server = uvicorn.Server(config)

    async def __aenter__(self) -> int:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done(), self._task
            await asyncio.sleep(0.01)
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._task


def _listening(gateway: Gateway) -> _Listening:
    return _Listening(gateway)
