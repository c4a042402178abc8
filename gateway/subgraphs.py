"""Each subgraph for a federation router, on a path of its own, answered to nobody but the router."""

import hmac
from collections.abc import Mapping

import orjson
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.ids import new_id
from chassis.tls import IDENTITY
from gateway.errors import RequestError
from gateway.http import JSON
from gateway.listener import CERTIFIED
from gateway.route import GraphQLRoute

ROUTER = f"{IDENTITY}router"
HEADER = "router-secret"


class RouterOnly:
    """Refuses, before anything of a request is read, who does not prove to be the router: by the certificate of the
    connection, or by the secret that both know.
    """

    def __init__(self, app: ASGIApp, secret: str | None) -> None:
        self._app = app
        self._secret = secret.encode() if secret is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_router(scope):
            await self._app(scope, receive, send)
            return
        request_id = new_id("req")
        error = RequestError("UNAUTHENTICATED", "subgraphs are answered to the router alone", 401)
        body = orjson.dumps({"errors": [error.formatted(request_id)]})
        headers = {"x-request-id": request_id, "www-authenticate": "Router-Secret"}
        await Response(body, error.status, headers, media_type=JSON)(scope, receive, send)

    def _is_router(self, scope: Scope) -> bool:
        # Who has other names beside it is not the router alone.
        if scope["state"][CERTIFIED] == [ROUTER]:
            return True
        given = Headers(scope=scope).get(HEADER, "").encode("latin-1")
        return self._secret is not None and hmac.compare_digest(given, self._secret)


def subgraphs_app(routes: Mapping[str, GraphQLRoute], secret: str | None) -> ASGIApp:
    """POST /subgraphs/<name>."""
    app = Starlette(
        routes=[Route(f"/subgraphs/{name}", route.__call__, methods=["POST"]) for name, route in routes.items()]
    )
    return RouterOnly(app, secret)
