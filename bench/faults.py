"""Kills processes at random moments, and counts what is lost, doubled or derived wrongly: nothing may be.

    python -m bench.faults                 # writes bench/results/<date>-faults.json

First some mistakes are planted, one after the other, to see that each is found.
"""

import csv
import gzip
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import report
from cli.system import System, running_system
from tests.faults.harness import ROOT, Commands, Found, Killer, check, client_of, under_load, until_done

BOSTON = ROOT / "examples" / "boston311"
FEBRL = ROOT / "examples" / "febrl"
ROWS = 3000
LATE = """kpis:
  - key: late_contacts
    name: Contacts by stage
    unit: "1"
    direction: HIGHER_IS_BETTER
    event: interaction.recorded
    aggregation: COUNT
    dimensionSets: [[touchpoint], [stage]]
  - key: late_customers
    name: Customers in contact by stage
    unit: "1"
    direction: HIGHER_IS_BETTER
    event: interaction.recorded
    aggregation: DISTINCT_CUSTOMERS
    dimensionSets: [[touchpoint], [stage]]
  - key: late_waits
    name: First response by stage
    unit: s
    direction: LOWER_IS_BETTER
    event: wait.first
    aggregation: QUANTILE
    quantile: 0.5
    dimensionSets: [[touchpoint], [stage], [segment]]
"""
PLANTED = (
    ("acknowledge_before_commit", "feedback"),
    ("acknowledge_before_commit", "customers"),
    ("relay_without_deduplication", "metrics"),
    ("watermark_outside_the_transaction", "metrics"),
)


def planted(bug: str, service: str, seed: int) -> Found:
    """A few kills of a system with this mistake in it."""
    found = Found()
    program = {service: ("-m", "tests.faults.planted", bug, f"services.{service}")}
    with tempfile.TemporaryDirectory() as data, running_system(Path(data) / "data", programs=program) as system:
        names = [service, "feedback"] if bug.startswith("relay") else [service]
        with under_load(system, found, seed=seed):
            Killer(system, found, seed=seed, names=names).kill(6)
        check(system, found, seconds=20)
    return found


def _shop(directory: Path) -> Path:
    """Customers as the example has them, but more of them."""
    file = directory / "shop.csv"
    with (FEBRL / "shop.csv").open(newline="") as some, file.open("w", newline="") as many:
        rows = list(csv.DictReader(some))
        writer = csv.DictWriter(many, rows[0])
        writer.writeheader()
        for number in range(ROWS):
            row = rows[number % len(rows)]
            own = {"rec_id": f"rec-{number}", "mail": f"{number}@example.org", "surname": f"{row['surname']}{number}"}
            writer.writerow({**row, **own})
    return file


@contextmanager
def importing(system: System, directory: Path) -> Iterator[Commands]:
    """Imports of rows run beside; broken off, each is started again, as its user would. The last one runs."""
    file = directory / "slice.csv"
    with (
        gzip.open(BOSTON / "boston311_2013_2017.csv.gz", "rt", newline="") as whole,
        file.open("w", newline="") as part,
    ):
        for number, line in enumerate(whole):
            if number > ROWS:
                break
            part.write(line)
    shop = _shop(directory)
    commands: dict[str, list[subprocess.Popen[str]]] = {"enquiries": [], "customers": []}
    files = {"enquiries": (file, BOSTON / "mapping.toml"), "customers": (shop, FEBRL / "shop.toml")}
    faults: list[BaseException] = []

    def work(kind: str) -> None:
        rows, mapping = files[kind]
        words = ["import", kind, str(rows), "--mapping", str(mapping), "--batch", "50"]
        try:
            rejected = str(directory / f"{kind}.rejected.csv")
            until_done(system, [*words, "--rejected", rejected], tries=100, running=commands[kind])
        except BaseException as error:  # noqa: BLE001  # raised again where it is seen
            faults.append(error)

    threads = [threading.Thread(target=work, args=(kind,), name=f"import {kind}") for kind in commands]
    for thread in threads:
        thread.start()
    try:
        yield commands
    finally:
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def imported(system: System, directory: Path) -> list[str]:
    """What of the imports is not there once."""
    wrong = []
    with client_of(system) as mongo:
        for rows, column, source, kept in (
            (directory / "slice.csv", "case_enquiry_id", "boston311", mongo["rundblick_feedback"]["enquiries"]),
            (directory / "shop.csv", "rec_id", "shop", mongo["rundblick_customers"]["source_records"]),
        ):
            with rows.open(newline="") as text:
                wanted = sorted({row[column] for row in csv.DictReader(text)})
            there = sorted(one["external_id"] for one in kept.find({"source": source}) if one["external_id"])
            if wanted != there:
                wrong.append(f"{len(wanted)} rows of {source} were imported, {len(there)} are there")
    return wrong


