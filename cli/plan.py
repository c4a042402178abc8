"""rundblick plan: where money works, by what a response cost at each touchpoint."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.exporting import Wanted, reporting_zone
from cli.graph import Graph, GraphError
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console

_DAYS = 90
_PLAN = """query($period: PeriodInput!, $campaign: ID) { touchpointPlan(period: $period, campaign: $campaign) {
  period { start end timeZone } campaign { id name } unit because { text }
  touchpoints { touchpoint { id name } spend responses costPerResponse { value lower upper } finding { text } }
  moves { from { id name } to { id name } message { text } } } }"""
_CAMPAIGN = "query($id: ID!) { node(id: $id) { ... on Campaign { startsOn endsOn } } }"
# (English, German)
_TITLE = ("Cost per response from {first} to {last}{campaign}", "Kosten je Antwort vom {first} bis {last}{campaign}")
_COLUMNS = (
    ("touchpoint", "Kontaktpunkt"),
    ("spend", "Ausgaben"),
    ("responses", "Antworten"),
    ("cost", "Kosten"),
    ("between", "zwischen"),
    ("finding", "Befund"),
)


class Tongue(StrEnum):
    en = "en"
    de = "de"


def plan(
    campaign: Annotated[str | None, typer.Option(help="Only what was spent and came in for it; its own days.")] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help=f"The first day; else {_DAYS} days ago.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last; else tomorrow.")
    ] = None,
    language: Annotated[Tongue, typer.Option("--lang", help="Of all that is said.")] = Tongue.en,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Show what a response cost at each touchpoint, and where the same money would bring more.

    A response is a contact in which a customer turned to the company. With fewer than 20 of them nothing is suggested.
    """
    try:
        graph = Graph(endpoint, token, language.value)
        first, beyond = _days(graph, campaign, start, end)
        wanted = Wanted("spend", first, beyond, (), None)
        moments = wanted.moments(reporting_zone(graph, wanted))
        period = dict(zip(("start", "end"), (moment.isoformat() for moment in moments), strict=True))
        found = graph.ask(_PLAN, period=period, campaign=campaign)["touchpointPlan"]
    except GraphError as error:
        fail(error)
    print_plan(new_console(), found, first, beyond - timedelta(days=1), german=language is Tongue.de)


def _days(graph: Graph, campaign: str | None, start: datetime | None, end: datetime | None) -> tuple[date, date]:
    """The first day, and the one after the last. GraphError: there is no such campaign."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    first, beyond = tomorrow - timedelta(days=_DAYS), tomorrow
    if campaign is not None:
        node = graph.ask(_CAMPAIGN, id=campaign)["node"]
        if not node:
            raise GraphError(f"there is no campaign {campaign}")
        first = date.fromisoformat(node["startsOn"])
        beyond = date.fromisoformat(node["endsOn"]) + timedelta(days=1)
    return start.date() if start else first, end.date() if end else beyond


def print_plan(console: Console, plan: Mapping[str, Any], first: date, last: date, *, german: bool) -> None:
    campaign = f", {_name(plan['campaign'])}" if plan["campaign"] else ""
    table = Table(title=_TITLE[german].format(first=first, last=last, campaign=campaign))
    for place, column in enumerate(_COLUMNS):
        table.add_column(column[german], justify="right" if 0 < place < len(_COLUMNS) - 1 else "left")
    for one in plan["touchpoints"]:
        cost = one["costPerResponse"]
        between = cost is not None and cost["lower"] is not None
        table.add_row(
            _name(one["touchpoint"]),
            f"{one['spend']:.2f}",
            str(one["responses"]),
            f"{cost['value']:.2f}" if cost else "",
            f"{cost['lower']:.2f} – {cost['upper']:.2f}" if between else "",
            one["finding"]["text"],
        )
    console.print(table)
    for move in plan["moves"]:
        said = f"{_name(move['from'])} -> {_name(move['to'])}: {move['message']['text']}"
        console.print(said, highlight=False, markup=False)
    console.print(plan["because"]["text"], highlight=False, markup=False)


def _name(node: Mapping[str, Any]) -> str:
    # Whoever sees figures need not see touchpoints.
    return str(node.get("name") or node["id"])
