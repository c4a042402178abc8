"""Whole systems: the four processes on a real MongoDB, as `rundblick up` runs them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from cli.system import System, free_port, running_system
from tests.customers.delivery.mailserver import MailServer

ROOT = Path(__file__).parents[2]
BOSTON = ROOT / "examples" / "boston311"


class Graph:
    """Asks /graphql like any client."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def answer(self, query: str, *, headers: dict[str, str] | None = None, **variables: Any) -> dict[str, Any]:
        content = {"query": query, "variables": variables}
        response = httpx.post(f"{self.endpoint}/graphql", json=content, headers=headers, timeout=30)
        body: dict[str, Any] = response.json()
        return body

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        body = self.answer(query, **variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    def until(
        self, query: str, done: Callable[[dict[str, Any]], bool], *, seconds: float = 60, **variables: Any
    ) -> Any:
        """Ask again until the answer is as expected: what other services must learn first arrives a moment later."""
        end = time.monotonic() + seconds
        while True:
            body = self.answer(query, **variables)
            if "errors" not in body and done(body["data"]):
                return body["data"]
            assert time.monotonic() < end, f"not within {seconds} s: {body}"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    """What the shared system sends by e-mail arrives here."""
    mails = MailServer(free_port())
    controller = Controller(mails, hostname="127.0.0.1", port=mails.port)
    controller.start()
    yield mails
    controller.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[System]:
    """One system with its own MongoDB, shared by the tests that only add to it."""
    env = {"RUNDBLICK_SMTP_URL": f"smtp://127.0.0.1:{mails.port}", "RUNDBLICK_MAIL_FROM": "service@company.example"}
    with running_system(tmp_path_factory.mktemp("system"), env=env) as system:
        yield system


@pytest.fixture(scope="session")
def graph(system: System) -> Graph:
    return Graph(system.endpoint)
