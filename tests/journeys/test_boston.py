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


COMPARED = (
    """
query($before: PeriodInput!, $after: PeriodInput!, $asOf: DateTime, $by: [String!]) {
  kpi(key: "first_response_time") {
    compare(baseline: $before, current: $after, stratifyBy: $by, asOf: $asOf) {
      verdict because { code text } warnings { code }
      nBaseline nCurrent statistic pValue effectSize difference { value lower upper }
      baseline { ...figures } current { ...figures }
      openAware { logRankZ effect { value lower upper } }
      strata { key { value } nBaseline nCurrent pValue pHolm effectSize difference { value lower upper } }
    } } }"""
    + RESULT
)
BEFORE_AFTER: dict[str, Any] = REFERENCE["before_after"]
PERIODS = {
    name: {"start": f"{start[:10]}T00:00:00Z", "end": f"{end[:10]}T00:00:00Z"}
    for name in ("before", "after")
    for start, end in [BEFORE_AFTER[name]]
}


def check_test(found: dict[str, Any], reference: dict[str, Any]) -> None:
    """Bins are 1 % wide: values move by up to 1 %, and pairs closer than 2 % may count as ties."""
    n, m = reference["n_before"], reference["n_after"]
    assert (found["nBaseline"], found["nCurrent"]) == (n, m)
    # The reference counts the pairs in which the earlier one is the larger, we those in which the later one is.
    assert found["effectSize"] == pytest.approx(-reference["cliffs_delta"], abs=0.005)
    difference = found["difference"]
    interval = reference["hl_ci95"]
    # The shift is a difference of two values that each move by up to 1 %.
    slack = 0.02 * max(abs(interval[0]), abs(interval[1]), abs(reference["hodges_lehmann"])) + 3
    assert difference["value"] == pytest.approx(reference["hodges_lehmann"], abs=slack)
    assert difference["lower"] == pytest.approx(interval[0], abs=2 * slack)
    assert difference["upper"] == pytest.approx(interval[1], abs=2 * slack)


def test_the_comparison_is_that_of_the_rows(boston: Graph) -> None:
    found = boston.data(COMPARED, before=PERIODS["before"], after=PERIODS["after"])["kpi"]["compare"]
    reference = BEFORE_AFTER["all"]
    check_test(found, reference)
    pairs = reference["n_before"] * reference["n_after"]
    assert pairs - found["statistic"] == pytest.approx(reference["U"], rel=0.001)
    assert found["pValue"] == pytest.approx(reference["p"], rel=0.05)


@pytest.mark.parametrize(("dimension", "of"), [("touchpoint", "per_channel"), ("category", "per_type")])
def test_each_stratum_is_compared_as_the_rows_are(boston: Graph, dimension: str, of: str) -> None:
    data = boston.data(COMPARED, before=PERIODS["before"], after=PERIODS["after"], by=[dimension])
    names = {}
    if dimension == "touchpoint":
        edges = boston.data(FIGURES, period=PERIOD)["touchpoints"]["edges"]
        names = {edge["node"]["id"]: edge["node"]["name"] for edge in edges}
    strata = {
        names.get(one["key"][0]["value"], one["key"][0]["value"]): one for one in data["kpi"]["compare"]["strata"]
    }
    tested = {name: one for name, one in strata.items() if name in BEFORE_AFTER[of]}
    assert set(tested) == set(BEFORE_AFTER[of])
    for name, reference in BEFORE_AFTER[of].items():
        check_test(tested[name], reference)
        # Ties within a bin move z by some hundredths, which far out in the tail is some percent of p.
        assert tested[name]["pValue"] == pytest.approx(reference["p"], rel=0.15)
        assert tested[name]["pHolm"] == pytest.approx(reference["p_holm"], rel=0.15)


def test_counting_open_waits_says_the_opposite_of_those_that_ended(boston: Graph) -> None:
    reference = BEFORE_AFTER["censoring"]
    as_of = reference["observation_end"].replace(" ", "T") + "Z"
    found = boston.data(COMPARED, before=PERIODS["before"], after=PERIODS["after"], asOf=as_of)["kpi"]["compare"]
    for side, name in (("baseline", "before"), ("current", "after")):
        expected, result = reference["all"][name], found[side]
        assert result["open"]["received"] == expected["n_received"]
        assert result["n"] == expected["n_closed"]
        assert result["withinTarget"]["share"] == pytest.approx(expected["share_closed_within_24h"], abs=1e-9)
        median = result["open"]["medianCountingOpen"]
        if expected["km_median"] is None:
            assert median is None
        else:
            assert median["value"] == pytest.approx(expected["km_median"], rel=0.01)
    # Of the reference, above zero is faster; of ours, longer.
    assert -found["openAware"]["logRankZ"] == pytest.approx(reference["all"]["logrank_z"], rel=0.001)
    assert found["openAware"]["effect"]["upper"] < 0 < found["effectSize"]
    assert found["verdict"] == "CONFLICTING"
    assert {one["code"] for one in found["because"]} >= {"OPEN_WAITS_DISAGREE", "SHARE_IN_TIME"}


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
