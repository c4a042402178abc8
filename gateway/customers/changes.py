"""Mutations of customers."""

from typing import Any, Protocol, TypeVar

import strawberry
from rundblick.customers.v1 import customer_pb2 as pb
from strawberry import UNSET

from gateway.customers.attribute import AttributeInput, attribute_values
from gateway.customers.client import Customers, customers_of
from gateway.customers.customer import Customer, CustomerKind, customer_of
from gateway.shared import ExternalIdInput, Info, UserError, UserErrorCode, mutate


@strawberry.input
class PostalAddressInput:
    lines: list[str] = strawberry.field(default_factory=list)
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


@strawberry.input(description="What is left out was not said; null or an empty list says that there is none.")
class CustomerFieldsInput:
    display_name: str | None = UNSET
    given_name: str | None = UNSET
    family_name: str | None = UNSET
    organisation_name: str | None = UNSET
    emails: list[str] | None = UNSET
    phones: list[str] | None = UNSET
    addresses: list[PostalAddressInput] | None = UNSET
    locale: str | None = UNSET
    attributes: list[AttributeInput] = strawberry.field(
        default_factory=list, description="As they are declared; of those that are not named nothing is said."
    )


@strawberry.input
class CreateCustomerInput(CustomerFieldsInput):
    kind: CustomerKind
    external_id: ExternalIdInput | None = None
    owner: strawberry.ID | None = None
    idempotency_key: str | None = None


@strawberry.input
class UpdateCustomerInput(CustomerFieldsInput):
    id: strawberry.ID
    version: int | None = strawberry.field(default=None, description="Refused when it is not the present one.")
    idempotency_key: str | None = None


@strawberry.input
class AssignOwnerInput:
    id: strawberry.ID
    owner: strawberry.ID | None = strawberry.field(default=None, description="null: nobody")
    idempotency_key: str | None = None


@strawberry.type
class CreateCustomerPayload:
    user_errors: list[UserError]
    customer: Customer | None = None


@strawberry.type
class UpdateCustomerPayload:
    user_errors: list[UserError]
    customer: Customer | None = strawberry.field(
        default=None, description="As it is now; on CONFLICT too, so that the change can be made anew."
    )


@strawberry.type
class AssignOwnerPayload:
    user_errors: list[UserError]
    customer: Customer | None = None


def _fields(input: CustomerFieldsInput) -> pb.CustomerFields:
    fields = pb.CustomerFields()
    for name in ("display_name", "given_name", "family_name", "organisation_name", "locale"):
        value = getattr(input, name)
        if value is not UNSET:
            setattr(fields, name, value or "")
    if input.emails is not UNSET:
        fields.emails.CopyFrom(pb.StringList(values=input.emails or ()))
    if input.phones is not UNSET:
        fields.phones.CopyFrom(pb.StringList(values=input.phones or ()))
    if input.addresses is not UNSET:
        fields.addresses.SetInParent()
        fields.addresses.values.extend(
            pb.PostalAddress(
                lines=address.lines,
                postal_code=address.postal_code,
                city=address.city,
                region=address.region,
                country=address.country,
            )
            for address in input.addresses or ()
        )
    fields.attributes.extend(attribute_values(input.attributes))
    return fields


class Changed(Protocol):
    """The payload of a change of one customer."""

    user_errors: list[UserError]
    customer: Customer | None


Payload = TypeVar("Payload", bound=Changed)


async def with_present(client: Customers, payload: Payload, id: str) -> Payload:
    """On CONFLICT with the customer as it is now."""
    if any(error.code is UserErrorCode.CONFLICT for error in payload.user_errors):
        payload.customer = customer_of(await client.customers.load(id))
    return payload


@strawberry.type
class CustomerMutation:
    @strawberry.mutation
    async def create_customer(self, info: Info, input: CreateCustomerInput) -> CreateCustomerPayload | None:
        client = customers_of(info)
        external = input.external_id
        request = pb.CreateCustomerRequest(
            idempotency_key=input.idempotency_key,
            kind=pb.CustomerKind.Value(f"CUSTOMER_KIND_{input.kind.value}"),
            fields=_fields(input),
            external_id=pb.ExternalId(source=external.source, id=external.id) if external else None,
            owner_id=input.owner,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.customers.CreateCustomer, request)
            return {"customer": customer_of(answer.customer)}

        return await mutate(CreateCustomerPayload, work())

    @strawberry.mutation
    async def update_customer(self, info: Info, input: UpdateCustomerInput) -> UpdateCustomerPayload | None:
        client = customers_of(info)
        request = pb.UpdateCustomerRequest(
            idempotency_key=input.idempotency_key, id=input.id, version=input.version, fields=_fields(input)
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.customers.UpdateCustomer, request)
            return {"customer": customer_of(answer.customer)}

        return await with_present(client, await mutate(UpdateCustomerPayload, work()), input.id)

    @strawberry.mutation
    async def assign_owner(self, info: Info, input: AssignOwnerInput) -> AssignOwnerPayload | None:
        client = customers_of(info)
        request = pb.AssignOwnerRequest(idempotency_key=input.idempotency_key, id=input.id, owner_id=input.owner)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.customers.AssignOwner, request)
            return {"customer": customer_of(answer.customer)}

        return await mutate(AssignOwnerPayload, work())
