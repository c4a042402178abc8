"""The state of a customer in the graph: how far it has come, how alive the relationship is, why, and since when."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from google.protobuf.json_format import MessageToDict
from rundblick.customers.v1 import state_pb2 as pb
from strawberry.scalars import JSON

from gateway.customers.client import customers_of
from gateway.customers.employee import Employee
from gateway.shared import Info, Message, PageInfo, enum_of, moment, needed, page_request, present


@strawberry.enum(description="How far a customer has come.")
class LifecycleStage(Enum):
    SUBSCRIBER = "SUBSCRIBER"
    LEAD = "LEAD"
    MARKETING_QUALIFIED = "MARKETING_QUALIFIED"
    SALES_QUALIFIED = "SALES_QUALIFIED"
    OPPORTUNITY = "OPPORTUNITY"
    CUSTOMER = "CUSTOMER"
    EVANGELIST = "EVANGELIST"
    OTHER = "OTHER"


@strawberry.enum(description="How alive the relationship is.")
class Engagement(Enum):
    NEW = "NEW"
    ACTIVE = "ACTIVE"
    AT_RISK = "AT_RISK"
    DORMANT = "DORMANT"
    LOST = "LOST"


@strawberry.enum
class StateDimension(Enum):
    LIFECYCLE_STAGE = "LIFECYCLE_STAGE"
    ENGAGEMENT = "ENGAGEMENT"


@strawberry.enum(description="RULE: the first rule that holds. EMPLOYEE: an employee said so, until it ends.")
class StateOrigin(Enum):
    RULE = "RULE"
    EMPLOYEE = "EMPLOYEE"


@strawberry.type(description="Why a customer has this stage or engagement.")
class StateReason:
    dimension: StateDimension
    rule: str = strawberry.field(description="Its key; override: an employee's word.")
    message: Message
    facts: JSON = strawberry.field(description="Those that the rule names, as they were when it was judged.")


@strawberry.type(description="A change of stage or engagement.")
class StateChange:
    id: strawberry.ID
    dimension: StateDimension
    before: str | None = strawberry.field(description="null: the first judgement.")
    after: str
    at: datetime
    reason: StateReason
    set_by: StateOrigin
    employee: Employee | None


@strawberry.type
class StateChangeEdge:
    cursor: str
    node: StateChange


@strawberry.type
class StateChangeConnection:
    edges: list[StateChangeEdge]
    page_info: PageInfo


@strawberry.type(description="By rules over what is known of the customer, or by an employee's word.")
class CustomerState:
    customer: strawberry.Private[str]

    lifecycle_stage: LifecycleStage
    engagement: Engagement
    since: datetime = strawberry.field(description="When the later of both changed.")
    lifecycle_stage_since: datetime
    engagement_since: datetime
    reasons: list[StateReason]
    set_by: StateOrigin = strawberry.field(description="EMPLOYEE: at least one of both.")
    employee: Employee | None = strawberry.field(description="Who said so.")
    override_expires_at: datetime | None

    @strawberry.field(description="What changed, the newest first.")
    async def history(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> StateChangeConnection:
        arguments = pb.BatchListStateChangesRequest(
            page=page_request(first, after, last, before), language=info.context.language
        )
        page: pb.StateChangePage = await customers_of(info).state_changes.load(self.customer, arguments)
        return StateChangeConnection(
            edges=[StateChangeEdge(cursor=edge.cursor, node=_change(edge.node)) for edge in page.edges],
            page_info=PageInfo.of(page.page_info),
        )


async def state(info: Info, customer: str) -> CustomerState | None:
    """None: partners see none."""
    arguments = pb.BatchGetStatesRequest(language=info.context.language)
    answer: pb.StateAnswer = await customers_of(info).states.load(customer, arguments)
    if not answer.HasField("value"):
        return None
    found = answer.value
    return CustomerState(
        customer=customer,
        lifecycle_stage=LifecycleStage(found.lifecycle_stage),
        engagement=Engagement(found.engagement),
        since=needed(found, "since"),
        lifecycle_stage_since=needed(found, "lifecycle_stage_since"),
        engagement_since=needed(found, "engagement_since"),
        reasons=[_reason(one) for one in found.reasons],
        set_by=_origin(found.set_by),
        employee=_employee(found),
        override_expires_at=moment(found, "override_expires_at"),
    )


def dimension_of(number: int) -> StateDimension:
    return enum_of(StateDimension, pb.StateDimension, number, "STATE_DIMENSION_")


def _origin(number: int) -> StateOrigin:
    return enum_of(StateOrigin, pb.StateOrigin, number, "STATE_ORIGIN_")


def _employee(record: Any) -> Employee | None:
    id = present(record, "employee_id")
    return Employee(id=strawberry.ID(id)) if id is not None else None


def _reason(record: pb.StateReason) -> StateReason:
    facts = MessageToDict(record.facts)
    return StateReason(
        dimension=dimension_of(record.dimension),
        rule=record.rule,
        message=Message(code=f"STATE_{record.rule.upper()}", parameters=JSON(facts), text=record.text),
        facts=JSON(facts),
    )


def _change(record: pb.StateChange) -> StateChange:
    return StateChange(
        id=strawberry.ID(record.id),
        dimension=dimension_of(record.dimension),
        before=present(record, "before"),
        after=record.after,
        at=needed(record, "at"),
        reason=_reason(record.reason),
        set_by=_origin(record.set_by),
        employee=_employee(record),
    )
