"""Codes of touchpoints in the graph, with the link and the picture that lead to them."""

import io
from typing import TYPE_CHECKING, Annotated, Any

import segno
import strawberry
from rundblick.customers.v1 import code_pb2 as pb

from gateway.customers.client import customers_of
from gateway.shared import Info, PageInfo, UserError, mutate, page_request, present

if TYPE_CHECKING:
    from gateway.customers.campaign import Campaign
    from gateway.customers.touchpoint import Touchpoint

CampaignRef = Annotated["Campaign", strawberry.lazy("gateway.customers.campaign")]
TouchpointRef = Annotated["Touchpoint", strawberry.lazy("gateway.customers.touchpoint")]

# Below the public address of the gateway.
PATH = "/t/"


@strawberry.type(description="A few characters at a touchpoint that customers name, or follow as a link.")
class TouchpointCode:
    record: strawberry.Private[Any]

    @strawberry.field(description="Of characters that are not mistaken for each other; case does not count.")
    def code(self) -> str:
        return str(self.record.code)

    @strawberry.field
    def touchpoint(self) -> TouchpointRef:
        from gateway.customers.touchpoint import Touchpoint  # noqa: PLC0415  # the two know each other

        return Touchpoint(id=strawberry.ID(self.record.touchpoint_id))

    @strawberry.field(description="That contacts over it belong to.")
    def campaign(self) -> CampaignRef | None:
        from gateway.customers.campaign import Campaign  # noqa: PLC0415  # as above

        return Campaign(id=strawberry.ID(self.record.campaign_id)) if present(self.record, "campaign_id") else None

    @strawberry.field(description="Where who follows it is led to; null: nowhere, it is only named.")
    def target(self) -> str | None:
        target: str | None = present(self.record, "target")
        return target

    @strawberry.field(description="The link to print; null: it leads nowhere, or no public address is configured.")
    def url(self, info: Info) -> str | None:
        public = customers_of(info).stubs.public_url
        return f"{public.rstrip('/')}{PATH}{self.record.code}" if public and self.record.HasField("target") else None

    @strawberry.field(description="The link as a QR code, in SVG.")
    def qr(self, info: Info) -> str | None:
        url = self.url(info)
        if url is None:
            return None
        picture = io.BytesIO()
        # A quarter of it may be dirty or torn off.
        segno.make(url, error="q", micro=False).save(picture, kind="svg", xmldecl=False, svgns=True, omitsize=True)
        return picture.getvalue().decode().strip()


@strawberry.type
class TouchpointCodeEdge:
    cursor: str
    node: TouchpointCode


@strawberry.type
class TouchpointCodeConnection:
    edges: list[TouchpointCodeEdge]
    page_info: PageInfo


async def codes_of_touchpoint(
    info: Info, touchpoint: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> TouchpointCodeConnection:
    arguments = pb.BatchListCodesRequest(page=page_request(first, after, last, before))
    page: pb.CodePage = await customers_of(info).codes_of_touchpoints.load(touchpoint, arguments)
    return TouchpointCodeConnection(
        edges=[TouchpointCodeEdge(cursor=edge.cursor, node=TouchpointCode(record=edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@strawberry.input
class CreateTouchpointCodeInput:
    touchpoint: strawberry.ID
    campaign: strawberry.ID | None = strawberry.field(default=None, description="That contacts over it belong to.")
    target: str | None = strawberry.field(default=None, description="The URL that who follows it is led to.")
    idempotency_key: str | None = None


@strawberry.type
class CreateTouchpointCodePayload:
    user_errors: list[UserError]
    touchpoint_code: TouchpointCode | None = None


@strawberry.type
class CodeQuery:
    @strawberry.field(description="Null when there is none.")
    async def touchpoint_code(self, info: Info, code: str) -> TouchpointCode | None:
        record = await customers_of(info).codes.load(code)
        return TouchpointCode(record=record) if record is not None else None


@strawberry.type
class CodeMutation:
    @strawberry.mutation
    async def create_touchpoint_code(
        self, info: Info, input: CreateTouchpointCodeInput
    ) -> CreateTouchpointCodePayload | None:
        client = customers_of(info)
        request = pb.CreateTouchpointCodeRequest(
            idempotency_key=input.idempotency_key,
            touchpoint_id=input.touchpoint,
            campaign_id=input.campaign,
            target=input.target,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.codes.CreateTouchpointCode, request)
            return {"touchpoint_code": TouchpointCode(record=answer.code)}

        return await mutate(CreateTouchpointCodePayload, work())
