"""How long real enquiries take from the file until journeys and figures show them, and what it costs.

    python -m bench.import_path            # writes bench/results/<date>-import.json

Starts a system of its own in a temporary directory, imports the Boston 311 file whole, and asks the graph until
everything is visible: all enquiries counted, and every outbox and every folder empty.
"""

import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench import report
from cli.system import System, running_system

BOSTON = report.ROOT / "examples" / "boston311"
ROWS, NEGATIVE = 29838, 10
VISIBLE = """
query($period: PeriodInput!, $last: ExternalIdInput!) {
  enquiries: kpi(key: "enquiries") { result(period: $period) { n } }
  first: kpi(key: "first_response_time") { result(period: $period) { open { received } } }
  resolution: kpi(key: "total_resolution_time") { result(period: $period) { open { received } } }
  customer(externalId: $last) { interactions(first: 1) { edges { node { id } } } kpis(keys: ["enquiries"]) { n } }
}"""
VARIABLES = {
    "period": {"start": "2013-01-01T00:00:00Z", "end": "2018-01-01T00:00:00Z"},
    "last": {"source": "boston311", "id": "site_00001"},
}


class Watch:
    """Peak resident memory and CPU seconds of each process of the system, sampled while it runs."""

    def __init__(self, system: System) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in system.pids().items()}
        if system.mongo is not None:
            self._processes["mongod"] = psutil.Process(system.mongo.pid)
        self.peak_mb: dict[str, float] = {}
        self._latest: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._before = self._cpu()
        self._thread.start()

    def also(self, name: str, pid: int) -> None:
        """Watch another process from now on; it may end before the others."""
        self._processes[name] = psutil.Process(pid)

    def _cpu(self) -> dict[str, float]:
        seconds = {}
        for name, process in list(self._processes.items()):
            with suppress(psutil.NoSuchProcess):
                used = process.cpu_times()
                seconds[name] = used.user + used.system
        return seconds

    def _sample(self) -> None:
        while not self._ended.wait(0.2):
            for name, process in list(self._processes.items()):
                with suppress(psutil.NoSuchProcess):
                    megabytes = process.memory_info().rss / 1e6
                    self.peak_mb[name] = max(self.peak_mb.get(name, 0), round(megabytes, 1))
            self._latest |= self._cpu()

    def end(self) -> dict[str, float]:
        self._ended.set()
        self._thread.join()
        self._latest |= self._cpu()
        return {name: round(after - self._before.get(name, 0), 2) for name, after in self._latest.items()}


def visible(endpoint: str) -> bool:
    answer: dict[str, Any] = httpx.post(
        f"{endpoint}/graphql", json={"query": VISIBLE, "variables": VARIABLES}, timeout=30
    ).json()
    data = answer["data"]
    waits = (data["first"], data["resolution"])
    return bool(
        data["enquiries"]["result"]["n"] == ROWS
        and all(kpi["result"]["open"]["received"] == ROWS - NEGATIVE for kpi in waits)
    )


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder) / "data") as system:
        watch = Watch(system)
        began = time.monotonic()
        command = [sys.executable, "-m", "cli", "import", "enquiries", str(BOSTON / "boston311_2013_2017.csv.gz")]
        command += ["--mapping", str(BOSTON / "mapping.toml"), "--endpoint", system.endpoint]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as importing:
            watch.also("import", importing.pid)
            if importing.wait():
                raise SystemExit("the import failed")
        stored = time.monotonic() - began
        while not visible(system.endpoint):
            time.sleep(0.2)
        seen = time.monotonic() - began
        cpu = watch.end()
    return {
        "rows": ROWS,
        "seconds_until_stored": round(stored, 1),
        "seconds_until_visible": round(seen, 1),
        "rows_per_second": round(ROWS / seen),
        "cpu_seconds": cpu,
        "peak_resident_mb": watch.peak_mb,
    }


def main() -> None:
    report.write("import", "python -m bench.import_path", measure())


if __name__ == "__main__":
    main()
