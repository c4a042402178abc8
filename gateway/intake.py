"""Facts of systems that have no token: each post is signed after Standard Webhooks, and speaks for one source alone.

What it says is written once however often it is sent: its id is the idempotency key of the write. See docs/webhooks.md.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from rundblick.customers.v1 import customer_pb2, reference_pb2, reference_pb2_grpc, signal_pb2
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc, feedback_pb2, feedback_pb2_grpc
from standardwebhooks import WebhookVerificationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis.batches import fault_of
from chassis.caller import SOURCES_METADATA
from chassis.calls import call
from chassis.errors import DomainError, InvalidInput
from chassis.ids import new_id
from chassis.times import to_timestamp
from gateway.errors import CODES, RequestError
from gateway.http import body_of
from gateway.posts import Envelope, Kind, Opened, Person, Secrets, Submitted, Written
from gateway.shared import camel

log = logging.getLogger(__name__)

INTAKE = "/intake/{source}"
_SECONDS = 10.0
_LONGEST_ID = 255
# Of the services' fields, as the body calls them.
_NAMES = {
    "touchpoint_key": "touchpoint",
    "team_key": "team",
    "enquiry_id": "enquiry",
    "customer_external_id": "customer",
    "body": "message",
}
_STATUS = {
    "INVALID": 422,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "CONFLICT": 409,
    "IDEMPOTENCY_MISMATCH": 409,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "SERVICE_UNAVAILABLE": 503,
    "GATEWAY_TIMEOUT": 503,
}


class Intake:
    """customers, feedback: channels in the name of the gateway."""

    def __init__(self, customers: Any, feedback: Any, secrets: Secrets, body_bytes: int) -> None:
        self._references = reference_pb2_grpc.ReferenceServiceStub(customers)
        self._enquiries = enquiry_pb2_grpc.EnquiryServiceStub(feedback)
        self._feedback = feedback_pb2_grpc.FeedbackServiceStub(feedback)
        self._secrets = secrets
        self._body_bytes = body_bytes
        self._writes: Mapping[Kind, Callable[[str, str, dict[str, Any]], Awaitable[dict[str, str]]]] = {
            Kind.ENQUIRY_OPENED: self._open,
            Kind.ENQUIRY_MESSAGE: self._add,
            Kind.FEEDBACK_SUBMITTED: self._submit,
        }

    async def __call__(self, request: Request) -> Response:
        request_id = new_id("req")
        try:
            return _created(await self._taken(request), request_id)
        except RequestError as error:
            return _problem(error.status, error.code, error.message, (), request_id)
        except ValidationError as error:
            [first, *_] = error.errors()
            # Without what was said there: that may be personal.
            return _problem(422, "BAD_USER_INPUT", first["msg"], tuple(map(str, first["loc"])), request_id)
        except DomainError as error:
            status = _STATUS.get(error.code, 500)
            if status == 500:
                log.error("intake: %s: %s", request_id, error.code)
                return _problem(500, "INTERNAL_SERVER_ERROR", "internal error", (), request_id)
            return _problem(status, CODES[error.code], error.message, _path(error), request_id)

    async def _taken(self, request: Request) -> dict[str, str]:
        source = request.path_params["source"]
        try:
            body = await body_of(request, self._body_bytes)
        except ClientDisconnect:
            raise RequestError("BAD_REQUEST", "the request ended early") from None
        id = self._checked(source, body, request.headers)
        try:
            said = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise RequestError("BAD_REQUEST", "the body is no JSON in UTF-8") from None
        envelope = Envelope.model_validate(said)
        # Of all sources together one key means one post.
        key = hashlib.sha256(f"{source}\n{id}".encode()).hexdigest()
        return await self._writes[envelope.type](source, key, envelope.data)

    def _checked(self, source: str, body: bytes, headers: Mapping[str, str]) -> str:
        """The id of the post. RequestError: nobody who may speak for this source signed it within five minutes."""
        for secret in self._secrets.get(source, ()):
            try:
                secret.verify(body, dict(headers), json_parse=False)
            except (WebhookVerificationError, ValueError):
                continue
            if not 1 <= len(headers["webhook-id"]) <= _LONGEST_ID:
                raise RequestError("BAD_REQUEST", f"webhook-id has 1 to {_LONGEST_ID} characters")
            return headers["webhook-id"]
        # Whether there is such a source nobody learns here.
        raise RequestError("UNAUTHENTICATED", "the signature does not fit, or is more than five minutes old", 401)

    async def _open(self, source: str, key: str, data: dict[str, Any]) -> dict[str, str]:
        said = _read(Opened, data)
        request = enquiry_pb2.OpenEnquiryRequest(
            idempotency_key=key,
            source=source,
            external_id=said.external_id,
            touchpoint_key=said.touchpoint or "",
            subject=said.subject,
            category=said.category,
            service=said.service,
            team_key=said.team,
            opened_at=to_timestamp(said.opened_at),
            message=enquiry_pb2.NewMessage(body=said.message, occurred_at=to_timestamp(said.opened_at)),
            customer_external_id=await self._customer(source, said.customer),
        )
        answer = await self._call(source, self._enquiries.OpenEnquiry, request)
        return {"enquiry": answer.enquiry.id}

    async def _add(self, source: str, key: str, data: dict[str, Any]) -> dict[str, str]:
        said = _read(Written, data)
        message = enquiry_pb2.NewMessage(
            author_kind=enquiry_pb2.AuthorKind.Value(f"AUTHOR_KIND_{said.author}"),
            body=said.message,
            touchpoint_key=said.touchpoint,
            occurred_at=to_timestamp(said.occurred_at),
        )
        request = enquiry_pb2.AddMessageRequest(idempotency_key=key, enquiry_id=said.enquiry, message=message)
        answer = await self._call(source, self._enquiries.AddMessage, request)
        return {"enquiry": answer.enquiry.id, "message": answer.message.id}

    async def _submit(self, source: str, key: str, data: dict[str, Any]) -> dict[str, str]:
        said = _read(Submitted, data)
        score = said.score and feedback_pb2.Score(
            kind=signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{said.score.kind}"), value=said.score.value
        )
        request = feedback_pb2.SubmitFeedbackRequest(
            idempotency_key=key,
            source=source,
            external_id=said.external_id,
            touchpoint_key=said.touchpoint or "",
            kind=feedback_pb2.FeedbackKind.Value(f"FEEDBACK_KIND_{said.kind or 'UNSPECIFIED'}"),
            text=said.text,
            score=score,
            solicited=said.solicited,
            enquiry_id=said.enquiry,
            received_at=to_timestamp(said.received_at),
            customer_external_id=await self._customer(source, said.customer),
        )
        answer = await self._call(source, self._feedback.SubmitFeedback, request)
        return {"feedback": answer.feedback.id}

    async def _customer(self, source: str, said: str | Person | None) -> customer_pb2.ExternalId | None:
        """Who is told of with a name or an address is there from now on; who by the id alone must be known."""
        if said is None:
            return None
        if isinstance(said, str):
            return customer_pb2.ExternalId(source=source, id=said)
        fields = customer_pb2.CustomerFields(
            display_name=said.name or said.email or said.id,
            emails=customer_pb2.StringList(values=[said.email]) if said.email else None,
            phones=customer_pb2.StringList(values=[said.phone]) if said.phone else None,
        )
        reference = reference_pb2.CustomerReference(
            external_id=said.id, fields=fields, kind=customer_pb2.CUSTOMER_KIND_PERSON
        )
        request = reference_pb2.ResolveReferencesRequest(
            source=source, customers=[reference], limit=reference_pb2.SourceLimit(sources=[source])
        )
        answer = await call(self._references.ResolveReferences, request, timeout=_SECONDS)
        found = answer.customers[said.id]
        if found.HasField("error"):
            raise InvalidInput(fault_of(found.error).message, ("customer",))
        return customer_pb2.ExternalId(source=source, id=said.id)

    async def _call(self, source: str, method: Any, request: Any) -> Any:
        limit = {SOURCES_METADATA: json.dumps([source])}
        return await call(method, request, timeout=_SECONDS, metadata=limit)


def _read(kind: type[Any], data: dict[str, Any]) -> Any:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        [first, *_] = error.errors()
        raise InvalidInput(first["msg"], tuple(map(str, first["loc"]))) from None


def _path(error: DomainError) -> tuple[str, ...]:
    """In the names of the body."""
    names = [_NAMES.get(part) or camel(part) for part in error.path]
    return ("data", *names) if names else ()


def _created(said: Mapping[str, Any], request_id: str) -> Response:
    return Response(orjson.dumps(said), 201, {"x-request-id": request_id}, media_type="application/json")


def _problem(status: int, code: str, detail: str, path: Sequence[str], request_id: str) -> Response:
    said = {"type": "about:blank", "status": status, "code": code, "detail": detail, "path": list(path)}
    headers = {"x-request-id": request_id, **({"retry-after": "30"} if status in (429, 503) else {})}
    return Response(
        orjson.dumps({**said, "requestId": request_id}), status, headers, media_type="application/problem+json"
    )
