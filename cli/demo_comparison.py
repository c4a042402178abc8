"""The end of the demo: did the mobile app bring a gain or a loss? One year before and after its launch."""

from typing import Any

from rich.console import Console
from rich.table import Table

from cli.demo import duration
from cli.graph import Graph

LAUNCHED = "2015-08-11"
PERIODS = {
    "before": {"start": "2014-08-11T00:00:00Z", "end": f"{LAUNCHED}T00:00:00Z"},
    "after": {"start": f"{LAUNCHED}T00:00:00Z", "end": "2016-08-11T00:00:00Z"},
}

_COMPARED = """
query($before: PeriodInput!, $after: PeriodInput!) {
  kpi(key: "first_response_time") {
    compare(baseline: $before, current: $after, stratifyBy: ["category"]) {
      verdict
      because { text }
      warnings { text }
      baseline { ...side } current { ...side }
      difference { value lower upper } effectSize pValue test
      openAware {
        effect { value lower upper } logRankZ followUpDays
        baselineWithinTarget { share } currentWithinTarget { share } shareDifference { value lower upper }
      }
      strata { key { value } nBaseline nCurrent effectSize openEffect pHolm difference { value lower upper } }
    }
  }
}
fragment side on KpiResult {
  n value
  open { received open medianCountingOpen { value } }
}"""


def print_comparison(console: Console, graph: Graph) -> None:
    found = graph.ask(_COMPARED, **PERIODS)["kpi"]["compare"]
    console.print(f"\n[bold]A mobile app was launched on {LAUNCHED}. One year before and after: {found['verdict']}[/]")
    # What decided may be a warning too.
    for text in dict.fromkeys(one["text"] for one in (*found["because"], *found["warnings"])):
        console.print(f"  {text}", highlight=False)
    console.print(_sides(found))
    console.print(_strata(found["strata"]))


def _sides(found: dict[str, Any]) -> Table:
    table = Table(title="Those that ended, beside counting those that wait still")
    for column in ("", "before", "after", "difference"):
        table.add_column(column, justify="left" if not column else "right")
    before, after, aware = found["baseline"], found["current"], found["openAware"]
    shift = found["difference"]
    moved = f"{shift['value']:+,.0f} s ({shift['lower']:+,.0f} to {shift['upper']:+,.0f})"
    table.add_row("received", f"{before['open']['received']:,}", f"{after['open']['received']:,}", "")
    table.add_row("ended", f"{before['n']:,}", f"{after['n']:,}", "")
    table.add_row(
        "median, those that ended",
        duration(before["value"]),
        duration(after["value"]),
        f"{moved}, effect {found['effectSize']:+.3f}",
    )
    medians = [side["open"]["medianCountingOpen"] for side in (before, after)]
    effect, share = aware["effect"], aware["shareDifference"]
    table.add_row(
        "median counting open",
        *(duration(median["value"]) if median else "more than half wait" for median in medians),
        f"effect {effect['value']:+.3f} ({effect['lower']:+.3f} to {effect['upper']:+.3f})",
    )
    table.add_row(
        "within a day, of those due",
        f"{aware['baselineWithinTarget']['share']:.1%}",
        f"{aware['currentWithinTarget']['share']:.1%}",
        f"{share['value']:+.1%} ({share['lower']:+.1%} to {share['upper']:+.1%})",
    )
    return table


def _strata(strata: list[dict[str, Any]]) -> Table:
    table = Table(title="Per type of request; below zero: shorter waits")
    for column in ("Type", "before", "after", "effect, ended", "effect, counting open", "p (Holm)"):
        table.add_column(column, justify="left" if column == "Type" else "right")
    for one in strata:
        numbers = [_number(one["effectSize"], "+.3f"), _number(one["openEffect"], "+.3f"), _number(one["pHolm"], ".2g")]
        table.add_row(one["key"][0]["value"], f"{one['nBaseline']:,}", f"{one['nCurrent']:,}", *numbers)
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
