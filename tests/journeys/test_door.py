"""Who may come in: everybody on a laptop, nobody without a token in production."""

import subprocess
import sys
from pathlib import Path

import httpx

from cli.system import System, running_system


def test_without_a_token_a_development_system_lets_all_be_seen(system: System) -> None:
    answer = httpx.post(f"{system.endpoint}/graphql", json={"query": "{ viewer { subject scopes } }"}).json()
    assert answer["data"]["viewer"]["scopes"] == ["*"]


def test_a_development_token_says_who_calls(system: System) -> None:
    command = [sys.executable, "-m", "cli", "token", "--data", str(system.data), "somebody"]
    command += ["--scope", "customers:read"]
    token = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    answer = httpx.post(
        f"{system.endpoint}/graphql",
        json={"query": "{ viewer { subject scopes } }"},
        headers={"Authorization": f"Bearer {token}"},
    ).json()
    assert answer["data"]["viewer"] == {"subject": "somebody", "scopes": ["customers:read"]}


def test_a_forged_token_is_refused(system: System) -> None:
    answer = httpx.post(
        f"{system.endpoint}/graphql",
        json={"query": "{ viewer { subject } }"},
        headers={"Authorization": "Bearer not-a-token"},
    )
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_production_refuses_calls_without_a_token(tmp_path: Path) -> None:
    env = {"RUNDBLICK_ENV": "production", "RUNDBLICK_ISSUER": "https://issuer.example"}
    with running_system(tmp_path / "data", env=env, tls=True) as system:
        answer = httpx.post(f"{system.endpoint}/graphql", json={"query": "{ viewer { subject } }"})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
