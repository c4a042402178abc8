"""Touchpoints in the graph."""

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import touchpoint_pb2 as pb
from strawberry import UNSET, federation

from gateway.customers.client import customers_of
from gateway.customers.code import TouchpointCodeConnection, codes_of_touchpoint
from gateway.shared import Info, Named, Node, PageInfo, UserError, enum_of, mutate, owned, page_request, present

if TYPE_CHECKING:
    from gateway.customers.campaign import CampaignConnection

CampaignsRef = Annotated["CampaignConnection", strawberry.lazy("gateway.customers.campaign")]


@strawberry.enum(description="The kind of place.")
class Channel(Enum):
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    WEB_FORM = "WEB_FORM"
    WEB_SELF_SERVICE = "WEB_SELF_SERVICE"
    MOBILE_APP = "MOBILE_APP"
    CHATBOT = "CHATBOT"
    MESSENGER = "MESSENGER"
    SOCIAL_MEDIA = "SOCIAL_MEDIA"
    SMS = "SMS"
    LETTER = "LETTER"
    TRADE_FAIR = "TRADE_FAIR"
    IN_PERSON = "IN_PERSON"
    OUT_OF_HOME = "OUT_OF_HOME"
    PRINT = "PRINT"
    BROADCAST = "BROADCAST"
    PARTNER = "PARTNER"
    OTHER = "OTHER"


@strawberry.enum
class TouchpointNature(Enum):
    PHYSICAL = "PHYSICAL"
    DIGITAL = "DIGITAL"


@strawberry.enum(description="Whose it is: the company's own, paid for, or of third parties.")
class TouchpointControl(Enum):
    OWNED = "OWNED"
    PAID = "PAID"
    EARNED = "EARNED"


def _channel(record: pb.Touchpoint) -> Channel:
    return enum_of(Channel, pb.Channel, record.channel, "CHANNEL_")


def _nature(record: pb.Touchpoint) -> TouchpointNature:
    return enum_of(TouchpointNature, pb.TouchpointNature, record.nature, "TOUCHPOINT_NATURE_")


def _control(record: pb.Touchpoint) -> TouchpointControl:
    return enum_of(TouchpointControl, pb.TouchpointControl, record.control, "TOUCHPOINT_CONTROL_")


def _day(record: pb.Touchpoint, name: str) -> date | None:
    return date.fromisoformat(getattr(record, name)) if present(record, name) else None


async def load_touchpoint(info: Info, id: str) -> Any:
    return await customers_of(info).touchpoints.load(id)


