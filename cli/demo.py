"""What the demo prints: one customer in one view, and the response time of each touchpoint, through GraphQL alone."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from cli.graph import Graph

ROWS = 29_838
FLAGGED = 10
# A place with several requests over the years and more than one touchpoint.
CUSTOMER = {"source": "boston311", "id": "site_22631"}
PERIOD = {"start": "2013-01-01T00:00:00Z", "end": "2018-01-01T00:00:00Z"}

_UNIFIED_VIEW = """
query($customer: ExternalIdInput!) {
  customer(externalId: $customer) {
    id
    displayName
    sourceRecords { source externalId }
    enquiries(first: 5) {
      edges { node {
        subject status openedAt category
        touchpoint { name }
        team { name }
        waits { kind seconds ended flagged }
      } }
    }
    interactions(first: 6) { edges { node { occurredAt direction kind touchpoint { name } } } }
    kpis(keys: ["first_response_time", "enquiries"]) {
      kpi { name unit }
      n value
      open { received open }
      withinTarget { hit missed notYetDue }
    }
  }
}"""

_FIGURES = """
query($period: PeriodInput!) {
  enquiries: kpi(key: "enquiries") { result(period: $period) { n } }
  resolutions: kpi(key: "total_resolution_time") { result(period: $period) { open { received } } }
  kpi(key: "first_response_time") {
    name
    target { value }
    result(period: $period) { ...figures freshness }
    breakdown(period: $period, by: ["touchpoint"]) { key { value } result { ...figures } }
  }
  touchpoints(first: 100) { edges { node { id name } } }
}
fragment figures on KpiResult {
  n
  quantiles(p: [0.5, 0.9, 0.99]) { p value }
  open { received open medianCountingOpen { value } }
  withinTarget { hit missed notYetDue share }
  excluded { reason count }
}"""


def complete(data: dict[str, Any]) -> bool:
    """Is every row counted?"""
    received = [data["kpi"]["result"]["open"]["received"], data["resolutions"]["result"]["open"]["received"]]
    return bool(data["enquiries"]["result"]["n"] == ROWS and received == [ROWS - FLAGGED] * 2)


def figures(graph: Graph, *, seconds: float) -> dict[str, Any]:
    """The figures, once every row is counted."""
    return graph.ask_until(_FIGURES, complete, seconds=seconds, period=PERIOD)


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "-"
    for unit, length, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} {int(seconds % length // part)} {smaller}"
    return f"{seconds:.0f} s"


def print_customer(console: Console, graph: Graph) -> None:
    data = graph.ask_until(
        _UNIFIED_VIEW, lambda data: bool(data["customer"]["interactions"]["edges"]), seconds=30, customer=CUSTOMER
    )
    customer = data["customer"]
    records = ", ".join(f"{record['source']} {record['externalId']}" for record in customer["sourceRecords"])
    tree = Tree(f"[bold]{customer['displayName']}[/]  {customer['id']}  (known as {records})")
    enquiries = tree.add("Enquiries")
    for edge in customer["enquiries"]["edges"]:
        enquiry = edge["node"]
        waits = ", ".join(
            f"{wait['kind'].lower()} {duration(wait['seconds'])} {(wait['ended'] or 'still open').lower()}"
            for wait in enquiry["waits"]
        )
        team = f", {enquiry['team']['name']}" if enquiry["team"] else ""
        enquiries.add(
            f"{enquiry['openedAt'][:16]}  {enquiry['subject']}  [cyan]{enquiry['touchpoint']['name']}[/]{team}  "
            f"{enquiry['status']}  {waits}"
        )
    journey = tree.add("Journey, newest first")
    for edge in customer["interactions"]["edges"]:
        node = edge["node"]
        journey.add(f"{node['occurredAt'][:16]}  {node['direction']}  {node['kind']}  {node['touchpoint']['name']}")
    kpis = tree.add("Figures")
    for result in customer["kpis"]:
        value = duration(result["value"]) if result["kpi"]["unit"] == "s" else f"{result['value']:.0f}"
        line = f"{result['kpi']['name']}: {value} (n = {result['n']})"
        if result["kpi"]["unit"] == "s" and result["open"]:
            line += f", {result['open']['open']} of {result['open']['received']} still open"
        kpis.add(line)
    console.print(tree)


def print_figures(console: Console, data: dict[str, Any]) -> None:
    names = {edge["node"]["id"]: edge["node"]["name"] for edge in data["touchpoints"]["edges"]}
    kpi = data["kpi"]
    table = Table(title=f"{kpi['name']} per touchpoint, enquiries of 2013 to 2017")
    table.add_column("Touchpoint")
    columns = ("received", "still open", "median, closed only", "median counting open", "p90", "p99")
    for column in (*columns, f"within {duration(kpi['target']['value'])} of those due"):
        table.add_column(column, justify="right")
    rows = [(names.get(row["key"][0]["value"], "not known"), row["result"]) for row in kpi["breakdown"]]
    for name, result in [("[bold]All[/]", kpi["result"]), *rows]:
        quantiles = [duration(quantile["value"]) for quantile in result["quantiles"]]
        median = result["open"]["medianCountingOpen"]
        share = result["withinTarget"]
        due = share["hit"] + share["missed"]
        table.add_row(
            name,
            f"{result['open']['received']:,}",
            f"{result['open']['open']:,}",
            quantiles[0],
            duration(median["value"]) if median else "more than half wait",
            quantiles[1],
            quantiles[2],
            f"{share['share']:.1%} ({share['hit']:,} of {due:,})" if share["share"] is not None else "-",
        )
    console.print(table)
    left_out = ", ".join(f"{row['count']} {row['reason'].lower()}" for row in kpi["result"]["excluded"])
    console.print(
        f"Left out of the statistics: {left_out or 'nothing'}. Counted up to {kpi['result']['freshness'][:19]}."
    )
