"""The last part of the demo: persons known twice become one, with reasons for what follows; and one is given back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from cli.graph import Graph, GraphError

EXAMPLE = Path(__file__).parents[1] / "examples/febrl"
# What is imported from which file by which mapping.
FILES = (
    ("customers", "shop.csv", "shop.toml"),
    ("customers", "fair.csv", "fair.toml"),
    ("consents", "consents.csv", "consents.toml"),
    ("interactions", "contacts.csv", "contacts.toml"),
)

_OFFER = {
    "key": "service-plan",
    "title": "Service plan",
    "eligibility": "interactions.purchases > 0.0",
    "purpose": "MARKETING",
    "channels": ["EMAIL"],
    "value": {"amount": "120.00", "currency": "EUR"},
}
_PAIRS = """{ duplicateCandidates(first: 50) { edges { node {
  id score foundBy customers { displayName } reasons { message { text } } } } } }"""
_BOTH = """{ customers(first: 50, filter: {source: "shop"}, orderBy: DISPLAY_NAME_ASC) { edges { node {
  id displayName sourceRecords { source externalId }
  state { lifecycleStage engagement reasons { message { text } } }
  permission: mayContact(channel: EMAIL, purpose: MARKETING) { allowed reason { text } }
  recommendations(first: 1) { offer { title } score channel reasons { text } }
} } } }"""
_OTHER = """{ customers(first: 50, filter: {source: "fair"}) { edges { node { id displayName } } } }"""
_SPLIT = """query($id: ID!) { customer(id: $id) { sourceRecords { id source externalId } } }"""


def print_people(console: Console, graph: Graph) -> None:
    """Of a demo that ran before it merges whom that one gave back."""
    console.print("\n[bold]Twelve synthetic persons, as a shop and a fair know them[/]")
    offered = _mutate(graph, "defineOffer", "offer { id }", _OFFER, may=("ALREADY_EXISTS",))
    if offered["offer"] is not None:
        console.print("An offer for whoever bought before: Service plan.")
    _merge(console, graph)
    data = graph.ask_until(_BOTH, _ready, seconds=60)
    people = [edge["node"] for edge in data["customers"]["edges"]]
    console.print(_overview(people))
    shown = next((one for one in people if one["recommendations"]), people[0])
    console.print(_explained(shown))
    _give_back(console, graph, shown)


def _mutate(graph: Graph, name: str, selected: str, said: dict[str, Any], may: tuple[str, ...] = ()) -> dict[str, Any]:
    """GraphError: it was refused, and not for one of these codes."""
    input = name[0].upper() + name[1:] + "Input"
    query = f"mutation($input: {input}!) {{ {name}(input: $input) {{ {selected} userErrors {{ code message }} }} }}"
    payload: dict[str, Any] = graph.ask(query, input=said)[name]
    refused = [error["message"] for error in payload["userErrors"] if error["code"] not in may]
    if refused:
        raise GraphError("; ".join(refused))
    return payload


def _merge(console: Console, graph: Graph) -> None:
    pairs = [edge["node"] for edge in graph.ask(_PAIRS)["duplicateCandidates"]["edges"]]
    if pairs:
        first = pairs[0]
        names = " and ".join(one["displayName"] for one in first["customers"])
        why = " ".join(reason["message"]["text"] for reason in first["reasons"])
        console.print(f"{len(pairs)} pairs may be the same, such as {names}: {why}", highlight=False)
    for pair in pairs:
        _mutate(graph, "decideDuplicate", "customer { id }", {"id": pair["id"], "decision": "MERGE"})
    if pairs:
        console.print(f"{len(pairs)} merged, each on a person's word; every fact follows its source record.")
    # Whom somebody took apart is not suggested again.
    apart = {edge["node"]["displayName"]: edge["node"]["id"] for edge in graph.ask(_OTHER)["customers"]["edges"]}
    for edge in graph.ask(_BOTH)["customers"]["edges"]:
        person = edge["node"]
        other = apart.get(person["displayName"])
        if other is not None and other != person["id"]:
            _mutate(graph, "mergeCustomers", "customer { id }", {"id": person["id"], "duplicates": [other]})


def _ready(data: dict[str, Any]) -> bool:
    """Is everybody judged by what was imported? The lot of each offer is drawn then."""
    people = [edge["node"] for edge in data["customers"]["edges"]]
    judged = all(one["state"]["lifecycleStage"] in ("CUSTOMER", "LEAD") for one in people)
    return judged and any(one["recommendations"] for one in people)


def _overview(people: list[dict[str, Any]]) -> Table:
    table = Table(title="One record each")
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "Person": lambda one: one["displayName"],
        "Known as": _known_as,
        "Stage": lambda one: one["state"]["lifecycleStage"],
        "Engagement": lambda one: one["state"]["engagement"],
        "Offers by e-mail": lambda one: one["permission"]["reason"]["text"],
        "Next": lambda one: "".join(f"{r['offer']['title']} ({r['score']:.2f})" for r in one["recommendations"]) or "-",
    }
    for name in columns:
        table.add_column(name)
    for one in people:
        table.add_row(*(cell(one) for cell in columns.values()))
    return table


def _explained(person: dict[str, Any]) -> Tree:
    state = person["state"]
    tree = Tree(f"[bold]Why {person['displayName']} is a {state['lifecycleStage']}, and what to offer next[/]")
    for reason in state["reasons"]:
        tree.add(reason["message"]["text"])
    for one in person["recommendations"]:
        offer = tree.add(f"{one['offer']['title']} by {one['channel']}: {one['score']:.2f} points")
        for reason in one["reasons"]:
            offer.add(reason["text"])
    return tree


def _give_back(console: Console, graph: Graph, person: dict[str, Any]) -> None:
    records = graph.ask(_SPLIT, id=person["id"])["customer"]["sourceRecords"]
    going = [record["id"] for record in records if record["source"] == "fair"]
    shown = "displayName sourceRecords { source externalId }"
    selected = f"customer {{ {shown} }} splitOff {{ {shown} }}"
    done = _mutate(graph, "splitCustomer", selected, {"id": person["id"], "sourceRecords": going})
    sides = [f"{one['displayName']} ({_known_as(one)})" for one in (done["customer"], done["splitOff"])]
    console.print(f"Taken apart again, each with its own: {' and '.join(sides)}.", highlight=False)


def _known_as(person: dict[str, Any]) -> str:
    """By what other systems call them."""
    records = [one for one in person["sourceRecords"] if one["externalId"] is not None]
    return ", ".join(f"{one['source']} {one['externalId']}" for one in records)
