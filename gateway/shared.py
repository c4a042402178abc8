"""Types that every subgraph uses: nodes, pages and what callers can mend."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

import strawberry
from google.protobuf.timestamp_pb2 import Timestamp
from rundblick.shared.v1 import money_pb2, page_pb2
from strawberry import federation
from strawberry.scalars import JSON
from strawberry.types import Info as StrawberryInfo

from chassis.errors import DomainError, NotFound
from chassis.times import from_timestamp
from gateway.context import Context
from gateway.errors import ServiceError

T = TypeVar("T")
Kind = TypeVar("Kind", bound=Enum)

Info = StrawberryInfo[Context, None]


class Named:
    """Which GraphQL type an object is follows from its class's name, in a subgraph and in the merged schema alike."""

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return type(obj).__name__ == cls.__name__


@strawberry.interface(description="Anything that can be asked for by its id.")
class Node:
    id: strawberry.ID

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        return type(obj).__name__


@federation.type(shareable=True, description="Where a page lies in its list (Relay).")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None

    @classmethod
    def of(cls, info: page_pb2.PageInfo) -> "PageInfo":
        return cls(
            has_next_page=info.has_next_page,
            has_previous_page=info.has_previous_page,
            start_cursor=info.start_cursor if info.HasField("start_cursor") else None,
            end_cursor=info.end_cursor if info.HasField("end_cursor") else None,
        )


@strawberry.enum(description="What kind of mistake it was.")
class UserErrorCode(Enum):
    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"


@federation.type(shareable=True, description="What the caller can mend, and where.")
class UserError:
    code: UserErrorCode
    message: str
    path: list[str] | None


@federation.type(shareable=True, description="A sentence: code and parameters for programs, text for people.")
class Message:
    code: str
    parameters: JSON
    text: str


@federation.type(shareable=True, description="An amount, exact, in one currency.")
class Money:
    amount: Decimal
    currency: str = strawberry.field(description="ISO 4217.")

    @classmethod
    def of(cls, money: money_pb2.Money) -> "Money":
        return cls(amount=Decimal(money.amount), currency=money.currency)


@strawberry.input
class MoneyInput:
    amount: Decimal
    currency: str = strawberry.field(description="ISO 4217.")

    def to_proto(self) -> money_pb2.Money:
        return money_pb2.Money(amount=f"{self.amount:f}", currency=self.currency)


@strawberry.input(description="The id of a customer in another system.")
class ExternalIdInput:
    source: str
    id: str


_MENDABLE = {code.value for code in UserErrorCode}
_RENAMED = {
    "customer_external_id": "customer",
    "customer_id": "customer",
    "touchpoint_key": "touchpoint",
    "touchpoint_id": "touchpoint",
    "team_key": "team",
    "team_id": "team",
    "owner_id": "owner",
    "employee_id": "employee",
    "author_id": "author",
    "assignee_id": "assignee",
    "in_reply_to_id": "inReplyTo",
    "enquiry_id": "enquiry",
    "into_id": "into",
    "duplicate_ids": "duplicates",
    "duplicate_of_id": "duplicateOf",
    "touchpoint_ids": "touchpoints",
    "segment_id": "segment",
    "segment_ids": "targetSegments",
    "customer_ids": "customers",
    "source_record_ids": "sourceRecords",
    "former_id": "formerCustomer",
    "campaign_id": "campaign",
    "offer_id": "offer",
    "survey_id": "survey",
    "topic_keys": "topics",
    "feedback_ids": "feedback",
    "measure_id": "measure",
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def input_path(path: tuple[str, ...]) -> list[str] | None:
    """The field of the input, in the graph's names."""
    named = [_RENAMED.get(part) or camel(part) for part in path if part != "fields"]
    return ["input", *named] if named else None


def _user_error(said: DomainError) -> UserError:
    return UserError(code=UserErrorCode(said.code), message=said.message, path=input_path(said.path))


async def mutate(payload: Callable[..., T], work: Awaitable[dict[str, Any]]) -> T:
    """The payload of a mutation: what `work` made, or what the caller can mend."""
    try:
        return payload(**await work, user_errors=[])
    except ServiceError as error:
        if error.error.code not in _MENDABLE:
            raise
        said = error.error
        return payload(user_errors=[_user_error(said)])


def page_request(
    first: int | None, after: str | None, last: int | None = None, before: str | None = None
) -> page_pb2.PageRequest:
    return page_pb2.PageRequest(first=first, after=after, last=last, before=before)


def moment(message: Any, name: str) -> datetime | None:
    """The time a message holds; None where it holds none."""
    if not message.HasField(name):
        return None
    timestamp: Timestamp = getattr(message, name)
    return from_timestamp(timestamp)


def needed(message: Any, name: str) -> datetime:
    """A time that every such message holds."""
    at = moment(message, name)
    if at is None:
        raise ValueError(f"{type(message).__name__} without {name}")
    return at


def enum_of(kind: type[Kind], names: Any, number: int, prefix: str) -> Kind:
    """A proto enum's value in the graph: the same name without the prefix."""
    return kind(names.Name(number).removeprefix(prefix))


def present(message: Any, name: str) -> Any:
    """An optional field: its value, or None."""
    return getattr(message, name) if message.HasField(name) else None


def found(record: T | None, id: str) -> T:
    if record is None:
        raise NotFound(f"there is no {id}")
    return record


def owned(load: Callable[[Info, str], Awaitable[Any]], get: Callable[[Any], Any]) -> Any:
    """A field of the type's owner: from the record at hand, else from the one that is loaded by the id.

    So an object that another subgraph refers to by its id alone costs nothing until such a field is asked for.
    """

    def resolve(root: Any, info: Info) -> Any:
        record = getattr(root, "record", None)
        if record is not None:
            return get(record)
        return _loaded(load, get, info, root.id)

    return resolve


async def _loaded(load: Callable[[Info, str], Awaitable[Any]], get: Callable[[Any], Any], info: Info, id: str) -> Any:
    return get(found(await load(info, id), id))
