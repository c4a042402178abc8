"""What must hold when processes die: nothing lost, nothing counted twice, the rest goes on answering."""

import csv
import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli.system import System, running_system
from tests.faults.harness import Found, check
from tests.journeys.conftest import BOSTON, Graph

ROWS = 6000
PERIOD = {"start": "2013-01-01T00:00:00Z", "end": "2018-01-01T00:00:00Z"}
COUNTS = """
query($period: PeriodInput!) {
  enquiries: kpi(key: "enquiries") { result(period: $period) { n } }
  first: kpi(key: "first_response_time") { result(period: $period) { n open { received open } excluded { count } } }
  resolution: kpi(key: "first_resolution_time") { result(period: $period) { n open { received open } } }
}"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def slice_of_boston(tmp_path: Path) -> Path:
    """The first rows of the file, and no more."""
    file = tmp_path / "slice.csv"
    with (
        gzip.open(BOSTON / "boston311_2013_2017.csv.gz", "rt", newline="") as whole,
        file.open("w", newline="") as part,
    ):
        for number, line in enumerate(whole):
            if number > ROWS:
                break
            part.write(line)
    return file


def start_import(endpoint: str, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli", "import", "enquiries", str(file), "--batch", "200"]
    command += ["--mapping", str(BOSTON / "mapping.toml"), "--endpoint", endpoint]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=file.parent)


def expected_counts(file: Path) -> dict[str, Any]:
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    closed = [row for row in rows if row["closed_dt"]]
    negative = sum(row["closed_dt"] < row["open_dt"] for row in closed)
    waits = {"n": len(closed) - negative, "open": {"received": len(rows) - negative, "open": len(rows) - len(closed)}}
    excluded = [{"count": negative}] if negative else []
    return {
        "enquiries": {"result": {"n": len(rows)}},
        "first": {"result": {**waits, "excluded": excluded}},
        "resolution": {"result": waits},
    }


def interactions_of(graph: Graph, sites: list[str]) -> dict[str, int]:
    counts = {}
    for site in sites:
        data = graph.data(
            """query($id: ExternalIdInput!) { customer(externalId: $id) {
                 enquiries(first: 100) { edges { node { messages(first: 10) { edges { node { id } } } } } }
                 interactions(first: 100) { edges { node { id } } } } }""",
            id={"source": "boston311", "id": site},
        )["customer"]
        messages = sum(len(edge["node"]["messages"]["edges"]) for edge in data["enquiries"]["edges"])
        counts[site] = messages - len(data["interactions"]["edges"])
    return counts


def test_feedback_killed_in_mid_import_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, slice_of_boston: Path
) -> None:
    with running_system(tmp_path / "data") as system:
        graph = Graph(system.endpoint)
        importing = start_import(system.endpoint, slice_of_boston)
        graph.until(COUNTS, lambda data: data["enquiries"]["result"]["n"] >= 1000, period=PERIOD)
        system.kill("feedback")
        output, _ = importing.communicate(timeout=180)
        system.wait_until_healthy()
        again = start_import(system.endpoint, slice_of_boston)
        output, _ = again.communicate(timeout=180)
        assert again.returncode == 0, output
        expected = expected_counts(slice_of_boston)
        graph.until(COUNTS, lambda data: data == expected, seconds=60, period=PERIOD)

        with slice_of_boston.open(newline="") as text:
            sites = sorted({row["site_id"] for row in csv.DictReader(text) if row["site_id"]})[::100]
        end = time.monotonic() + 30
        while any(interactions_of(graph, sites).values()):
            assert time.monotonic() < end, interactions_of(graph, sites)
            time.sleep(0.2)

        examined = nothing_differs(system)
        assert examined["enquiries"] == expected["enquiries"]["result"]["n"]
        assert examined["customers"]
        assert examined["interactions"]
        assert examined["figures"]


def nothing_differs(system: System) -> dict[str, int]:
    """The system's own check: nothing differs, is parked or on its way. Answers how much of each it looked at."""
    found = Found()
    report = check(system, found)
    assert found.wrong == []
    return {part.name: part.examined for part in report.parts}


UNIFIED = """
query($id: ID!) {
  customer(id: $id) {
    id
    displayName
    enquiries(first: 3) { edges { node { subject } } }
    kpis(keys: ["enquiries"]) { n }
  }
  enquiries(first: 2) { edges { node { id } } }
  touchpoints(first: 2) { edges { node { key } } }
  kpis { key }
  viewer { subject }
}"""


def stopped(system: System, name: str, graph: Graph, customer: str) -> dict[str, Any]:
    with system.stopped(name):
        return graph.answer(UNIFIED, id=customer)


def test_a_stopped_service_leaves_the_other_two_complete(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        graph = Graph(system.endpoint)
        customer = graph.data(
            """mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } } }""",
            input={"kind": "ORGANISATION", "organisationName": "Partly Seen Ltd"},
        )["createCustomer"]["customer"]["id"]
        whole = graph.data(UNIFIED, id=customer)

        without_feedback = stopped(system, "feedback", graph, customer)
        data = without_feedback["data"]
        assert data["customer"]["displayName"] == "Partly Seen Ltd"
        assert data["customer"]["enquiries"] is None
        assert data["enquiries"] is None
        assert data["customer"]["kpis"] == whole["customer"]["kpis"]
        assert data["kpis"] == whole["kpis"]
        assert data["touchpoints"] == whole["touchpoints"]
        only_names(without_feedback, "feedback")

        without_metrics = stopped(system, "metrics", graph, customer)
        data = without_metrics["data"]
        assert data["customer"]["kpis"] is None
        assert data["kpis"] is None
        assert data["customer"]["displayName"] == "Partly Seen Ltd"
        assert data["enquiries"] == whole["enquiries"]
        only_names(without_metrics, "metrics")

        without_customers = stopped(system, "customers", graph, customer)
        data = without_customers["data"]
        assert data["customer"] is None
        assert data["touchpoints"] is None
        assert data["kpis"] == whole["kpis"]
        assert data["enquiries"] == whole["enquiries"]
        assert data["viewer"] == whole["viewer"]
        only_names(without_customers, "customers")

        assert graph.until(UNIFIED, lambda data: bool(data["customer"]), id=customer) == whole
        assert nothing_differs(system)["customers"] == 1


def only_names(answer: dict[str, Any], service: str) -> None:
    assert answer["errors"]
    for error in answer["errors"]:
        extensions = error["extensions"]
        assert extensions["code"] == "SERVICE_UNAVAILABLE", error
        assert extensions["service"] == service
        assert extensions["retryable"] is True
        assert extensions["requestId"]
        assert "127.0.0.1" not in json.dumps(error)
