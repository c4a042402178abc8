"""Policies as messages, and back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rundblick.feedback.v1 import policy_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.feedback.enquiry.domain.facts import WaitKind
from services.feedback.enquiry.messages import WAIT_TO_PROTO
from services.feedback.policy.domain import AT_RISK_SHARE, Policy, Target

_WAIT_FROM_PROTO: Mapping[int, WaitKind] = {proto: kind for kind, proto in WAIT_TO_PROTO.items()}
# Beyond it no timedelta is made.
_MOST_SECONDS = 1e10


def from_proto(fields: pb.PolicyFields, id: str, since: datetime) -> Policy:
    """InvalidInput: what cannot be kept, with the field."""
    return Policy(
        id=id,
        key=fields.key,
        name=fields.name,
        condition=fields.condition if fields.HasField("condition") else None,
        targets=tuple(_target(one, place) for place, one in enumerate(fields.targets)),
        since=since,
        order=fields.order,
        pauses=fields.pauses,
        at_risk_share=fields.at_risk_share or AT_RISK_SHARE,
    )


def _target(target: pb.PolicyTarget, place: int) -> Target:
    path = ("targets", str(place))
    if target.kind not in _WAIT_FROM_PROTO:
        raise InvalidInput("kind is FIRST, NEXT or RESOLUTION", (*path, "kind"))
    if not 0 < target.seconds < _MOST_SECONDS:
        raise InvalidInput("a target is longer than 0 and at most 366 days", (*path, "seconds"))
    return Target(_WAIT_FROM_PROTO[target.kind], timedelta(seconds=target.seconds), target.business)


def to_proto(policy: Policy) -> pb.Policy:
    targets: list[Any] = [
        pb.PolicyTarget(kind=WAIT_TO_PROTO[one.kind], seconds=one.most.total_seconds(), business=one.business)
        for one in policy.targets
    ]
    return pb.Policy(
        id=policy.id,
        fields=pb.PolicyFields(
            key=policy.key,
            name=policy.name,
            condition=policy.condition,
            targets=targets,
            order=policy.order,
            pauses=policy.pauses,
            at_risk_share=policy.at_risk_share,
        ),
        active=policy.active,
        version=policy.version,
        since=to_timestamp(policy.since),
    )
