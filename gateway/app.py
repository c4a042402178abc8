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

from chassis.caller import OPERATIONS
from chassis.channel import open_channel
from chassis.directory import Directory, Identity
from chassis.remote_directory import FILES as DIRECTORY
from chassis.remote_directory import RemoteDirectory
from chassis.telemetry import traced_app
from chassis.tokens import Authenticator
from gateway import rights, schema
from gateway.answers import CONFIRM, UNSUBSCRIBE, Answers
from gateway.context import Context
from gateway.customers import client as customers
from gateway.customers.code import PATH
from gateway.errors import RequestError
from gateway.execution import Executor
from gateway.feedback import client as feedback
from gateway.http import GraphQLRoute, admitted
from gateway.limits import Limits
from gateway.links import Links
from gateway.listener import listening
from gateway.metrics import client as metrics
from gateway.settings import GatewaySettings
from gateway.subgraphs import subgraphs_app
from gateway.websocket import GraphQLSocket

# Who may know where the services answer: those who bring in data over gRPC, and those who look after the system.
IMPORT = "import"
CLIENTS = "clients:admin"
_READY_SECONDS = 1.0


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


class Gateway:
    """What the routes stand on; the channels are opened when the server starts."""

    def __init__(self, settings: GatewaySettings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._authenticator = Authenticator.of(settings, rights.TABLE, self)
        self._limits = limits
        self._executor = Executor(schema.graphql_schema(), limits)
        self._nodes = schema.nodes()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stubs: dict[str, Any] = {}
        self._directory: Directory
        self._links: Links
        self._answers: Answers

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
                # No process is named: without a token it is the person before the gateway who has none.
                channel = open_channel(address, files[name], tls=self._settings.tls)
                self._channels[name] = await stack.enter_async_context(channel)
            self._stubs = {
                customers.SERVICE: customers.CustomersStubs(
                    self._channels[customers.SERVICE], self._settings.public_url
                ),
                feedback.SERVICE: feedback.FeedbackStubs(self._channels[feedback.SERVICE]),
                metrics.SERVICE: metrics.MetricsStubs(self._channels[metrics.SERVICE]),
            }
            opening = open_channel(
                self._settings.customers_address, DIRECTORY, tls=self._settings.tls, process="gateway"
            )
            asking = await stack.enter_async_context(opening)
            self._directory = RemoteDirectory(asking)
            self._links = Links(asking)
            self._answers = Answers(asking)
            if self._settings.subgraph_port is not None:
                await stack.enter_async_context(self.serving_subgraphs())
            yield

    @asynccontextmanager
    async def serving_subgraphs(self) -> AsyncIterator[int]:
        """On a port of their own, for a federation router; the port is told."""
        settings = self._settings
        secret = settings.router_secret.get_secret_value() if settings.router_secret else None
        schemas = {name: schema.subgraph(name, self._limits)._schema for name in schema.SUBGRAPHS}
        routes = {name: self._route(Executor(graph, self._limits)) for name, graph in schemas.items()}
        async with listening(
            traced_app(subgraphs_app(routes, secret)),
            settings.subgraph_host,
            settings.subgraph_port or 0,
            tls=settings.tls,
            everybody_certified=secret is None,
            grace_seconds=settings.grace_seconds,
        ) as port:
            yield port

    async def identity_of(self, issuer: str, subject: str, client: str | None) -> Identity | None:
        """As the directory of its own authenticator, which is there before the channels are."""
        return await self._directory.identity_of(issuer, subject, client)

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
            _, caller = await admitted(self._authenticator, request)
        except RequestError as error:
            return _json({"errors": [{"message": error.message, "extensions": {"code": error.code}}]}, error.status)
        found: dict[str, object] = {"graphql": "/graphql"}
        if any(map(caller.may, (IMPORT, OPERATIONS, CLIENTS))):
            found["services"] = dict(self._addresses)
        return _json(found)

    async def follow(self, request: Request) -> Response:
        return await self._links(request)

    async def confirm(self, request: Request) -> Response:
        return await self._answers.confirm(request)

    async def unsubscribe(self, request: Request) -> Response:
        return await self._answers.unsubscribe(request)

    def _route(self, executor: Executor) -> GraphQLRoute:
        settings = self._settings
        return GraphQLRoute(
            executor,
            self._authenticator,
            self.prepare,
            request_seconds=settings.request_seconds,
            call_seconds=settings.call_seconds,
            body_bytes=settings.body_bytes,
        )

    def app(self) -> Starlette:
        settings = self._settings
        graphql = self._route(self._executor)
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
                Route(f"{PATH}{{code}}", self.follow, methods=["GET"]),
                Route(CONFIRM, self.confirm, methods=["GET", "POST"]),
                Route(UNSUBSCRIBE, self.unsubscribe, methods=["GET", "POST"]),
                Route("/health/live", self.live),
                Route("/health/ready", self.ready),
                Route("/.well-known/rundblick", self.well_known),
            ],
            lifespan=self.opened,
        )