def _late(directory: Path) -> Path:
    """KPIs of stored interactions and waits, also by what the customer was at the time, and of different customers."""
    file = directory / "late.yaml"
    file.write_text(LATE)
    return file


def everything(seed: int, kills: int) -> Found:
    """Two replicas of each service, clients and an import that write, and every process dies again and again."""
    found = Found()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with running_system(directory / "data", replicas=2) as system:
            names = [*system.processes, "mongo"]
            with under_load(system, found, seed=seed), importing(system, directory) as imports:
                killer = Killer(system, found, seed=seed, names=names, commands=imports)
                killer.kill(kills // 2)
                # A definition that comes late is counted from stored events, beside the others, while they go on dying.
                until_done(system, ["kpi", "apply", str(_late(directory)), "--yes"])
                killer.kill(kills - kills // 2)
            check(system, found)
            found.lost += imported(system, directory)
    return found


def rederiving(seed: int, kills: int) -> Found:
    """Waits derived by an earlier rule are derived anew while processes die; the figures follow to the digit."""
    found = Found()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        earlier = {"feedback": ("-m", "tests.faults.planted", "old_rules", "services.feedback")}
        with running_system(data, programs=earlier) as system:
            with under_load(system, found, seed=seed):
                time.sleep(10)
            check(system, found)
        with running_system(data) as system:
            before = Found()
            check(system, before)
            if not before.differences:
                found.faults.append("the earlier rule gave the same waits, so nothing was shown")
            done = threading.Event()
            running: list[subprocess.Popen[str]] = []

            def work() -> None:
                # Again and again, so that there is something to kill until the last kill.
                while not done.is_set():
                    until_done(system, ["rederive", "waits"], tries=100, running=running)

            thread = threading.Thread(target=work, name="rederive")
            thread.start()
            names = ["feedback", "metrics", "mongo"]
            Killer(system, found, seed=seed, names=names, commands={"rederive": running}).kill(kills)
            done.set()
            thread.join()
            until_done(system, ["rederive", "waits"])
            check(system, found)
    return found


def main() -> int:
    began = time.monotonic()
    figures: dict[str, object] = {}
    wrong: list[str] = []
    for bug, service in PLANTED:
        for seed in (1, 2, 3):
            caught = planted(bug, service, seed)
            if caught.wrong:
                break
        else:
            wrong.append(f"{bug} in {service} was not found")
        figures[f"planted in {service}: {bug}"] = {
            "caught": bool(caught.wrong),
            "first": caught.wrong[:1],
            **caught.summary(),
        }
    for name, found in (("everything", everything(11, 48)), ("rederive", rederiving(12, 12))):
        figures[name] = found.summary()
        wrong += found.wrong
    report.write("faults", "python -m bench.faults", {**figures, "seconds": round(time.monotonic() - began)})
    for line in wrong[:50]:
        print(f"WRONG: {line[:300]}")  # noqa: T201  # it is what the command is for
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
