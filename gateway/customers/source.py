"""The register of sources in the graph: the systems that bring customers in."""

from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import source_pb2 as pb

from gateway.customers.client import customers_of
from gateway.customers.team import Team
from gateway.shared import Info, UserError, enum_of, mutate, present


@strawberry.enum(description="On what ground personal data is processed (GDPR, article 6).")
class LegalBasis(Enum):
    CONSENT = "CONSENT"
    CONTRACT = "CONTRACT"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"
    LEGITIMATE_INTEREST = "LEGITIMATE_INTEREST"


@strawberry.type(description="A system that brings customers in: whose it is, on what ground, what it may say of them.")
class Source:
    key: str = strawberry.field(description="As source records name it.")
    name: str
    team: Team | None = strawberry.field(description="The department it belongs to.")
    legal_basis: LegalBasis
    description: str | None
    writable: list[str] | None = strawberry.field(
        description="Fields as provenance names them; attributes for all of these, attributes.<key> for one. null: all."
    )
    version: int


@strawberry.input(description="All of a source: what is not said is not so.")
class DefineSourceInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    name: str
    team: str | None = strawberry.field(default=None, description="Its key; made when it is not known.")
    legal_basis: LegalBasis
    description: str | None = None
    writable: list[str] | None = strawberry.field(
        default=None, description="Fields as provenance names them, attributes, attributes.<key>; null: all."
    )
    idempotency_key: str | None = None


@strawberry.type
class DefineSourcePayload:
    user_errors: list[UserError]
    source: Source | None = None


def _source(record: pb.Source) -> Source:
    return Source(
        key=record.key,
        name=record.name,
        team=Team(id=strawberry.ID(record.team_id)) if record.HasField("team_id") else None,
        legal_basis=enum_of(LegalBasis, pb.LegalBasis, record.legal_basis, "LEGAL_BASIS_"),
        description=present(record, "description"),
        writable=list(record.writable.names) if record.HasField("writable") else None,
        version=record.version,
    )


@strawberry.type
class SourceQuery:
    @strawberry.field(
        description="All that are registered, at most 500, in the order of their keys; to a partner its own."
    )
    async def sources(self, info: Info) -> list[Source] | None:
        client = customers_of(info)
        answer = await client.call(client.stubs.sources.ListSources, pb.ListSourcesRequest())
        return [_source(record) for record in answer.sources]


@strawberry.type
class SourceMutation:
    @strawberry.mutation(description="Register a source, or change one. Scope customers:admin.")
    async def define_source(self, info: Info, input: DefineSourceInput) -> DefineSourcePayload | None:
        client = customers_of(info)
        request = pb.DefineSourceRequest(
            idempotency_key=input.idempotency_key,
            key=input.key,
            name=input.name,
            legal_basis=pb.LegalBasis.Value(f"LEGAL_BASIS_{input.legal_basis.value}"),
            team_key=input.team,
            description=input.description,
            writable=pb.WritableFields(names=input.writable) if input.writable is not None else None,
            version=input.version,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.sources.DefineSource, request)
            return {"source": _source(answer.source)}

        return await mutate(DefineSourcePayload, work())
