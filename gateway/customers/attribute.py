"""Attributes in the graph: what a company keeps of its customers beyond what every company does."""

from enum import Enum
from typing import Any

import strawberry
from google.protobuf import json_format, struct_pb2
from rundblick.customers.v1 import attribute_pb2 as pb
from rundblick.customers.v1 import customer_pb2
from strawberry.scalars import JSON

from gateway.customers.client import customers_of
from gateway.shared import Info, UserError, enum_of, found, mutate, present


@strawberry.enum(description="CHOICE: one of its options. DATE: a day, as in 2026-03-31.")
class AttributeType(Enum):
    TEXT = "TEXT"
    NUMBER = "NUMBER"
    FLAG = "FLAG"
    DATE = "DATE"
    CHOICE = "CHOICE"


@strawberry.type(description="An attribute as it is declared. Expressions name it attributes.<key>.")
class AttributeDefinition:
    key: str
    name: str
    type: AttributeType
    options: list[str] = strawberry.field(description="Of a CHOICE.")
    description: str | None
    archived: bool = strawberry.field(description="It is said of nobody any more.")
    version: int


def _definition(record: pb.Attribute) -> AttributeDefinition:
    return AttributeDefinition(
        key=record.key,
        name=record.name,
        type=enum_of(AttributeType, pb.AttributeType, record.type, "ATTRIBUTE_TYPE_"),
        options=list(record.options),
        description=present(record, "description"),
        archived=record.archived,
        version=record.version,
    )


@strawberry.type(description="What is said of a customer beyond what every company says.")
class Attribute:
    key: str
    value: JSON

    @strawberry.field(description="As it is declared.")
    async def definition(self, info: Info) -> AttributeDefinition:
        return _definition(found(await customers_of(info).attributes.load(self.key), self.key))

    @strawberry.field
    async def type(self, info: Info) -> AttributeType:
        return _definition(found(await customers_of(info).attributes.load(self.key), self.key)).type


def attributes_of(record: customer_pb2.Customer) -> list[Attribute]:
    return [Attribute(key=one.key, value=_plain(one.value)) for one in record.attributes]


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    return getattr(value, kind) if kind is not None else None


@strawberry.input(description="value: text, a number, true or false, or a day as in 2026-03-31; null: there is none.")
class AttributeInput:
    key: str
    value: JSON | None = None


def attribute_values(inputs: list[AttributeInput]) -> list[customer_pb2.AttributeValue]:
    return [customer_pb2.AttributeValue(key=one.key, value=_value(one.value)) for one in inputs]


def _value(said: Any) -> struct_pb2.Value:
    return json_format.ParseDict(said, struct_pb2.Value())


@strawberry.input(description="All of a declaration: what is not said is not so.")
class DefineAttributeInput:
    key: str = strawberry.field(description="Small letters, digits and _; a letter first.")
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    name: str
    type: AttributeType = strawberry.field(description="It never changes.")
    options: list[str] = strawberry.field(default_factory=list, description="Of a CHOICE.")
    description: str | None = None
    idempotency_key: str | None = None


@strawberry.input
class ArchiveAttributeInput:
    key: str
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.type
class DefineAttributePayload:
    user_errors: list[UserError]
    attribute: AttributeDefinition | None = None


@strawberry.type
class ArchiveAttributePayload:
    user_errors: list[UserError]
    attribute: AttributeDefinition | None = None


@strawberry.type
class AttributeQuery:
    @strawberry.field(description="All of them, at most 200, in the order of their keys. archived: those too.")
    async def attributes(self, info: Info, archived: bool = False) -> list[AttributeDefinition] | None:
        client = customers_of(info)
        request = pb.ListAttributesRequest(archived=archived)
        answer = await client.call(client.stubs.attributes.ListAttributes, request)
        return [_definition(record) for record in answer.attributes]


@strawberry.type
class AttributeMutation:
    @strawberry.mutation(
        description="A new attribute, or the next version of one; archived, it is in use again. Scope customers:admin."
    )
    async def define_attribute(self, info: Info, input: DefineAttributeInput) -> DefineAttributePayload | None:
        client = customers_of(info)
        request = pb.DefineAttributeRequest(
            idempotency_key=input.idempotency_key,
            key=input.key,
            name=input.name,
            type=pb.AttributeType.Value(f"ATTRIBUTE_TYPE_{input.type.value}"),
            options=input.options,
            description=input.description,
            version=input.version,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.attributes.DefineAttribute, request)
            return {"attribute": _definition(answer.attribute)}

        return await mutate(DefineAttributePayload, work())

    @strawberry.mutation(
        description="It is said of nobody any more; what was said of customers stays. CONFLICT while a rule asks for "
        "it. Scope customers:admin."
    )
    async def archive_attribute(self, info: Info, input: ArchiveAttributeInput) -> ArchiveAttributePayload | None:
        client = customers_of(info)
        request = pb.ArchiveAttributeRequest(
            idempotency_key=input.idempotency_key, key=input.key, version=input.version
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.attributes.ArchiveAttribute, request)
            return {"attribute": _definition(answer.attribute)}

        return await mutate(ArchiveAttributePayload, work())