@federation.type(keys=["id"], description="A physical or digital place where customers and the company meet.")
class Touchpoint(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=owned(load_touchpoint, lambda record: record.key))
    name: str = strawberry.field(resolver=owned(load_touchpoint, lambda record: record.name))
    channel: Channel = strawberry.field(resolver=owned(load_touchpoint, _channel))
    nature: TouchpointNature = strawberry.field(resolver=owned(load_touchpoint, _nature))
    control: TouchpointControl = strawberry.field(resolver=owned(load_touchpoint, _control))
    active_from: date | None = strawberry.field(resolver=owned(load_touchpoint, lambda r: _day(r, "active_from")))
    active_to: date | None = strawberry.field(resolver=owned(load_touchpoint, lambda r: _day(r, "active_to")))

    @strawberry.field(description="Of which it is a part; the newest beginning first.")
    async def campaigns(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> CampaignsRef | None:
        from gateway.customers.campaign import campaigns_of_touchpoint  # noqa: PLC0415  # the two know each other

        return await campaigns_of_touchpoint(info, self.id, first, after, last, before)

    @strawberry.field(description="What is printed or shown there.")
    async def codes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> TouchpointCodeConnection | None:
        return await codes_of_touchpoint(info, self.id, first, after, last, before)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Touchpoint":
        return cls(id=id)


@strawberry.type
class TouchpointEdge:
    cursor: str
    node: Touchpoint


@strawberry.type
class TouchpointConnection:
    edges: list[TouchpointEdge]
    page_info: PageInfo


@strawberry.input
class TouchpointFilter:
    channels: list[Channel] | None = None
    nature: TouchpointNature | None = None
    keys: list[str] | None = None


@strawberry.input
class CreateTouchpointInput:
    key: str = strawberry.field(description="Unique, chosen by the company.")
    name: str
    channel: Channel
    nature: TouchpointNature
    control: TouchpointControl
    active_from: date | None = None
    active_to: date | None = None
    idempotency_key: str | None = None


@strawberry.input
class UpdateTouchpointInput:
    id: strawberry.ID
    name: str | None = UNSET
    channel: Channel | None = UNSET
    nature: TouchpointNature | None = UNSET
    control: TouchpointControl | None = UNSET
    active_from: date | None = strawberry.field(default=UNSET, description="null: no longer set")
    active_to: date | None = strawberry.field(default=UNSET, description="null: no longer set")
    idempotency_key: str | None = None


@strawberry.type
class CreateTouchpointPayload:
    user_errors: list[UserError]
    touchpoint: Touchpoint | None = None


@strawberry.type
class UpdateTouchpointPayload:
    user_errors: list[UserError]
    touchpoint: Touchpoint | None = None


def touchpoint_of(record: pb.Touchpoint) -> Touchpoint:
    return Touchpoint(id=strawberry.ID(record.id), record=record)


def channel_value(channel: Channel) -> Any:
    return pb.Channel.Value(f"CHANNEL_{channel.value}")


def _nature_value(nature: TouchpointNature) -> Any:
    return pb.TouchpointNature.Value(f"TOUCHPOINT_NATURE_{nature.value}")


def _control_value(control: TouchpointControl) -> Any:
    return pb.TouchpointControl.Value(f"TOUCHPOINT_CONTROL_{control.value}")


@strawberry.type
class TouchpointQuery:
    @strawberry.field(description="By key.")
    async def touchpoints(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: TouchpointFilter | None = None,
    ) -> TouchpointConnection | None:
        client = customers_of(info)
        request = pb.ListTouchpointsRequest(page=page_request(first, after, last, before))
        if filter is not None:
            request.filter.channels.extend(map(channel_value, filter.channels or ()))
            request.filter.keys.extend(filter.keys or ())
            if filter.nature is not None:
                request.filter.nature = _nature_value(filter.nature)
        answer: pb.ListTouchpointsResponse = await client.call(client.stubs.touchpoints.ListTouchpoints, request)
        return TouchpointConnection(
            edges=[TouchpointEdge(cursor=edge.cursor, node=touchpoint_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.type
class TouchpointMutation:
    @strawberry.mutation
    async def create_touchpoint(self, info: Info, input: CreateTouchpointInput) -> CreateTouchpointPayload | None:
        client = customers_of(info)
        request = pb.CreateTouchpointRequest(
            idempotency_key=input.idempotency_key,
            key=input.key,
            name=input.name,
            channel=channel_value(input.channel),
            nature=_nature_value(input.nature),
            control=_control_value(input.control),
            active_from=input.active_from.isoformat() if input.active_from else None,
            active_to=input.active_to.isoformat() if input.active_to else None,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.touchpoints.CreateTouchpoint, request)
            return {"touchpoint": touchpoint_of(answer.touchpoint)}

        return await mutate(CreateTouchpointPayload, work())

    @strawberry.mutation
    async def update_touchpoint(self, info: Info, input: UpdateTouchpointInput) -> UpdateTouchpointPayload | None:
        client = customers_of(info)
        request = pb.UpdateTouchpointRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            name=input.name or None,
            channel=channel_value(input.channel) if input.channel else None,
            nature=_nature_value(input.nature) if input.nature else None,
            control=_control_value(input.control) if input.control else None,
            active_from=_changed_day(input.active_from),
            active_to=_changed_day(input.active_to),
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.touchpoints.UpdateTouchpoint, request)
            return {"touchpoint": touchpoint_of(answer.touchpoint)}

        return await mutate(UpdateTouchpointPayload, work())


def _changed_day(day: date | None) -> str | None:
    """Not said: as it was; null: empty."""
    if day is UNSET:
        return None
    return day.isoformat() if day is not None else ""
