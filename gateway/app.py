"""The routes of the gateway, and what each operation is given to work with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import orjson
from grpc_health.v1 import health_pb2, health_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from chassis.caller import OPERATIONS, Authenticator
from chassis.channel import open_channel
from gateway import schema
from gateway.context import Context
from gateway.customers import client as customers
from gateway.errors import RequestError
from gateway.execution import Executor
from gateway.feedback import client as feedback
from gateway.http import GraphQLRoute, admitted
from gateway.limits import Limits
from gateway.metrics import client as metrics
from gateway.settings import GatewaySettings
from gateway.websocket import GraphQLSocket

# Who may know where the services answer: those who bring in data over gRPC.
IMPORT = "import"
_READY_SECONDS = 1.0


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


class Gateway:
    """What the routes stand on; the channels are opened when the server starts."""

    def __init__(self, settings: GatewaySettings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._authenticator = Authenticator(settings.secret, production=settings.env == "production")
        self._executor = Executor(schema.graphql_schema(), limits)
        self._nodes = schema.nodes()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stubs: dict[str, Any] = {}

    @property
    def _addresses(self) -> Mapping[str, str]:
        settings = self._settings
        return {
            customers.SERVICE: settings.customers_address,
            feedback.SERVICE: settings.feedback_address,
            metrics.SERVICE: settings.metrics_address,
        }

    @asynccontextmanager
    async def opened(self, _app: object = None) -> AsyncIterator[None]:
        files = {customers.SERVICE: customers.FILES, feedback.SERVICE: feedback.FILES, metrics.SERVICE: metrics.FILES}
        async with AsyncExitStack() as stack:
            for name, address in self._addresses.items():
                self._channels[name] = await stack.enter_async_context(open_channel(address, files[name]))
            self._stubs = {
                customers.SERVICE: customers.CustomersStubs(self._channels[customers.SERVICE]),
                feedback.SERVICE: feedback.FeedbackStubs(self._channels[feedback.SERVICE]),
                metrics.SERVICE: metrics.MetricsStubs(self._channels[metrics.SERVICE]),
            }
            yield

    def prepare(self, context: Context) -> None:
        """Fresh loaders for one operation."""
        context.nodes = self._nodes
        context.loaders = {
            customers.SERVICE: customers.Customers(self._stubs[customers.SERVICE], context),
            feedback.SERVICE: feedback.Feedback(self._stubs[feedback.SERVICE], context),
            metrics.SERVICE: metrics.Metrics(self._stubs[metrics.SERVICE], context),
        }

    async def run(self, query: str, variables: dict[str, Any] | None, context: Context) -> dict[str, Any]:
        self.prepare(context)
        return await self._executor.run(query, variables, None, context)

    async def live(self, request: Request) -> Response:
        return _json({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """Ready while any service answers: the others' parts of the graph are null until they do."""
        states = await asyncio.gather(*(self._state(name) for name in self._channels))
        services = dict(zip(self._channels, states, strict=True))
        return _json({"services": services}, 200 if "SERVING" in states else 503)

    async def _state(self, name: str) -> str:
        stub: Any = health_pb2_grpc.HealthStub(self._channels[name])
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_READY_SECONDS)
        except grpc.aio.AioRpcError:
            return "UNREACHABLE"
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    async def well_known(self, request: Request) -> Response:
        """Where a deployment's parts are."""
        try:
            _, caller = admitted(self._authenticator, request)
        except RequestError as error:
            return _json({"errors": [{"message": error.message, "extensions": {"code": error.code}}]}, error.status)
        found: dict[str, object] = {"graphql": "/graphql"}
        if caller.may(IMPORT) or caller.may(OPERATIONS):
            found["services"] = dict(self._addresses)
        return _json(found)

    def app(self) -> Starlette:
        settings = self._settings
        graphql = GraphQLRoute(
            self._executor,
            self._authenticator,
            self.prepare,
            request_seconds=settings.request_seconds,
            call_seconds=settings.call_seconds,
            body_bytes=settings.body_bytes,
        )

        socket = GraphQLSocket(
            self._executor,
            self._authenticator,
            self.prepare,
            request_seconds=settings.request_seconds,
            call_seconds=settings.call_seconds,
            socket_seconds=settings.socket_seconds,
        )

        async def subscriptions(websocket: WebSocket) -> None:
            await socket(websocket)

        async def endpoint(request: Request) -> Response:
            return await graphql(request)

        return Starlette(
            routes=[
                Route("/graphql", endpoint, methods=["POST"]),
                WebSocketRoute("/graphql", subscriptions),
                Route("/health/live", self.live),
                Route("/health/ready", self.ready),
                Route("/.well-known/rundblick", self.well_known),
            ],
            lifespan=self.opened,
        )
