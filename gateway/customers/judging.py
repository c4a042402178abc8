"""Mutations and queries of how customers are judged: rules, and an employee's word against them."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import state_pb2 as pb

from chassis.times import to_timestamp
from gateway.customers.client import customers_of
from gateway.customers.customer import Customer
from gateway.customers.state import Engagement, LifecycleStage, StateDimension, dimension_of
from gateway.shared import Info, UserError, moment, mutate


@strawberry.type(description="Of a dimension the first rule that holds decides.")
class StateRule:
    key: str
    value: str
    when: str = strawberry.field(description="CEL over the facts of a customer.")
    en: str = strawberry.field(description="Why, in English.")
    de: str = strawberry.field(description="Why, in German.")
    faults: int = strawberry.field(description="How often it had no result since it was loaded; then it did not hold.")


@strawberry.type
class StateRuleSet:
    dimension: StateDimension
    rules: list[StateRule]
    version: int = strawberry.field(description="0: those that come with Rundblick.")


@strawberry.type(description="All customers are judged anew from time to time, and after rules changed.")
class StateSweep:
    done: int
    total: int
    began_at: datetime | None
    ended_at: datetime | None = strawberry.field(description="null: it goes on.")


@strawberry.type
class StateRules:
    sets: list[StateRuleSet]
    sweep: StateSweep


@strawberry.type(description="How many customers would change so.")
class StateTransition:
    before: str
    after: str
    customers: int


@strawberry.input
class StateRuleInput:
    key: str
    value: str
    when: str
    en: str = ""
    de: str = ""


@strawberry.input(description="In place of all rules of the dimension. The last one holds always: true.")
class DefineStateRulesInput:
    dimension: StateDimension
    rules: list[StateRuleInput]
    version: int | None = strawberry.field(default=None, description="Of those they replace; refused when stale.")
    dry_run: bool = strawberry.field(default=False, description="Say what would change, and change nothing.")
    idempotency_key: str | None = None


@strawberry.type
class DefineStateRulesPayload:
    user_errors: list[UserError]
    set: StateRuleSet | None = None
    transitions: list[StateTransition] | None = strawberry.field(default=None, description="Of a dry run.")
    looked_at: int | None = strawberry.field(default=None, description="Of a dry run: customers that were asked.")


@strawberry.input(description="A stage, an engagement or both; with clear the rules hold again.")
class OverrideStateInput:
    customer: strawberry.ID
    lifecycle_stage: LifecycleStage | None = None
    engagement: Engagement | None = None
    reason: str = ""
    expires_at: datetime | None = None
    clear: bool = False
    idempotency_key: str | None = None


@strawberry.type
class OverrideStatePayload:
    user_errors: list[UserError]
    customer: Customer | None = strawberry.field(default=None, description="Its state follows a moment later.")


def _set(record: pb.StateRuleSet) -> StateRuleSet:
    rules = [
        StateRule(key=one.key, value=one.value, when=one.when, en=one.en, de=one.de, faults=one.faults)
        for one in record.rules
    ]
    return StateRuleSet(dimension=dimension_of(record.dimension), rules=rules, version=record.version)


@strawberry.type
class StateQuery:
    @strawberry.field(description="The rules by which customers are judged.")
    async def state_rules(self, info: Info) -> StateRules | None:
        client = customers_of(info)
        answer: pb.ListStateRulesResponse = await client.call(
            client.stubs.states.ListStateRules, pb.ListStateRulesRequest()
        )
        sweep = answer.sweep
        return StateRules(
            sets=[_set(one) for one in answer.sets],
            sweep=StateSweep(
                done=sweep.done,
                total=sweep.total,
                began_at=moment(sweep, "began_at"),
                ended_at=moment(sweep, "ended_at"),
            ),
        )


@strawberry.type
class StateMutation:
    @strawberry.mutation(description="An employee says how far a customer is, until it ends, whatever the rules say.")
    async def override_state(self, info: Info, input: OverrideStateInput) -> OverrideStatePayload | None:
        client = customers_of(info)
        request = pb.OverrideStateRequest(
            idempotency_key=input.idempotency_key,
            customer_id=input.customer,
            lifecycle_stage=input.lifecycle_stage.value if input.lifecycle_stage else None,
            engagement=input.engagement.value if input.engagement else None,
            reason=input.reason,
            expires_at=to_timestamp(input.expires_at),
            clear=input.clear,
        )

        async def work() -> dict[str, Any]:
            answer: pb.OverrideStateResponse = await client.call(client.stubs.states.OverrideState, request)
            return {"customer": Customer(id=strawberry.ID(answer.customer_id))}

        return await mutate(OverrideStatePayload, work())

    @strawberry.mutation(description="Replace the rules of a dimension; all customers are judged anew.")
    async def define_state_rules(self, info: Info, input: DefineStateRulesInput) -> DefineStateRulesPayload | None:
        client = customers_of(info)
        request = pb.DefineStateRulesRequest(
            idempotency_key=input.idempotency_key,
            dimension=pb.StateDimension.Value(f"STATE_DIMENSION_{input.dimension.value}"),
            rules=[
                pb.StateRule(key=one.key, value=one.value, when=one.when, en=one.en, de=one.de) for one in input.rules
            ],
            version=input.version,
            dry_run=input.dry_run,
        )

        async def work() -> dict[str, Any]:
            answer: pb.DefineStateRulesResponse = await client.call(client.stubs.states.DefineStateRules, request)
            transitions = [
                StateTransition(before=one.before, after=one.after, customers=one.customers)
                for one in answer.transitions
            ]
            tried = {"transitions": transitions, "looked_at": answer.looked_at} if input.dry_run else {}
            return {"set": _set(answer.set), **tried}

        return await mutate(DefineStateRulesPayload, work())
