"""Answers ConsentService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import consent_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.idempotency import Writes
from chassis.mongo import Session, require_source
from chassis.page import encode_cursor, page_info, page_of, slice_of
from chassis.times import from_timestamp, to_timestamp
from services.customers.batches import answers
from services.customers.consent import messages
from services.customers.consent.domain import ConsentStatus
from services.customers.consent.opt_in import LIFETIME, HandingOver, new_token, token_hash
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.repository import MongoCustomerRepository


class ConsentServicer(consent_pb2_grpc.ConsentServiceServicer):
    def __init__(
        self,
        consents: MongoConsentRepository,
        customers: MongoCustomerRepository,
        permissions: Permissions,
        recording: ConsentRecording,
        tokens: HandingOver,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._consents = consents
        self._customers = customers
        self._permissions = permissions
        self._recording = recording
        self._tokens = tokens
        self._writes = writes
        self._now = now

    async def BatchListConsents(
        self, request: pb.BatchListConsentsRequest, context: Any
    ) -> pb.BatchListConsentsResponse:
        ledgers = await self._permissions.ledgers(current_caller(), request.customer_ids)
        response = pb.BatchListConsentsResponse()
        for id in request.customer_ids:
            found = ledgers[id].consents(self._now()) if id in ledgers else ()
            response.lists[id].CopyFrom(pb.ConsentList(consents=map(messages.consent_to_proto, found)))
        return response

    async def BatchListConsentEntries(
        self, request: pb.BatchListConsentEntriesRequest, context: Any
    ) -> pb.BatchListConsentEntriesResponse:
        caller, page = current_caller(), page_of(request.page, [datetime, str])
        seen = await self._customers.seen(caller, request.customer_ids)
        slices = await self._consents.pages(caller, [id for id in request.customer_ids if id in seen], page)
        response = pb.BatchListConsentEntriesResponse()
        for id in request.customer_ids:
            # Whom the caller does not see has as many as one that does not exist.
            part = slices.get(id) or slice_of([], [], page)
            edges = [
                pb.ConsentEntryEdge(cursor=encode_cursor(boundary), node=messages.entry_to_proto(entry, caller))
                for entry, boundary in zip(part.items, part.boundaries, strict=True)
            ]
            response.pages[id].CopyFrom(pb.ConsentEntryPage(edges=edges, page_info=page_info(part)))
        return response

    async def BatchGetContactPermissions(
        self, request: pb.BatchGetContactPermissionsRequest, context: Any
    ) -> pb.BatchGetContactPermissionsResponse:
        channel = messages.channel_from_proto(request.channel)
        purpose = messages.purpose_from_proto(request.purpose)
        at = from_timestamp(request.at, ("at",)) if request.HasField("at") else self._now()
        found = await self._permissions.may_contact(current_caller(), request.customer_ids, channel, purpose, at)
        protos = {id: messages.permission_to_proto(permission) for id, permission in found.items()}
        return pb.BatchGetContactPermissionsResponse(
            answers=answers(pb.ContactPermissionAnswer, request.customer_ids, protos)
        )

    async def RecordConsent(self, request: pb.RecordConsentRequest, context: Any) -> pb.RecordConsentResponse:
        caller = current_caller()
        said = messages.statement_from_proto(request.statement, ConsentStatus.GRANTED, self._now())
        require_source(caller, said.source)
        token = new_token()
        if request.double_opt_in:
            said = said.awaiting(token_hash(token), self._now() + LIFETIME)
        whose = await self._whose(caller, request.statement)
        to_send: dict[str, str | None] = {}

        async def record(session: Session) -> pb.RecordConsentResponse:
            entry = await self._recording.record(caller, session, whose, said)
            if request.double_opt_in:
                to_send[entry.id] = await self._tokens.hand_over(caller, session, entry, token)
            return pb.RecordConsentResponse(
                entry=messages.entry_to_proto(entry, caller), token_expires_at=to_timestamp(said.token_until)
            )

        response = await self._writes.run(caller, request, pb.RecordConsentResponse, record)
        self._recording.told()
        # Added afterwards: what a repetition is answered from is kept for days, and must not hold it.
        told = to_send.get(response.entry.id)
        return (
            response
            if told is None
            else pb.RecordConsentResponse(entry=response.entry, token=told, token_expires_at=response.token_expires_at)
        )

    async def RevokeConsent(self, request: pb.RevokeConsentRequest, context: Any) -> pb.RevokeConsentResponse:
        caller = current_caller()
        said = messages.statement_from_proto(request.statement, ConsentStatus.REVOKED, self._now())
        require_source(caller, said.source)
        whose = await self._whose(caller, request.statement)

        async def revoke(session: Session) -> pb.RevokeConsentResponse:
            entry = await self._recording.record(caller, session, whose, said)
            return pb.RevokeConsentResponse(entry=messages.entry_to_proto(entry, caller))

        response = await self._writes.run(caller, request, pb.RevokeConsentResponse, revoke)
        self._recording.told()
        return response

    async def ConfirmConsent(self, request: pb.ConfirmConsentRequest, context: Any) -> pb.ConfirmConsentResponse:
        caller = current_caller()
        ip_address = request.ip_address if request.HasField("ip_address") else None

        async def confirm(session: Session) -> pb.ConfirmConsentResponse:
            entry = await self._recording.confirm(caller, session, request.token, ip_address)
            return pb.ConfirmConsentResponse(entry=messages.entry_to_proto(entry, caller))

        response = await self._writes.run(caller, request, pb.ConfirmConsentResponse, confirm)
        self._recording.told()
        return response

    async def _whose(self, caller: Caller, statement: pb.ConsentStatement) -> str:
        external = statement.external_id
        return await self._recording.whose(
            caller,
            statement.customer_id if statement.HasField("customer_id") else None,
            (external.source, external.id) if statement.HasField("external_id") else None,
        )
