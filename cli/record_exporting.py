"""Records of a running system as rows, read page by page through its graph: whoever asks gets what they may see."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cli.graph import Graph

_PAGE = 100
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"


_ADDRESS = ("lines", "postalCode", "city", "region", "country")
_CUSTOMERS = f"""query($first: Int!, $after: String) {{
  customers(first: $first, after: $after, orderBy: CREATED_AT_ASC) {{
  edges {{ node {{ id kind displayName givenName familyName organisationName emails phones
    addresses {{ {" ".join(_ADDRESS)} }} locale externalIds {{ source id }}
    owner {{ id }} version createdAt updatedAt }} }}
  {_PAGE_INFO} }} }}"""
_JOURNEYS = f"""query($first: Int!, $after: String) {{
  customers(first: $first, after: $after, orderBy: CREATED_AT_ASC) {{
  edges {{ node {{ id }} }} {_PAGE_INFO} }} }}"""
_JOURNEY = f"""query($id: ID!, $first: Int!, $after: String) {{ customer(id: $id) {{
  interactions(first: $first, after: $after) {{ edges {{ node {{ id source occurredAt direction kind summary purpose
    touchpoint {{ key }} campaign {{ id }} employee {{ id }} }} }} {_PAGE_INFO} }} }} }}"""
_TOUCHPOINTS = f"""query($first: Int!, $after: String) {{ touchpoints(first: $first, after: $after) {{
  edges {{ node {{ id key name channel nature control activeFrom activeTo }} }} {_PAGE_INFO} }} }}"""
_CAMPAIGNS = f"""query($first: Int!, $after: String) {{ campaigns(first: $first, after: $after) {{
  edges {{ node {{ id name }} }} {_PAGE_INFO} }} }}"""
_SPEND = f"""query($id: ID!, $first: Int!, $after: String) {{ node(id: $id) {{ ... on Campaign {{
  spend(first: $first, after: $after) {{ edges {{ node {{ id source externalId day amount {{ amount currency }} note
    touchpoint {{ key }} }} }} {_PAGE_INFO} }} }} }} }}"""
_OPPORTUNITIES = f"""query($first: Int!, $after: String) {{ opportunities(first: $first, after: $after) {{
  edges {{ node {{ id source externalId customer {{ id }} title stage amount {{ amount currency }} probability
    ownProbability closesOn openedAt history {{ at }} lossReason offer {{ key }} campaign {{ name }} owner {{ id }}
  }} }}  {_PAGE_INFO} }} }}"""


def customers(graph: Graph) -> Iterator[Mapping[str, object]]:
    """One row for each; of several addresses the first."""
    for node in _nodes(graph, _CUSTOMERS, "customers"):
        address = next(iter(node["addresses"]), dict.fromkeys(_ADDRESS))
        row = {name: value for name, value in node.items() if name not in ("addresses", "externalIds", "owner")}
        yield row | {
            "emails": " ".join(node["emails"]),
            "phones": " ".join(node["phones"]),
            "lines": ", ".join(address["lines"] or ()),
            **{name: address[name] for name in _ADDRESS[1:]},
            "externalIds": " ".join(f"{one['source']}:{one['id']}" for one in node["externalIds"]),
            "owner": (node["owner"] or {}).get("id"),
        }


def interactions(graph: Graph) -> Iterator[Mapping[str, object]]:
    """Of each customer, the newest first; contacts of nobody known are in no journey."""
    for customer in _nodes(graph, _JOURNEYS, "customers"):
        for node in _nodes(graph, _JOURNEY, "customer", "interactions", id=customer["id"]):
            yield {**node} | {
                "customer": customer["id"],
                "touchpoint": (node["touchpoint"] or {}).get("key"),
                "campaign": (node["campaign"] or {}).get("id"),
                "employee": (node["employee"] or {}).get("id"),
            }


def touchpoints(graph: Graph) -> Iterator[Mapping[str, object]]:
    yield from _nodes(graph, _TOUCHPOINTS, "touchpoints")


def spend(graph: Graph) -> Iterator[Mapping[str, object]]:
    """Of each campaign, the newest day first; what was spent on a touchpoint alone is in no list."""
    for campaign in _nodes(graph, _CAMPAIGNS, "campaigns"):
        for node in _nodes(graph, _SPEND, "node", "spend", id=campaign["id"]):
            yield {**node} | {
                "campaign": campaign["name"],
                "touchpoint": (node["touchpoint"] or {}).get("key"),
                "amount": node["amount"]["amount"],
                "currency": node["amount"]["currency"],
            }


def opportunities(graph: Graph) -> Iterator[Mapping[str, object]]:
    """The newest first; of the moves the last one."""
    for node in _nodes(graph, _OPPORTUNITIES, "opportunities"):
        money = node["amount"] or {"amount": None, "currency": None}
        row = {name: value for name, value in node.items() if name not in ("ownProbability", "history")}
        yield row | {
            "customer": node["customer"]["id"],
            "amount": money["amount"],
            "currency": money["currency"],
            "probability": node["probability"] if node["ownProbability"] else None,
            "stageSince": node["history"][-1]["at"],
            "offer": (node["offer"] or {}).get("key"),
            "campaign": (node["campaign"] or {}).get("name"),
            "owner": (node["owner"] or {}).get("id"),
        }


# GraphError from each: what the graph refuses, also where a right is missing; half a row is none.
EXPORTS: Mapping[str, Callable[[Graph], Iterator[Mapping[str, object]]]] = {
    "customers": customers,
    "interactions": interactions,
    "touchpoints": touchpoints,
    "spend": spend,
    "opportunities": opportunities,
}


def _nodes(graph: Graph, query: str, *path: str, **variables: Any) -> Iterator[Mapping[str, Any]]:
    """Of the connection at this path of the answer, over all its pages."""
    after = None
    while True:
        page = graph.ask(query, first=_PAGE, after=after, **variables)
        for name in path:
            page = page[name]
        yield from (edge["node"] for edge in page["edges"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
