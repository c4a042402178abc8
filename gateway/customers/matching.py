"""Match rules in the graph: by which identifiers records of the same customer are brought together."""

from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import matching_pb2 as pb

from gateway.customers.client import customers_of
from gateway.shared import Info, UserError, enum_of, mutate, present


@strawberry.enum(
    description="NAME: too common to be alone in a rule. EXTERNAL_ID: the id in the source that `of` names, which "
    "other sources use as well. ATTRIBUTE: the one whose key `of` names."
)
class MatchIdentifierKind(Enum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    NAME = "NAME"
    NAME_AND_POSTAL_CODE = "NAME_AND_POSTAL_CODE"
    EXTERNAL_ID = "EXTERNAL_ID"
    ATTRIBUTE = "ATTRIBUTE"


@strawberry.enum(
    description="ATTACH: a new record is attached to the only customer it matches, and can be split off again. "
    "SUGGEST: people decide."
)
class MatchMode(Enum):
    ATTACH = "ATTACH"
    SUGGEST = "SUGGEST"


@strawberry.type(description="What two customers have in common.")
class MatchIdentifier:
    kind: MatchIdentifierKind
    of: str | None = strawberry.field(description="A source, or the key of an attribute.")


@strawberry.type(description="Two customers who share all identifiers of a rule are the same, unless names contradict.")
class MatchRule:
    key: str
    identifiers: list[MatchIdentifier]
    priority: int = strawberry.field(description="The smallest is asked first, and the first that matches decides.")
    limit: int = strawberry.field(
        description="Source records that may share what it asks for; of a larger group people decide."
    )
    mode: MatchMode
    enabled: bool
    version: int = strawberry.field(description="0: as it is shipped.")


def _rule(record: pb.MatchRule) -> MatchRule:
    return MatchRule(
        key=record.key,
        identifiers=[
            MatchIdentifier(
                kind=enum_of(MatchIdentifierKind, pb.MatchIdentifierKind, one.kind, "MATCH_IDENTIFIER_KIND_"),
                of=present(one, "of"),
            )
            for one in record.identifiers
        ],
        priority=record.priority,
        limit=record.limit,
        mode=enum_of(MatchMode, pb.MatchMode, record.mode, "MATCH_MODE_"),
        enabled=record.enabled,
        version=record.version,
    )


@strawberry.input
class MatchIdentifierInput:
    kind: MatchIdentifierKind
    of: str | None = strawberry.field(
        default=None, description="Of EXTERNAL_ID the source, of ATTRIBUTE the key; of others nothing."
    )


@strawberry.input(description="All of a rule; one that was archived holds again.")
class DefineMatchRuleInput:
    key: str = strawberry.field(description="Small letters, digits, - and _; a letter first.")
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    identifiers: list[MatchIdentifierInput] = strawberry.field(description="All of them are shared.")
    mode: MatchMode
    priority: int = strawberry.field(default=500, description="0 to 1000.")
    limit: int = strawberry.field(default=10, description="2 to 100.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveMatchRuleInput:
    key: str
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.input(description="Such as `null`, `noreply@` or `+49000*`: what ends in @ or * blocks all that begin so.")
class BlockValueInput:
    value: str
    blocked: bool = strawberry.field(default=True, description="false: it identifies somebody again.")
    idempotency_key: str | None = None


@strawberry.type
class DefineMatchRulePayload:
    user_errors: list[UserError]
    match_rule: MatchRule | None = None


@strawberry.type
class ArchiveMatchRulePayload:
    user_errors: list[UserError]
    match_rule: MatchRule | None = None


@strawberry.type
class BlockValuePayload:
    user_errors: list[UserError]
    value: str | None = strawberry.field(default=None, description="In the form in which it is compared.")
    blocked: bool | None = None


@strawberry.type
class MatchingQuery:
    @strawberry.field(
        description="All of them, at most 50, archived ones too, in the order in which they are asked. "
        "Scope identity:read."
    )
    async def match_rules(self, info: Info) -> list[MatchRule] | None:
        client = customers_of(info)
        answer = await client.call(client.stubs.matching.ListMatchRules, pb.ListMatchRulesRequest())
        return [_rule(record) for record in answer.rules]

    @strawberry.field(description="By these nobody is known; at most 1000. Scope identity:read.")
    async def blocked_values(self, info: Info) -> list[str] | None:
        client = customers_of(info)
        answer = await client.call(client.stubs.matching.ListBlockedValues, pb.ListBlockedValuesRequest())
        return list(answer.values)


@strawberry.type
class MatchingMutation:
    @strawberry.mutation(description="A new rule, or the next version of one. Scope identity:write.")
    async def define_match_rule(self, info: Info, input: DefineMatchRuleInput) -> DefineMatchRulePayload | None:
        client = customers_of(info)
        request = pb.DefineMatchRuleRequest(
            idempotency_key=input.idempotency_key,
            key=input.key,
            identifiers=[
                pb.MatchIdentifier(
                    kind=pb.MatchIdentifierKind.Value(f"MATCH_IDENTIFIER_KIND_{one.kind.value}"), of=one.of
                )
                for one in input.identifiers
            ],
            priority=input.priority,
            limit=input.limit,
            mode=pb.MatchMode.Value(f"MATCH_MODE_{input.mode.value}"),
            version=input.version,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.matching.DefineMatchRule, request)
            return {"match_rule": _rule(answer.rule)}

        return await mutate(DefineMatchRulePayload, work())

    @strawberry.mutation(
        description="It brings nobody together any more; what it brought together stays. Scope identity:write."
    )
    async def archive_match_rule(self, info: Info, input: ArchiveMatchRuleInput) -> ArchiveMatchRulePayload | None:
        client = customers_of(info)
        request = pb.ArchiveMatchRuleRequest(
            idempotency_key=input.idempotency_key, key=input.key, version=input.version
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.matching.ArchiveMatchRule, request)
            return {"match_rule": _rule(answer.rule)}

        return await mutate(ArchiveMatchRulePayload, work())

    @strawberry.mutation(description="By this value nobody is known, or somebody is again. Scope identity:write.")
    async def block_value(self, info: Info, input: BlockValueInput) -> BlockValuePayload | None:
        client = customers_of(info)
        request = pb.BlockValueRequest(idempotency_key=input.idempotency_key, value=input.value, blocked=input.blocked)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.matching.BlockValue, request)
            return {"value": answer.value, "blocked": answer.blocked}

        return await mutate(BlockValuePayload, work())
