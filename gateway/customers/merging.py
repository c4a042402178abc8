"""Merge and split in the graph: what becomes of each field, and why, before or after it is done."""

from datetime import datetime
from typing import Any

import strawberry
from google.protobuf import json_format, struct_pb2
from rundblick.customers.v1 import customer_pb2 as pb
from strawberry.scalars import JSON

from gateway.customers.changes import with_present
from gateway.customers.client import customers_of
from gateway.customers.customer import Customer, customer_of
from gateway.shared import Info, Message, UserError, camel, moment, mutate, needed

# Code -> the sentence; each parameter in it is a parameter of the message.
_BECAUSE: dict[Any, tuple[str, str]] = {
    pb.FIELD_REASON_KEPT: ("MERGE_KEPT", "{field} stays: {source} said it last."),
    pb.FIELD_REASON_ADDED: ("MERGE_ADDED", "{field} is added: only {source} says something."),
    pb.FIELD_REASON_REPLACED: ("MERGE_REPLACED", "{field} is replaced: {source} said it later, on {since}."),
    pb.FIELD_REASON_UNITED: ("MERGE_UNITED", "{field} holds what all of {source} say."),
    pb.FIELD_REASON_OWN: ("MERGE_OWN", "{field} is the customer's own and does not change hands."),
}


@strawberry.type(description="What one source record says of a field.")
class FieldCandidate:
    source_record: strawberry.ID
    source: str
    value: JSON | None = strawberry.field(description="null without the scope that the field needs.")
    since: datetime


@strawberry.type(description="What a merge makes of one field, and why.")
class FieldChange:
    field: str
    before: JSON | None = strawberry.field(description="null: nothing, or the scope that the field needs is missing.")
    after: JSON | None
    because: Message
    source_records: list[strawberry.ID] = strawberry.field(description="Whose words it is.")
    candidates: list[FieldCandidate] = strawberry.field(description="All who say something of it; last said first.")


@strawberry.input
class MergeCustomersInput:
    id: strawberry.ID = strawberry.field(description="The one that stays; the others' ids will answer it.")
    duplicates: list[strawberry.ID]
    version: int | None = strawberry.field(default=None, description="Refused when it is not the present one.")
    dry_run: bool = strawberry.field(default=False, description="Say what would become of it, and change nothing.")
    idempotency_key: str | None = None


@strawberry.input(description="Give sourceRecords or formerCustomer.")
class SplitCustomerInput:
    id: strawberry.ID
    source_records: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Those that go, with every fact that came in for them."
    )
    former_customer: strawberry.ID | None = strawberry.field(
        default=None, description="A customer that was merged into this one: what it brought goes."
    )
    version: int | None = strawberry.field(default=None, description="Refused when it is not the present one.")
    dry_run: bool = False
    idempotency_key: str | None = None


@strawberry.type
class MergeCustomersPayload:
    user_errors: list[UserError]
    customer: Customer | None = strawberry.field(
        default=None, description="As it is now; on CONFLICT too, so that it can be decided anew."
    )
    changes: list[FieldChange] | None = strawberry.field(
        default=None, description="Every field that has a value before or after."
    )


@strawberry.type
class SplitCustomerPayload:
    user_errors: list[UserError]
    customer: Customer | None = strawberry.field(default=None, description="What stays; on CONFLICT as it is now.")
    split_off: Customer | None = strawberry.field(default=None, description="What goes; the former customer is back.")


def _json(value: struct_pb2.Value) -> Any:
    return json_format.MessageToDict(value) if value.WhichOneof("kind") not in (None, "null_value") else None


def _change(change: pb.FieldChange) -> FieldChange:
    said = [one for one in change.candidates if one.source_record_id in change.source_record_ids]
    since = moment(said[0], "since") if said else None
    field = camel(change.field)
    code, sentence = _BECAUSE[change.reason]
    parameters = {
        "field": field,
        "source": ", ".join(dict.fromkeys(one.source for one in said)) or "nobody",
        "since": since.date().isoformat() if since is not None else "",
    }
    return FieldChange(
        field=field,
        before=_json(change.before),
        after=_json(change.after),
        because=Message(code=code, parameters=JSON(parameters), text=sentence.format(**parameters)),
        source_records=[strawberry.ID(id) for id in change.source_record_ids],
        candidates=[
            FieldCandidate(
                source_record=strawberry.ID(one.source_record_id),
                source=one.source,
                value=_json(one.value),
                since=needed(one, "since"),
            )
            for one in change.candidates
        ],
    )


@strawberry.type
class MergingMutation:
    @strawberry.mutation(
        description="One customer of several; every fact of theirs follows, and a split gives it back."
    )
    async def merge_customers(self, info: Info, input: MergeCustomersInput) -> MergeCustomersPayload | None:
        client = customers_of(info)
        request = pb.MergeCustomersRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            duplicate_ids=input.duplicates,
            version=input.version,
            dry_run=input.dry_run,
        )

        async def work() -> dict[str, Any]:
            answer: pb.MergeCustomersResponse = await client.call(client.stubs.customers.MergeCustomers, request)
            return {
                "customer": customer_of(answer.customer),
                "changes": [_change(one) for one in answer.changes],
            }

        return await with_present(client, await mutate(MergeCustomersPayload, work()), input.id)

    @strawberry.mutation(description="Some source records become a customer of their own, with every fact of theirs.")
    async def split_customer(self, info: Info, input: SplitCustomerInput) -> SplitCustomerPayload | None:
        client = customers_of(info)
        request = pb.SplitCustomerRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            source_record_ids=input.source_records,
            former_id=input.former_customer,
            version=input.version,
            dry_run=input.dry_run,
        )

        async def work() -> dict[str, Any]:
            answer: pb.SplitCustomerResponse = await client.call(client.stubs.customers.SplitCustomer, request)
            return {"customer": customer_of(answer.customer), "split_off": customer_of(answer.split_off)}

        return await with_present(client, await mutate(SplitCustomerPayload, work()), input.id)
