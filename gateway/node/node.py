"""Objects by their id, routed by its prefix; and who asks."""

import asyncio
from dataclasses import asdict
from typing import Any

import strawberry
from strawberry import federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from chassis.ids import prefix_of
from gateway.errors import bad_input
from gateway.shared import Info, Named, Node

MOST_NODES = 100

STUB = [Key(fields=FieldSet("id"), resolvable=False)]


def _stub(name: str) -> Any:
    """A type that is known here by its id alone."""
    fields = {"__annotations__": {"id": strawberry.ID}, "__module__": __name__}
    return federation.type(type(name, (Named, Node), fields), name=name, keys=STUB)


STUBS = {
    "cus": _stub("Customer"),
    "emp": _stub("Employee"),
    "tea": _stub("Team"),
    "tou": _stub("Touchpoint"),
    "int": _stub("Interaction"),
    "cmp": _stub("Campaign"),
    "off": _stub("Offer"),
    "opp": _stub("Opportunity"),
    "seg": _stub("Segment"),
    "dlv": _stub("Delivery"),
    "dup": _stub("DuplicateCandidate"),
    "enq": _stub("Enquiry"),
    "fbk": _stub("Feedback"),
    "mea": _stub("Measure"),
    "srv": _stub("Survey"),
    "top": _stub("Topic"),
    "kpi": _stub("Kpi"),
    "chg": _stub("Change"),
    "alt": _stub("KpiAlert"),
}


@strawberry.type(description="Of one client, in a minute.")
class RateLimit:
    name: str = strawberry.field(description="operations, or root mutations")
    limit: int
    remaining: int
    reset_seconds: int = strawberry.field(description="until all of it is there again")


@strawberry.type(description="Who asks, and what they may do.")
class Viewer:
    subject: str
    employee: strawberry.ID | None
    roles: list[str] = strawberry.field(description="Of the roles in the token, those that give scopes.")
    scopes: list[str]
    sources: list[str] | None = strawberry.field(description="The only sources a partner sees; null: no such limit.")

    @strawberry.field(description="What is left of the limits on how much a client may ask for in a minute.")
    async def limits(self, info: Info) -> list[RateLimit]:
        context = info.context
        left = await context.rates.left(context.client) if context.rates is not None else {}
        return [RateLimit(name=name, **asdict(one)) for name, one in left.items()]


async def _node(info: Info, id: str) -> Any:
    """None: no such object."""
    find = info.context.nodes.get(prefix_of(id) or "")
    return await find(info, id) if find is not None else None


@strawberry.type
class NodeQuery:
    @strawberry.field(description="Any object by its id; null when there is none.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found: Node | None = await _node(info, id)
        return found

    @strawberry.field(description="Many objects by their ids, in their order.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise bad_input(f"nodes takes at most {MOST_NODES} ids", "ids")
        return list(await asyncio.gather(*(_node(info, id) for id in ids)))

    @strawberry.field
    def viewer(self, info: Info) -> Viewer:
        caller = info.context.caller
        return Viewer(
            subject=caller.subject,
            employee=strawberry.ID(caller.employee) if caller.employee else None,
            roles=sorted(caller.roles),
            scopes=sorted(caller.scopes),
            sources=sorted(caller.sources) if caller.sources is not None else None,
        )
