"""How long after a write was acknowledged the journey and the figures show it, while others write without pause.

    python -m bench.follow                 # writes bench/results/<date>-follow.json

Each probe opens an enquiry, and asks the graph until the customer's journey and the customer's figures hold it.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench import report
from cli.system import running_system
from tests.faults.load import Load
from tests.faults.writes import WRITES

PROBES = 400
_LOOK = 0.01
SEEN = """
query($id: ID!) {
  customer(id: $id) {
    interactions(first: 1) { freshness edges { node { subject { ... on Enquiry { id } } } } }
    kpis(keys: ["enquiries"]) { n freshness } } }"""


def _ask(http: httpx.Client, query: str, **variables: Any) -> Any:
    body = http.post("/graphql", json={"query": query, "variables": variables}).json()
    if body.get("errors"):
        raise SystemExit(str(body["errors"]))
    return body["data"]


def probe(http: httpx.Client, customer: str, count: int) -> tuple[float, float]:
    """Seconds until the journey and until the figures show the next enquiry of this customer."""
    opened = _ask(
        http,
        WRITES["enquiry"].query,
        input={"customer": {"id": customer}, "subject": "probe", "message": {"body": "probe"}},
    )
    enquiry = opened["openEnquiry"]["enquiry"]["id"]
    acknowledged = time.monotonic()
    journey = figures = 0.0
    while not journey or not figures:
        data = _ask(http, SEEN, id=customer)["customer"]
        now = time.monotonic()
        edges = data["interactions"]["edges"]
        if not journey and edges and edges[0]["node"]["subject"]["id"] == enquiry:
            journey = now - acknowledged
        if not figures and data["kpis"][0]["n"] == count:
            figures = now - acknowledged
        if now - acknowledged > 60:
            raise SystemExit(f"{enquiry} was not seen within a minute")
        time.sleep(_LOOK)
    return journey, figures


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }


def measure(clients: int) -> dict[str, Any]:
    journeys, figures = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_system(Path(folder) / "data") as system,
        httpx.Client(base_url=system.endpoint, timeout=30) as http,
    ):
        made = _ask(http, WRITES["newcomer"].query, input={"kind": "PERSON", "displayName": "Probe"})
        customer = made["createCustomer"]["customer"]["id"]
        began = time.monotonic()
        with Load(system.endpoint, seed=5, clients=clients) as load:
            for number in range(1, PROBES + 1):
                journey, figure = probe(http, customer, number)
                journeys.append(journey)
                figures.append(figure)
        seconds = time.monotonic() - began
    return {
        "clients": clients,
        "probes": PROBES,
        "other_writes_per_second": round(load.written.count / seconds),
        "journey_seconds": _percentiles(journeys),
        "figures_seconds": _percentiles(figures),
    }


def main() -> int:
    result = measure(4)
    report.write("follow", "python -m bench.follow", result)
    return int(max(result["journey_seconds"]["p99"], result["figures_seconds"]["p99"]) > 2)


if __name__ == "__main__":
    sys.exit(main())
