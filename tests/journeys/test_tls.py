"""The real processes over TLS: one view over all of them, and nothing for who cannot prove who they are."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import team_pb2, team_pb2_grpc

from chassis.tls import Tls
from cli.certs import renew, tls_of
from cli.system import System, running_system, tls_variables
from tests.journeys.conftest import Graph
from tests.journeys.test_conversation import OPEN, VIEW, a_customer, a_touchpoint, created


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two of each service: also a list of addresses is one name."""
    with running_system(tmp_path_factory.mktemp("certified"), tls=True, replicas=2) as system:
        yield system


def test_what_one_service_is_told_all_of_them_show(certified: System) -> None:
    graph = Graph(certified.endpoint)
    customer = a_customer(graph, "Certified Ltd")
    a_touchpoint(graph, "certified-form")
    opened = created(
        graph,
        OPEN,
        customer={"id": customer},
        touchpoint="certified-form",
        subject="Where is my order?",
        openedAt="2026-03-02T09:00:00Z",
        message={"body": "Order 4711?", "occurredAt": "2026-03-02T09:00:00Z"},
    )
    enquiry = opened["enquiry"]["id"]

    def told(data: dict[str, Any]) -> bool:
        seen = data["customer"]
        return bool(seen["interactions"]["edges"]) and bool(seen["kpis"]) and seen["kpis"][0]["open"]["open"] == 1

    seen = graph.until(VIEW, told, id=customer)["customer"]
    assert [edge["node"]["id"] for edge in seen["enquiries"]["edges"]] == [enquiry]
    assert seen["interactions"]["edges"][0]["node"]["touchpoint"]["key"] == "certified-form"


def test_a_service_answers_nobody_without_a_certificate(certified: System, tmp_path: Path) -> None:
    def asked(channel: grpc.Channel) -> grpc.StatusCode:
        stub = team_pb2_grpc.TeamServiceStub(channel)
        try:
            stub.BatchGetTeams(team_pb2.BatchGetTeamsRequest(), timeout=10)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK

    address = certified.listening["customers"]
    renew(tmp_path, ("operator",))
    with grpc.insecure_channel(address) as plain:
        assert asked(plain) is grpc.StatusCode.UNAVAILABLE
    assert certified.tls is not None
    # It believes the service, and is not believed.
    other = tls_of(tmp_path, "operator")
    stranger = Tls(other.cert, other.key, certified.tls.ca)
    with grpc.secure_channel(address, stranger.channel_credentials()) as strange:
        assert asked(strange) is grpc.StatusCode.UNAVAILABLE
    with grpc.secure_channel(address, certified.tls.channel_credentials()) as operators:
        assert asked(operators) is grpc.StatusCode.OK


def test_commands_that_call_services_show_the_operator_s_certificate(certified: System) -> None:
    assert certified.tls is not None

    def outbox(**environment: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli", "outbox", "list", "--endpoint", certified.endpoint]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNDBLICK_")}
        return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=False)

    certain = outbox(**tls_variables(certified.tls))
    assert certain.returncode == 0, certain.stderr
    without = outbox()
    assert without.returncode == 1
    assert without.stderr == "rundblick: the service does not answer\n"
    partly = outbox(RUNDBLICK_TLS_CERT=str(certified.tls.cert))
    assert partly.returncode == 2
    assert "RUNDBLICK_TLS_KEY, RUNDBLICK_TLS_CA" in partly.stderr


def test_a_running_system_takes_up_renewed_certificates(certified: System) -> None:
    """Of another authority at that: who begins after it believes no certificate of the old one."""
    graph = Graph(certified.endpoint)
    folder = certified.data / "certs"
    for path in folder.glob("ca.*"):
        path.unlink()
    assert "customers: made, the old one was of another authority, valid for 30 days" in renew(folder)
    for name in ("customers", "customers-2"):
        certified.kill(name)
    certified.wait_until_healthy()
    assert graph.data("{ touchpoints(first: 1) { edges { node { id } } } }")["touchpoints"]["edges"]
