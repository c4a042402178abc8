"""Possible duplicates in the graph: pairs of customers, why they may be the same, and what people decide."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import candidate_pb2 as pb
from strawberry import federation
from strawberry.scalars import JSON

from gateway.customers.client import customers_of
from gateway.customers.customer import Customer, customer_of
from gateway.customers.employee import Employee
from gateway.shared import (
    Info,
    Message,
    Named,
    Node,
    PageInfo,
    UserError,
    camel,
    enum_of,
    found,
    moment,
    mutate,
    needed,
    owned,
    page_request,
    present,
)


@strawberry.enum
class DuplicateStatus(Enum):
    OPEN = "OPEN"
    MERGED = "MERGED"
    DISMISSED = "DISMISSED"


@strawberry.enum
class DuplicateAgreement(Enum):
    SAME = "SAME"
    SIMILAR = "SIMILAR"
    DIFFERENT = "DIFFERENT"


@strawberry.enum(description="MERGE: they are the same. DISMISS: they are not, and nobody suggests it again.")
class DuplicateDecision(Enum):
    MERGE = "MERGE"
    DISMISS = "DISMISS"


_SENTENCES = {
    "en": {
        DuplicateAgreement.SAME: "{field} is the same.",
        DuplicateAgreement.SIMILAR: "{field} is similar.",
        DuplicateAgreement.DIFFERENT: "{field} differs.",
    },
    "de": {
        DuplicateAgreement.SAME: "{field}: gleich.",
        DuplicateAgreement.SIMILAR: "{field}: ähnlich.",
        DuplicateAgreement.DIFFERENT: "{field}: verschieden.",
    },
}
_FIELDS = {
    "en": {
        "emails": "The e-mail address",
        "phones": "The phone number",
        "external_ids": "The external id",
        "name": "The name",
        "given_name": "The given name",
        "family_name": "The family name",
        "organisation_name": "The name of the organisation",
        "name_and_postal_code": "The name with the postal code",
        "street": "The street",
        "house_number": "The house number",
        "locality": "The second line of the address",
        "city": "The city",
        "postal_code": "The postal code",
        "region": "The region",
        "date_of_birth": "The date of birth",
    },
    "de": {
        "emails": "E-Mail-Adresse",
        "phones": "Telefonnummer",
        "external_ids": "Externe Kennung",
        "name": "Name",
        "given_name": "Vorname",
        "family_name": "Nachname",
        "organisation_name": "Name der Organisation",
        "name_and_postal_code": "Name mit Postleitzahl",
        "street": "Straße",
        "house_number": "Hausnummer",
        "locality": "Adresszusatz",
        "city": "Ort",
        "postal_code": "Postleitzahl",
        "region": "Region",
        "date_of_birth": "Geburtsdatum",
    },
}


@strawberry.type(description="How the two compare in one field; never what they say.")
class DuplicateReason:
    field: str
    agreement: DuplicateAgreement
    weight: float | None = strawberry.field(
        description="log2 of how much likelier it makes them the same; below zero: less so. null: a rule found them."
    )
    message: Message


def _reason(record: pb.DuplicateReason, language: str) -> DuplicateReason:
    agreement = enum_of(DuplicateAgreement, pb.DuplicateAgreement, record.agreement, "DUPLICATE_AGREEMENT_")
    spoken = language if language in _SENTENCES else "en"
    field = camel(record.field)
    text = _SENTENCES[spoken][agreement].format(field=_FIELDS[spoken].get(record.field, record.field))
    return DuplicateReason(
        field=field,
        agreement=agreement,
        weight=present(record, "weight"),
        message=Message(code=f"DUPLICATE_{agreement.value}", parameters=JSON({"field": field}), text=text),
    )


async def load_candidate(info: Info, id: str) -> Any:
    return await customers_of(info).candidates.load(id)


def _customers(record: pb.DuplicateCandidate) -> list[Customer | None]:
    return [Customer(id=strawberry.ID(id)) for id in record.customer_ids]


def _employee(record: pb.DuplicateCandidate) -> Employee | None:
    id = present(record, "decided_by_id")
    return Employee(id=strawberry.ID(id)) if id is not None else None


def _status(record: pb.DuplicateCandidate) -> DuplicateStatus:
    return enum_of(DuplicateStatus, pb.DuplicateStatus, record.status, "DUPLICATE_STATUS_")


@federation.type(keys=["id"], description="Two customers who may be the same.")
class DuplicateCandidate(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customers: list[Customer | None] = strawberry.field(
        resolver=owned(load_candidate, _customers), description="Two; the same one twice, once they are merged."
    )
    score: float = strawberry.field(
        resolver=owned(load_candidate, lambda r: r.score), description="How likely it is, 0 to 1."
    )
    status: DuplicateStatus = strawberry.field(resolver=owned(load_candidate, _status))
    found_by: str = strawberry.field(
        resolver=owned(load_candidate, lambda r: r.found_by), description="linkage, or the key of a match rule."
    )
    found_at: datetime = strawberry.field(resolver=owned(load_candidate, lambda r: needed(r, "found_at")))
    decided_at: datetime | None = strawberry.field(resolver=owned(load_candidate, lambda r: moment(r, "decided_at")))
    decided_by: Employee | None = strawberry.field(
        resolver=owned(load_candidate, _employee), description="null: nobody yet, or a rule or a process did."
    )

    @strawberry.field(description="What speaks for it and against it, the strongest first.")
    async def reasons(self, info: Info) -> list[DuplicateReason]:
        record = self.record if self.record is not None else found(await load_candidate(info, self.id), self.id)
        return [_reason(one, info.context.language) for one in record.reasons]

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "DuplicateCandidate":
        return cls(id=id)


def candidate_of(record: pb.DuplicateCandidate) -> DuplicateCandidate:
    return DuplicateCandidate(id=strawberry.ID(record.id), record=record)


@strawberry.type
class DuplicateCandidateEdge:
    cursor: str
    node: DuplicateCandidate


@strawberry.type
class DuplicateCandidateConnection:
    edges: list[DuplicateCandidateEdge]
    page_info: PageInfo


@strawberry.input
class DecideDuplicateInput:
    id: strawberry.ID
    decision: DuplicateDecision
    keep: strawberry.ID | None = strawberry.field(
        default=None, description="Of a MERGE: whose id stays; null: that of whoever was known first."
    )
    idempotency_key: str | None = None


@strawberry.type
class DecideDuplicatePayload:
    user_errors: list[UserError]
    duplicate_candidate: DuplicateCandidate | None = None
    customer: Customer | None = strawberry.field(default=None, description="After a MERGE.")


@strawberry.type
class CandidateQuery:
    @strawberry.field(description="Pairs that wait for a decision, the likeliest first. Scope identity:read.")
    async def duplicate_candidates(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        minimum_score: float | None = None,
    ) -> DuplicateCandidateConnection | None:
        client = customers_of(info)
        request = pb.ListDuplicateCandidatesRequest(
            page=page_request(first, after, last, before), minimum_score=minimum_score
        )
        answer = await client.call(client.stubs.candidates.ListDuplicateCandidates, request)
        return DuplicateCandidateConnection(
            edges=[DuplicateCandidateEdge(cursor=edge.cursor, node=candidate_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.type
class CandidateMutation:
    @strawberry.mutation(
        description="Merge two customers, or keep them apart for good; a split undoes a merge. Scope identity:write."
    )
    async def decide_duplicate(self, info: Info, input: DecideDuplicateInput) -> DecideDuplicatePayload | None:
        client = customers_of(info)
        request = pb.DecideDuplicateRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            decision=pb.DuplicateDecision.Value(f"DUPLICATE_DECISION_{input.decision.value}"),
            keep_id=input.keep,
        )

        async def work() -> dict[str, Any]:
            answer: pb.DecideDuplicateResponse = await client.call(client.stubs.candidates.DecideDuplicate, request)
            return {
                "duplicate_candidate": candidate_of(answer.candidate),
                "customer": customer_of(answer.customer) if answer.HasField("customer") else None,
            }

        return await mutate(DecideDuplicatePayload, work())
