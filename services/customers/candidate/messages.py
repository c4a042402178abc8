"""Pairs of possible duplicates as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import candidate_pb2 as pb

from chassis.times import to_timestamp
from services.customers.candidate.domain import Agreement, Candidate, Decision, Status

_AGREEMENT: Mapping[Agreement, Any] = {
    agreement: pb.DuplicateAgreement.Value(f"DUPLICATE_AGREEMENT_{agreement.value}") for agreement in Agreement
}
_STATUS: Mapping[Status, Any] = {
    status: pb.DuplicateStatus.Value(f"DUPLICATE_STATUS_{status.value}") for status in Status
}
DECISION_FROM_PROTO: Mapping[int, Decision] = {
    pb.DuplicateDecision.Value(f"DUPLICATE_DECISION_{decision.value}"): decision for decision in Decision
}


def to_proto(candidate: Candidate) -> pb.DuplicateCandidate:
    return pb.DuplicateCandidate(
        id=candidate.id,
        customer_ids=candidate.customers,
        score=candidate.score,
        reasons=[
            pb.DuplicateReason(field=reason.field, agreement=_AGREEMENT[reason.agreement], weight=reason.weight)
            for reason in candidate.reasons
        ],
        status=_STATUS[candidate.status],
        found_by=candidate.found_by,
        found_at=to_timestamp(candidate.found_at),
        decided_at=to_timestamp(candidate.decided_at),
        decided_by_id=candidate.employee,
    )
