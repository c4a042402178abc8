"""The Boston 311 file, whole: what the graph says is held against figures computed independently."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.system import running_system
from tests.journeys.conftest import BOSTON, Graph

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "reference_boston311.json").read_text())
PERIOD = {"start": "2013-01-01T00:00:00Z", "end": "2018-01-01T00:00:00Z"}

pytestmark = pytest.mark.timeout(300)

RESULT = """
fragment figures on KpiResult {
  n value
  quantiles(p: [0.5, 0.9, 0.95, 0.99]) { p value }
  open { received open closedUnanswered medianCountingOpen { value lower upper } }
  withinTarget { hit missed notYetDue share }
  excluded { reason count }
}"""
FIGURES = (
    """
query($period: PeriodInput!) {
  kpi(key: "first_response_time") {
    target { value }
    result(period: $period) { ...figures }
    breakdown(period: $period, by: ["touchpoint"]) { key { dimension value } result { ...figures } }
  }
  enquiries: kpi(key: "enquiries") { result(period: $period) { n value } }
  touchpoints(first: 50) { edges { node { id name channel } } }
}"""
    + RESULT
)


def import_boston(endpoint: str, directory: Path) -> str:
    command = [sys.executable, "-m", "cli", "import", "enquiries", str(BOSTON / "boston311_2013_2017.csv.gz")]
    command += ["--mapping", str(BOSTON / "mapping.toml"), "--endpoint", endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=directory, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def counted(data: dict[str, Any]) -> bool:
    n = data["enquiries"]["result"]["n"]
    assert n <= REFERENCE["all"]["n_total"]
    open = data["kpi"]["result"]["open"]
    return bool(n == REFERENCE["all"]["n_total"] and open["received"] == n - REFERENCE["all"]["n_negative"])


@pytest.fixture(scope="module")
def boston(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with running_system(tmp_path_factory.mktemp("boston")) as system:
        import_boston(system.endpoint, tmp_path_factory.mktemp("import"))
        graph = Graph(system.endpoint)
        graph.until(FIGURES, counted, seconds=120, period=PERIOD)
        yield graph


def test_the_figures_are_those_computed_independently(boston: Graph) -> None:
    data = boston.data(FIGURES, period=PERIOD)
    assert data["enquiries"]["result"]["n"] == 29838
    result = data["kpi"]["result"]
    assert result["n"] == 19059
    assert result["open"]["received"] == 29828
    assert result["open"]["open"] == 10769
    assert result["excluded"] == [{"reason": "NEGATIVE", "count": 10}]
    assert result["withinTarget"]["hit"] == 14548
    assert result["withinTarget"]["hit"] + result["withinTarget"]["missed"] == 29828
    assert result["withinTarget"]["notYetDue"] == 0
    assert data["kpi"]["target"]["value"] == 86400
    check_against(result, REFERENCE["all"], REFERENCE["kaplan_meier_median"]["all"])


def test_each_touchpoint_has_its_own_figures(boston: Graph) -> None:
    data = boston.data(FIGURES, period=PERIOD)
    names = {edge["node"]["id"]: edge["node"]["name"] for edge in data["touchpoints"]["edges"]}
    rows = {names[row["key"][0]["value"]]: row["result"] for row in data["kpi"]["breakdown"]}
    assert set(rows) == set(REFERENCE["per_channel"])
    for name, reference in REFERENCE["per_channel"].items():
        median = REFERENCE["kaplan_meier_median"].get(name, "not given")
        check_against(rows[name], reference, median)


def check_against(result: dict[str, Any], reference: dict[str, Any], kaplan_meier: float | str | None) -> None:
    assert result["n"] == reference["n"]
    assert result["open"]["open"] == reference["n_open"]
    assert result["open"]["received"] == reference["n_total"] - reference["n_negative"]
    assert sum(row["count"] for row in result["excluded"]) == reference["n_negative"]
    if reference["n"]:
        hit = round(reference["share_closed_within_24h"] * result["open"]["received"])
        assert result["withinTarget"]["hit"] == hit or "share_closed_within_24h" not in reference
    for quantile in result["quantiles"]:
        expected = reference.get(f"p{quantile['p'] * 100:.0f}_disc")
        if expected is not None:
            assert quantile["value"] == pytest.approx(expected, rel=0.01)
    median = result["open"]["medianCountingOpen"]
    if kaplan_meier is None:
        assert median is None
    elif kaplan_meier != "not given":
        assert median["value"] == pytest.approx(kaplan_meier, rel=0.01)


def test_the_journey_holds_every_public_message(boston: Graph) -> None:
    data = boston.until(
        """{ customers(first: 50) { edges { node { id
             enquiries(first: 50) { edges { node { messages(first: 5) { edges { node { id } } } } } }
             interactions(first: 100) { edges { node { direction subject { ... on Enquiry { id } } } } } } } } }""",
        lambda data: all(
            len(edge["node"]["interactions"]["edges"])
            == sum(len(e["node"]["messages"]["edges"]) for e in edge["node"]["enquiries"]["edges"])
            for edge in data["customers"]["edges"]
        ),
    )
    assert len(data["customers"]["edges"]) == 50
    assert all(edge["node"]["enquiries"]["edges"] for edge in data["customers"]["edges"])


def test_importing_again_changes_nothing(boston: Graph, tmp_path: Path) -> None:
    before = boston.data(FIGURES, period=PERIOD)
    assert "29838" in import_boston(boston.endpoint, tmp_path).replace(",", "").replace(" ", "")
    assert boston.data(FIGURES, period=PERIOD) == before
