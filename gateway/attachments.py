"""Files go up and come down over HTTP, in parts: the gateway passes them on and keeps nothing of them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from rundblick.feedback.v1 import attachment_pb2 as pb
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from chassis import errors
from chassis.calls import call, stream
from chassis.ids import new_id
from chassis.tokens import Authenticator
from gateway.errors import CODES, RequestError
from gateway.feedback.attachment import PATH, AttachmentState
from gateway.http import admitted
from gateway.shared import enum_of, needed

log = logging.getLogger(__name__)

DOWNLOAD = f"{PATH}/{{id}}"
# A part is well below what a gRPC message may hold.
_PART = 256 * 1024

_STATUS: Mapping[type[errors.DomainError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Exhausted: 429,
    errors.DeadlineExceeded: 504,
    errors.Unavailable: 503,
}
# What of the upload was wrong has statuses of its own.
_STATUS_OF_INPUT: Mapping[tuple[str, ...], int] = {("size",): 413, ("content_type",): 415}
# Whatever the file is, no browser takes it for a page of this address.
_HEADERS = {
    "cache-control": "private, no-store",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


class Attachments:
    """stubs: of feedback, there when the server has started. seconds: that one file may take."""

    def __init__(self, stubs: Callable[[], Any], authenticator: Authenticator, seconds: float) -> None:
        self._stubs = stubs
        self._authenticator = authenticator
        self._seconds = seconds

    async def upload(self, request: Request) -> Response:
        """POST: the body is the file; name and source are parameters of the query, the type is the content-type."""
        return await self._answered(request, self._upload)

    async def download(self, request: Request) -> Response:
        return await self._answered(request, self._download)

    async def _answered(self, request: Request, work: Any) -> Response:
        request_id = new_id("req")
        try:
            token, _ = await admitted(self._authenticator, request)
            response: Response = await work(request, token)
        except RequestError as error:
            response = _json({"errors": [error.formatted(request_id)]}, error.status)
        except errors.DomainError as error:
            response = _refusal(error, request_id)
        except ClientDisconnect:
            return Response(status_code=499)
        response.headers["x-request-id"] = request_id
        if response.status_code == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response

    async def _upload(self, request: Request, token: str | None) -> Response:
        new = pb.NewAttachment(
            name=request.query_params.get("name", ""),
            content_type=request.headers.get("content-type", ""),
            source=request.query_params.get("source", ""),
        )
        sending = _Sending(new, request)
        try:
            answer: pb.UploadAttachmentResponse = await call(
                self._stubs().attachments.UploadAttachment, sending.parts(), timeout=self._seconds, token=token
            )
        except asyncio.CancelledError:
            # gRPC ends a call of which the sender fails as if somebody had cancelled it.
            if sending.failed is None:
                raise
            raise sending.failed from None
        one = answer.attachment
        said = {
            "id": one.id,
            "name": one.name,
            "contentType": one.content_type,
            "size": one.size,
            "state": enum_of(AttachmentState, pb.AttachmentState, one.state, "ATTACHMENT_STATE_").value,
            "uploadedAt": needed(one, "uploaded_at"),
            "url": f"{PATH}/{one.id}",
        }
        response = _json(said, 201)
        response.headers["location"] = f"{PATH}/{one.id}"
        return response

    async def _download(self, request: Request, token: str | None) -> Response:
        asked = pb.DownloadAttachmentRequest(id=request.path_params["id"])
        answers = stream(self._stubs().attachments.DownloadAttachment, asked, timeout=self._seconds, token=token)
        # What is refused is refused before the first answer.
        one: pb.Attachment = (await anext(answers)).attachment
        headers = {
            **_HEADERS,
            "content-disposition": f"attachment; filename*=UTF-8''{quote(one.name, safe='')}",
            "content-length": str(one.size),
        }
        return StreamingResponse(_data(answers), headers=headers, media_type=one.content_type)


class _Sending:
    """What goes to the service. failed: why the client stopped."""

    def __init__(self, new: pb.NewAttachment, request: Request) -> None:
        self._new = new
        self._request = request
        self.failed: ClientDisconnect | None = None

    async def parts(self) -> AsyncIterator[pb.UploadAttachmentRequest]:
        yield pb.UploadAttachmentRequest(attachment=self._new)
        try:
            async for chunk in self._request.stream():
                for start in range(0, len(chunk), _PART):
                    yield pb.UploadAttachmentRequest(data=chunk[start : start + _PART])
        except ClientDisconnect as error:
            self.failed = error
            raise


async def _data(answers: AsyncIterator[pb.DownloadAttachmentResponse]) -> AsyncIterator[bytes]:
    async for answer in answers:
        yield answer.data


def _refusal(error: errors.DomainError, request_id: str) -> Response:
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if isinstance(error, errors.InvalidInput):
        status = _STATUS_OF_INPUT.get(error.path, status)
    if status == 500:
        log.error("%s failed", request_id, exc_info=error)
    code = CODES.get(error.code, "INTERNAL_SERVER_ERROR")
    return _json({"errors": [RequestError(code, error.message, status).formatted(request_id)]}, status)


def _json(content: object, status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
