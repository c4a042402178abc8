"""Starts whole systems for the proofs of the gateway, with real enquiries in them, and prints the figures as JSON."""

import csv
import gzip
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from chassis.caller import Caller
from cli.certs import tls_of
from cli.system import System, free_port, running_system, tls_variables
from tests import tokens

ROWS = 300
BOSTON = Path(__file__).parents[3] / "examples" / "boston311"
# All of it; a part of it; nothing of it; and a partner whose sources know none of it.
VIEWERS = {
    "everybody": Caller("everybody", frozenset({"*"})),
    "reader": Caller("reader", frozenset({"customers:read", "enquiries:read"})),
    "nobody": Caller("nobody"),
    "partner": Caller("partner", frozenset({"customers:read", "enquiries:read"}), sources=frozenset({"elsewhere"})),
}
COUNTED = """{
  kpi(key: "enquiries") { result(period: {start: "2013-01-01T00:00:00Z", end: "2018-01-01T00:00:00Z"}) { n } }
  customers(first: 100) { edges { node { interactions(first: 1) { edges { node { id } } } } } } }"""


def import_rows(system: System, folder: Path, headers: dict[str, str]) -> None:
    """The first enquiries of the example, until all that follows from them is there."""
    with gzip.open(BOSTON / "boston311_2013_2017.csv.gz", "rt", newline="") as file:
        rows = list(itertools.islice(csv.reader(file), ROWS + 1))
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    command = [sys.executable, "-m", "cli", "import", "enquiries", str(folder / "rows.csv")]
    command += ["--mapping", str(BOSTON / "mapping.toml"), "--endpoint", system.endpoint]
    environment = {**os.environ, "RUNDBLICK_TOKEN": headers["authorization"].removeprefix("Bearer ")}
    if system.tls is not None:
        environment |= tls_variables(system.tls)
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    end = time.monotonic() + 60
    while True:
        data = httpx.post(f"{system.endpoint}/graphql", json={"query": COUNTED}, headers=headers).json()["data"]
        journeys = [edge["node"]["interactions"]["edges"] for edge in data["customers"]["edges"]]
        if data["kpi"]["result"]["n"] and all(journeys):
            return
        if time.monotonic() > end:
            raise SystemExit(f"not everything was counted: {data}")
        time.sleep(0.2)


def federation(work: Path, *, tls: bool) -> tuple[Any, Any, int]:
    """Figures of the router and, without TLS, of the audits, and the status. tls: the router has a certificate; else
    it has the secret.
    """
    port, secret = free_port(), secrets.token_urlsafe(24)
    env = {f"RUNDBLICK_{name.upper()}": value for name, value in tokens.SETTINGS.items()}
    env |= {"RUNDBLICK_SUBGRAPH_PORT": str(port), **({} if tls else {"RUNDBLICK_ROUTER_SECRET": secret})}
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder) / "data", env=env, tls=tls) as system:
        viewers = {name: tokens.token_for(viewer) for name, viewer in VIEWERS.items()}
        import_rows(system, Path(folder), {"authorization": f"Bearer {viewers['everybody']}"})
        proof = {"VIEWERS": json.dumps(viewers)}
        if system.tls is None:
            proof["ROUTER_SECRET"] = secret
        else:
            router = tls_of(system.data / "certs", "router")
            proof |= {"ROUTER_CA": str(router.ca), "ROUTER_CERT": str(router.cert), "ROUTER_KEY": str(router.key)}
        listener = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        answered, status = run([str(work / "federate.mjs"), listener, system.endpoint], proof)
        if tls:
            return answered, None, status
        audited, failed = run([str(work / "audit.mjs"), f"{system.endpoint}/graphql"], {})
        return answered, audited, status or failed


def run(script: list[str], env: dict[str, str]) -> tuple[Any, int]:
    done = subprocess.run(["node", *script], env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout or "null"), done.returncode


def main() -> None:
    work = Path(sys.argv[1]).absolute()
    by_secret, audited, failed = federation(work, tls=False)
    by_certificate, _, also_failed = federation(work, tls=True)
    figures = {"by_secret": by_secret, "by_certificate": by_certificate}
    sys.stdout.write(json.dumps({"federation": figures, "graphql_over_http": audited}))
    raise SystemExit(failed or also_failed)


if __name__ == "__main__":
    main()
