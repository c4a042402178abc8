"""Each import contract is broken once on purpose and seen to fail: one that checks nothing looks like one kept."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("services", "gateway", "chassis", "cli", "issuer", "protos")
LINT = Path(sys.executable).with_name("lint-imports")

with (ROOT / "pyproject.toml").open("rb") as file:
    CONTRACTS: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]

INSIDE = "Inside a noun: servicer > messages, repository > domain"
SERVICES = "Services never import each other"
PROTOS = "Gateway and services meet only in protos"
CHASSIS = "The chassis knows nobody"
PURE = "Domains are pure"
DATABASES = "Only the chassis opens databases"
LINKAGE = "No service loads what links records"
COMMAND_LINE = "Nobody imports the command line"
ISSUER = "The issuer stands alone"
SUBGRAPHS = "Subgraphs never import each other"
GATEWAY = "Inside the gateway: app > http > schema > subgraphs > loaders > context"
SUBGRAPH = "Inside a subgraph: all of it > its nouns > client"

# contract, the file that breaks it, the import that does. One line for each thing a contract forbids.
BREACHES = [
    *(
        (INSIDE, f"{container.replace('.', '/')}/repository.py", f"import {container}.servicer")
        for contract in CONTRACTS
        if contract["name"] == INSIDE
        for container in contract["containers"]
    ),
    (INSIDE, "services/customers/customer/messages.py", "import services.customers.customer.repository"),
    (INSIDE, "services/customers/customer/repository.py", "import services.customers.customer.messages"),
    (SERVICES, "services/customers/settings.py", "import services.metrics.settings"),
    (SERVICES, "services/feedback/settings.py", "import services.customers.settings"),
    (SERVICES, "services/metrics/settings.py", "import services.feedback.settings"),
    (PROTOS, "gateway/settings.py", "import services.customers.settings"),
    (PROTOS, "services/metrics/settings.py", "import gateway.settings"),
    *(
        (CHASSIS, "chassis/lease.py", f"import {module}")
        for module in (
            "issuer.settings",
            "rundblick.customers.v1.team_pb2",
            "rundblick.feedback.v1.enquiry_pb2",
            "rundblick.metrics.v1.kpi_pb2",
        )
    ),
    *(
        (PURE, "services/customers/customer/domain.py", f"import {module}")
        for module in (
            "grpc",
            "pymongo",
            "bson",
            "google.protobuf.message",
            "pydantic",
            "rundblick.shared.v1.page_pb2",
            "chassis.mongo",
        )
    ),
    (DATABASES, "services/metrics/settings.py", "import motor.motor_asyncio"),
    (LINKAGE, "services/customers/wiring.py", "import services.customers.candidate.linking"),
    (COMMAND_LINE, "services/customers/settings.py", "import cli.mongod"),
    (COMMAND_LINE, "issuer/tries.py", "import cli.mongod"),
    (ISSUER, "issuer/tries.py", "import services.customers.settings"),
    (ISSUER, "issuer/tries.py", "import gateway.settings"),
    (ISSUER, "services/customers/settings.py", "import issuer.settings"),
    (ISSUER, "gateway/settings.py", "import issuer.settings"),
    (SUBGRAPHS, "gateway/customers/team.py", "import gateway.feedback.references"),
    (SUBGRAPHS, "gateway/metrics/result.py", "import gateway.customers.client"),
    (GATEWAY, "gateway/context.py", "import gateway.customers.client"),
    (GATEWAY, "gateway/shared.py", "import gateway.loaders"),
    (GATEWAY, "gateway/execution.py", "import gateway.app"),
    (GATEWAY, "gateway/subgraphs.py", "import gateway.app"),
    (GATEWAY, "gateway/entities.py", "import gateway.schema"),
    (SUBGRAPH, "gateway/customers/client.py", "import gateway.customers.subgraph"),
]


def of_contract(name: str) -> dict[str, Any]:
    [contract] = [contract for contract in CONTRACTS if contract["name"] == name]
    return contract


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as they are, to be broken."""
    copy = tmp_path_factory.mktemp("packages")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyi", "*.proto")
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken(copy: Path) -> set[str]:
    """The names of the contracts that do not hold for what lies in `copy`."""
    environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{copy / 'protos'}"}
    done = subprocess.run(
        [LINT, "--no-cache"], cwd=copy, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", done.stdout, re.MULTILINE))
    assert verdicts.keys() == {contract["name"] for contract in CONTRACTS}, done.stdout + done.stderr
    assert done.returncode == int("BROKEN" in verdicts.values())
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def test_all_contracts_hold(copy: Path) -> None:
    assert broken(copy) == set()


def test_each_contract_has_a_breach() -> None:
    assert {contract["name"] for contract in CONTRACTS} == {name for name, _, _ in BREACHES}


@pytest.mark.parametrize(("contract", "path", "statement"), BREACHES)
def test_a_breach_of_a_contract_is_seen(copy: Path, contract: str, path: str, statement: str) -> None:
    file = copy / path
    before = file.read_text() if file.exists() else None
    file.write_text(f"{before or ''}\n{statement}\n")
    module = copy / (statement.removeprefix("import ").replace(".", "/") + ".py")
    made = module.parent.is_dir() and not module.exists()
    if made:
        # A noun without that file: its contract must know the name nevertheless.
        module.write_text("")
    try:
        assert contract in broken(copy)
    finally:
        file.unlink() if before is None else file.write_text(before)
        if made:
            module.unlink()
