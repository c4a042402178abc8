"""The routes of the gateway, and what each operation is given to work with."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import orjson
from grpc_health.v1 import health_pb2, health_pb2_grpc
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
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
from gateway.attachments import DOWNLOAD, Attachments
from gateway.breaker import Breaker
from gateway.context import Context
from gateway.customers import client as customers
from gateway.customers.code import PATH
from gateway.documents import Documents
from gateway.door import Door
from gateway.errors import RequestError
from gateway.execution import Executor
from gateway.feedback import client as feedback
from gateway.feedback.attachment import PATH as ATTACHMENTS
from gateway.http import admitted
from gateway.intake import INTAKE, Intake
from gateway.limits import Limits
from gateway.links import Links
from gateway.listener import listening
from gateway.load import Load
from gateway.metrics import client as metrics
from gateway.rates import Rates
from gateway.route import GraphQLRoute, Timing
from gateway.settings import GatewaySettings
from gateway.subgraphs import subgraphs_app
from gateway.surveys import SURVEY, Surveys
from gateway.websocket import GraphQLSocket

# Who may know where the services answer: those who bring in data over gRPC, and those who look after the system.
IMPORT = "import"
CLIENTS = "clients:admin"
_READY_SECONDS = 1.0
_SHOWN_TO_PAGES = ["x-request-id", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
_WORTH_PACKING = 1_000


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _middleware(origins: Collection[str]) -> Iterator[Middleware]:
    if origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "accept-language", "x-request-id"],
            expose_headers=_SHOWN_TO_PAGES,
            max_age=600,
        )
    yield Middleware(GZipMiddleware, minimum_size=_WORTH_PACKING, compresslevel=4)


class Gateway:
    """What the routes stand on; the channels are opened when the server starts."""

    def __init__(self, settings: GatewaySettings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._authenticator = Authenticator.of(settings, rights.TABLE, self)
        self._limits = limits or settings.limits
        self._executor = Executor(schema.graphql_schema(), self._limits)
        self._documents = Documents(settings.trusted_documents, only=settings.documents_only)
        self._rates = Rates(settings.operations_per_minute, settings.mutations_per_minute, settings.rates_uri)
        self._load = Load(settings.operations_at_once)
        self._breakers = {name: Breaker() for name in self._addresses}
        self._nodes = schema.nodes()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stubs: dict[str, Any] = {}
        self._directory: Directory
        self._links: Links
        self._answers: Answers
        self._surveys: Surveys
        self._intake: Intake

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
            taking = open_channel(
                self._settings.feedback_address, feedback.FILES, tls=self._settings.tls, process="gateway"
            )
            telling = await stack.enter_async_context(taking)
            self._surveys = Surveys(telling)
            self._intake = Intake(asking, telling, self._settings.intake_secrets, self._settings.body_bytes)
            if self._settings.subgraph_port is not None:
                await stack.enter_async_context(self.serving_subgraphs())
            yield

    @asynccontextmanager
    async def serving_subgraphs(self) -> AsyncIterator[int]:
        """On a port of their own, for a federation router; the port is told."""
        settings = self._settings
        secret = settings.router_secret.get_secret_value() if settings.router_secret else None
        schemas = {name: schema.subgraph(name, self._limits)._schema for name in schema.SUBGRAPHS}
        # The router counts and chooses before us.
        doors = {name: Door(Executor(graph, self._limits), load=self._load) for name, graph in schemas.items()}
        routes = {name: self._route(door) for name, door in doors.items()}
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
        context.breakers = self._breakers
        context.rates = self._rates
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
        ready = "SERVING" in states and not self._load.overloaded
        return _json({"services": services, "overloaded": self._load.overloaded}, 200 if ready else 503)

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

    async def survey(self, request: Request) -> Response:
        return await self._surveys(request)

    async def take_in(self, request: Request) -> Response:
        return await self._intake(request)

    def _route(self, door: Door) -> GraphQLRoute:
        body_bytes = self._settings.body_bytes
        return GraphQLRoute(door, self._authenticator, self.prepare, self._timing, body_bytes=body_bytes)

    @property
    def _timing(self) -> Timing:
        settings = self._settings
        return Timing(settings.request_seconds, settings.call_seconds, settings.socket_seconds)

    def app(self) -> Starlette:
        settings = self._settings
        door = Door(self._executor, self._documents, self._rates, self._load)
        graphql = self._route(door)
        socket = GraphQLSocket(door, self._authenticator, self.prepare, self._timing, origins=settings.origins)
        files = Attachments(
            lambda: self._stubs[feedback.SERVICE], self._authenticator, seconds=settings.transfer_seconds
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
                Route(INTAKE, self.take_in, methods=["POST"]),
                Route(SURVEY, self.survey, methods=["GET", "POST"]),
                Route(ATTACHMENTS, files.upload, methods=["POST"]),
                Route(DOWNLOAD, files.download, methods=["GET"]),
                Route("/health/live", self.live),
                Route("/health/ready", self.ready),
                Route("/.well-known/rundblick", self.well_known),
            ],
            middleware=list(_middleware(settings.origins)),
            lifespan=self.opened,
        )
