"""Pages that links in messages lead to: who confirms or ends a consent there is known by the token of the link alone.

Only the button does it: mail scanners follow links. A one-click request of a mail program (RFC 8058) is the same POST.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rundblick.customers.v1 import consent_pb2, consent_pb2_grpc, delivery_pb2, delivery_pb2_grpc
from starlette.requests import Request
from starlette.responses import Response

from chassis.calls import call
from chassis.errors import Conflict, DomainError, NotFound
from gateway.http import language_of
from gateway.pages import sentence

# Below the public address of the gateway; the customers service writes links to them.
CONFIRM = "/consent/{token}"
UNSUBSCRIBE = "/unsubscribe/{token}"

_SECONDS = 5.0
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "confirm": "Please confirm that you want to hear from us.",
        "confirm button": "Confirm",
        "confirmed": "Thank you. Your consent is confirmed.",
        "unsubscribe": "Do you want to get no more messages of this kind?",
        "unsubscribe button": "Unsubscribe",
        "unsubscribed": "Done. You get no more messages of this kind.",
        "unknown": "This link is not known.",
        "too late": "This link does not work any more.",
        "away": "This does not work at the moment. Please try again later.",
    },
    "de": {
        "confirm": "Bitte bestätigen Sie, dass Sie von uns hören möchten.",
        "confirm button": "Bestätigen",
        "confirmed": "Vielen Dank. Ihre Einwilligung ist bestätigt.",
        "unsubscribe": "Möchten Sie keine Nachrichten dieser Art mehr erhalten?",
        "unsubscribe button": "Abmelden",
        "unsubscribed": "Erledigt. Sie erhalten keine Nachrichten dieser Art mehr.",
        "unknown": "Dieser Link ist nicht bekannt.",
        "too late": "Dieser Link gilt nicht mehr.",
        "away": "Das geht gerade nicht. Bitte versuchen Sie es später noch einmal.",
    },
}


class Answers:
    """channel: to customers, in the name of the gateway: who follows a link is nobody known."""

    def __init__(self, channel: Any) -> None:
        self._consents = consent_pb2_grpc.ConsentServiceStub(channel)
        self._deliveries = delivery_pb2_grpc.CustomerDeliveryServiceStub(channel)

    async def confirm(self, request: Request) -> Response:
        async def do(token: str) -> None:
            asked = consent_pb2.ConfirmConsentRequest(token=token)
            await call(self._consents.ConfirmConsent, asked, timeout=_SECONDS)

        return await _answered(request, "confirm", "confirmed", do)

    async def unsubscribe(self, request: Request) -> Response:
        async def do(token: str) -> None:
            asked = delivery_pb2.UnsubscribeRequest(token=token)
            await call(self._deliveries.Unsubscribe, asked, timeout=_SECONDS)

        return await _answered(request, "unsubscribe", "unsubscribed", do)


async def _answered(request: Request, ask: str, done: str, do: Callable[[str], Awaitable[None]]) -> Response:
    language = language_of(request.headers.get("accept-language"))
    words = _WORDS[language]
    if request.method != "POST":
        button = f'<form method="post"><button type="submit">{words[f"{ask} button"]}</button></form>'
        return sentence(language, words[ask], button)
    try:
        await do(request.path_params["token"])
    except NotFound:
        return sentence(language, words["unknown"], status=404)
    except Conflict:
        return sentence(language, words["too late"], status=410)
    except DomainError:
        return sentence(language, words["away"], status=503)
    return sentence(language, words[done])
