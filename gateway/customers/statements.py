"""Mutations of consent: what customers allow, refuse and confirm."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import customer_pb2

from chassis.times import to_timestamp
from gateway.customers.client import customers_of
from gateway.customers.consent import ConsentPurpose, ConsentRecord, channel_value, purpose_value, record_of
from gateway.customers.customer import Customer
from gateway.customers.touchpoint import Channel
from gateway.shared import ExternalIdInput, Info, UserError, moment, mutate, present


@strawberry.input(description="Name the customer by id or by externalId.")
class ConsentStatementInput:
    customer: strawberry.ID | None = None
    external_id: ExternalIdInput | None = None
    channel: Channel
    purpose: ConsentPurpose
    address: str | None = strawberry.field(
        default=None, description="An e-mail address or a phone number, as the channel has it."
    )
    source: str = "rundblick"
    occurred_at: datetime | None = strawberry.field(default=None, description="null: now")
    wording_version: str | None = strawberry.field(default=None, description="Of the text that the customer saw.")
    ip_address: str | None = None


@strawberry.input
class RecordConsentInput(ConsentStatementInput):
    expires_at: datetime | None = None
    double_opt_in: bool = strawberry.field(default=False, description="It counts once it is confirmed with the token.")
    idempotency_key: str | None = None


@strawberry.input(
    description="A refusal holds for all addresses of the customer, also where nothing was granted before."
)
class RevokeConsentInput(ConsentStatementInput):
    idempotency_key: str | None = None


@strawberry.input
class ConfirmConsentInput:
    token: str
    ip_address: str | None = None
    idempotency_key: str | None = None


@strawberry.type
class RecordConsentPayload:
    user_errors: list[UserError]
    customer: Customer | None = None
    consent_record: ConsentRecord | None = None
    token: str | None = strawberry.field(
        default=None,
        description="Of a double opt-in: send it to the address. Told once; null where it is sent for you.",
    )
    token_expires_at: datetime | None = None


@strawberry.type
class RevokeConsentPayload:
    user_errors: list[UserError]
    customer: Customer | None = None
    consent_record: ConsentRecord | None = None


@strawberry.type
class ConfirmConsentPayload:
    user_errors: list[UserError]
    customer: Customer | None = None
    consent_record: ConsentRecord | None = None


def _statement(input: ConsentStatementInput, expires_at: datetime | None = None) -> pb.ConsentStatement:
    external = input.external_id
    return pb.ConsentStatement(
        customer_id=input.customer,
        external_id=customer_pb2.ExternalId(source=external.source, id=external.id) if external else None,
        channel=channel_value(input.channel),
        purpose=purpose_value(input.purpose),
        address=input.address,
        source=input.source,
        occurred_at=to_timestamp(input.occurred_at),
        expires_at=to_timestamp(expires_at),
        wording_version=input.wording_version,
        ip_address=input.ip_address,
    )


def _said(entry: pb.ConsentEntry) -> dict[str, Any]:
    return {"customer": Customer(id=strawberry.ID(entry.customer_id)), "consent_record": record_of(entry)}


@strawberry.type
class ConsentMutation:
    @strawberry.mutation(description="A customer allowed something, or is asked to confirm that they do.")
    async def record_consent(self, info: Info, input: RecordConsentInput) -> RecordConsentPayload | None:
        client = customers_of(info)
        request = pb.RecordConsentRequest(
            idempotency_key=input.idempotency_key,
            statement=_statement(input, input.expires_at),
            double_opt_in=input.double_opt_in,
        )

        async def work() -> dict[str, Any]:
            answer: pb.RecordConsentResponse = await client.call(client.stubs.consents.RecordConsent, request)
            expires = moment(answer, "token_expires_at")
            return {**_said(answer.entry), "token": present(answer, "token"), "token_expires_at": expires}

        return await mutate(RecordConsentPayload, work())

    @strawberry.mutation(description="A customer refused something, or took back what they had allowed.")
    async def revoke_consent(self, info: Info, input: RevokeConsentInput) -> RevokeConsentPayload | None:
        client = customers_of(info)
        request = pb.RevokeConsentRequest(idempotency_key=input.idempotency_key, statement=_statement(input))

        async def work() -> dict[str, Any]:
            answer: pb.RevokeConsentResponse = await client.call(client.stubs.consents.RevokeConsent, request)
            return _said(answer.entry)

        return await mutate(RevokeConsentPayload, work())

    @strawberry.mutation(description="The customer followed the link of a double opt-in. A token confirms once.")
    async def confirm_consent(self, info: Info, input: ConfirmConsentInput) -> ConfirmConsentPayload | None:
        client = customers_of(info)
        request = pb.ConfirmConsentRequest(
            idempotency_key=input.idempotency_key, token=input.token, ip_address=input.ip_address
        )

        async def work() -> dict[str, Any]:
            answer: pb.ConfirmConsentResponse = await client.call(client.stubs.consents.ConfirmConsent, request)
            return _said(answer.entry)

        return await mutate(ConfirmConsentPayload, work())
