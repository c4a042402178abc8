"""Links on posters: whoever follows the code of a touchpoint is counted there and led on."""

from typing import Any

from rundblick.customers.v1 import code_pb2, code_pb2_grpc
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from chassis.calls import call
from chassis.errors import DomainError, NotFound

_SECONDS = 5.0


class Links:
    """channel: to customers, in the name of the gateway: who follows a link is nobody known."""

    def __init__(self, channel: Any) -> None:
        self._stub = code_pb2_grpc.CodeServiceStub(channel)

    async def __call__(self, request: Request) -> Response:
        asked = code_pb2.FollowCodeRequest(code=request.path_params["code"])
        try:
            answer: code_pb2.FollowCodeResponse = await call(self._stub.FollowCode, asked, timeout=_SECONDS)
        except NotFound:
            return PlainTextResponse("This link leads nowhere.", 404)
        except DomainError:
            return PlainTextResponse("This link does not work at the moment.", 503)
        # Not kept by browsers and what lies between: each visit counts.
        return RedirectResponse(answer.target, 302, headers={"cache-control": "no-store"})
