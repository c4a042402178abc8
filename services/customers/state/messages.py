"""States, their changes and rules as messages, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf import struct_pb2
from rundblick.customers.v1 import state_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_timestamp
from services.customers.job.domain import Job
from services.customers.state.domain import Dimension, Judgement, Origin, Override, Rule, RuleSet, State, StateChange

_GERMAN = "de"
DIMENSION_TO_PROTO: Mapping[Dimension, Any] = {
    kind: pb.StateDimension.Value(f"STATE_DIMENSION_{kind.value}") for kind in Dimension
}
DIMENSION_FROM_PROTO: Mapping[int, Dimension] = {proto: kind for kind, proto in DIMENSION_TO_PROTO.items()}
ORIGIN_TO_PROTO: Mapping[Origin, Any] = {kind: pb.StateOrigin.Value(f"STATE_ORIGIN_{kind.value}") for kind in Origin}


def dimension_from_proto(number: int) -> Dimension:
    if number not in DIMENSION_FROM_PROTO:
        raise InvalidInput("dimension is LIFECYCLE_STAGE or ENGAGEMENT", ("dimension",))
    return DIMENSION_FROM_PROTO[number]


def to_proto(state: State, language: str) -> pb.State:
    stage, engagement = state.judged[Dimension.LIFECYCLE_STAGE], state.judged[Dimension.ENGAGEMENT]
    said = [one for one in state.judged.values() if one.set_by is Origin.EMPLOYEE]
    return pb.State(
        lifecycle_stage=stage.value,
        engagement=engagement.value,
        since=to_timestamp(state.since),
        lifecycle_stage_since=to_timestamp(stage.since),
        engagement_since=to_timestamp(engagement.since),
        reasons=[_reason(dimension, one, language) for dimension, one in state.judged.items()],
        set_by=ORIGIN_TO_PROTO[Origin.EMPLOYEE if said else Origin.RULE],
        employee_id=said[0].employee if said else None,
        override_expires_at=to_timestamp(state.override.expires_at) if state.override is not None else None,
    )


def change_to_proto(change: StateChange, language: str) -> pb.StateChange:
    return pb.StateChange(
        id=change.id,
        dimension=DIMENSION_TO_PROTO[change.dimension],
        before=change.before,
        after=change.after.value,
        at=to_timestamp(change.after.since),
        reason=_reason(change.dimension, change.after, language),
        set_by=ORIGIN_TO_PROTO[change.after.set_by],
        employee_id=change.after.employee,
    )


def _reason(dimension: Dimension, judgement: Judgement, language: str) -> pb.StateReason:
    reason = judgement.reason
    facts = struct_pb2.Struct()
    facts.update({name: _plain(value) for name, value in reason.facts.items()})
    return pb.StateReason(
        dimension=DIMENSION_TO_PROTO[dimension],
        rule=reason.rule,
        text=reason.de if language == _GERMAN else reason.en,
        facts=facts,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def override_from_proto(request: pb.OverrideStateRequest, by: str, employee: str | None, now: datetime) -> Override:
    """InvalidInput: what it says cannot hold."""
    said = (
        (Dimension.LIFECYCLE_STAGE, request.lifecycle_stage, request.HasField("lifecycle_stage")),
        (Dimension.ENGAGEMENT, request.engagement, request.HasField("engagement")),
    )
    if not request.HasField("expires_at"):
        raise InvalidInput("an override says when it ends", ("expires_at",))
    return Override(
        values={dimension: value for dimension, value, given in said if given},
        reason=request.reason.strip(),
        by=by,
        employee=employee,
        at=now,
        expires_at=from_timestamp(request.expires_at, ("expires_at",)),
    )


def rules_from_proto(request: pb.DefineStateRulesRequest, version: int) -> RuleSet:
    rules = tuple(Rule(one.key, one.value, one.when, one.en, one.de) for one in request.rules)
    return RuleSet(dimension_from_proto(request.dimension), rules, version)


def rules_to_proto(rules: RuleSet, faults: Mapping[str, int]) -> pb.StateRuleSet:
    return pb.StateRuleSet(
        dimension=DIMENSION_TO_PROTO[rules.dimension],
        rules=[
            pb.StateRule(
                key=one.key, value=one.value, when=one.when, en=one.en, de=one.de, faults=faults.get(one.key, 0)
            )
            for one in rules.rules
        ],
        version=rules.version,
    )


def progress_to_proto(sweep: Job | None) -> pb.SweepProgress:
    if sweep is None:
        return pb.SweepProgress()
    return pb.SweepProgress(
        done=sweep.done,
        total=sweep.total,
        began_at=to_timestamp(sweep.started_at),
        ended_at=to_timestamp(sweep.finished_at),
    )
