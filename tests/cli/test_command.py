"""The rundblick command as somebody at a terminal meets it."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from cli.mongod import find_mongod
from cli.system import free_port, running_system
from tests.faults.harness import Found, check

pytestmark = pytest.mark.timeout(180)


def rundblick(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The cause and the remedy, without a traceback."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


@contextmanager
def up(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli", "up", "--data", str(data), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            if set(httpx.get(f"http://127.0.0.1:{port}/health/ready").json()["services"].values()) == {"SERVING"}:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < end
        time.sleep(0.1)


def state_of(data: Path) -> dict[str, dict[str, int]]:
    state: dict[str, dict[str, int]] = json.loads((data / "state.json").read_text())
    return state


def test_two_instances_run_side_by_side_and_leave_nothing_behind(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    with up(tmp_path / "a", ports[0]) as first, up(tmp_path / "b", ports[1]) as second:
        for port in ports:
            wait_for(port)
        create = """mutation { createCustomer(input: {kind: PERSON, displayName: "Only In A"}) { customer { id } } }"""
        httpx.post(f"http://127.0.0.1:{ports[0]}/graphql", json={"query": create}).raise_for_status()
        names = [
            httpx.post(
                f"http://127.0.0.1:{port}/graphql", json={"query": "{ customers { edges { node { displayName } } } }"}
            ).json()["data"]["customers"]["edges"]
            for port in ports
        ]
        assert [len(edges) for edges in names] == [1, 0]
        children = [child for process in (first, second) for child in psutil.Process(process.pid).children()]
        assert len(children) == 12
        listening = [
            connection.laddr
            for child in children
            for connection in child.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        # Nothing listens beyond loopback.
        assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
        first.send_signal(signal.SIGINT)
        second.send_signal(signal.SIGTERM)
        assert (first.wait(30), second.wait(30)) == (0, 0)
        output = first.stdout.read() if first.stdout else ""
    assert "gateway" in output
    assert not any(child.is_running() for child in children)
    for port in (*ports, *(address.port for address in listening)):
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))


def test_a_process_that_dies_is_started_again_and_data_outlives_all(tmp_path: Path) -> None:
    query = {"query": "{ customers { edges { node { displayName } } } }"}
    with running_system(tmp_path / "data") as system:
        create = """mutation { createCustomer(input: {kind: PERSON, displayName: "Still Here"}) { customer { id } } }"""
        httpx.post(f"{system.endpoint}/graphql", json={"query": create}).raise_for_status()
        before = system.pids()
        system.kill("gateway")
        assert system.mongo is not None
        system.mongo.kill()
        end = time.monotonic() + 60
        while system.pids()["gateway"] == before["gateway"] or not system.mongo.restarts:
            assert time.monotonic() < end
            time.sleep(0.05)
        system.wait_until_healthy()
    with running_system(tmp_path / "data") as system:
        answer = httpx.post(f"{system.endpoint}/graphql", json=query).json()
        assert [edge["node"]["displayName"] for edge in answer["data"]["customers"]["edges"]] == ["Still Here"]
        found = Found()
        report = check(system, found)
        assert found.wrong == []
        assert {part.name: part.examined for part in report.parts}["customers"] == 1


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    # The supervisor is needed for nothing: when it is killed, its processes end by themselves.
    port = free_port()
    with up(tmp_path / "data", port) as process:
        wait_for(port)
        children = psutil.Process(process.pid).children()
        process.kill()
        gone, alive = psutil.wait_procs(children, 30)
    assert alive == []
    assert len(gone) == 6


def test_a_port_in_use_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = one_line(rundblick("up", "--port", port, "--data", str(tmp_path / "data")))
    assert port in said
    assert "--port" in said


def test_a_data_directory_in_use_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with running_system(tmp_path / "data"):
        said = one_line(rundblick("up", "--port", str(free_port()), "--data", str(tmp_path / "data")))
    assert "--data" in said


@pytest.mark.parametrize("uri", ["nonsense", "mongodb://127.0.0.1:1/?replicaSet=rs0"])
def test_a_wrong_uri_is_one_line_with_the_remedy(tmp_path: Path, uri: str) -> None:
    data = str(tmp_path / "data")
    assert "--mongo-uri" in one_line(rundblick("up", "--port", str(free_port()), "--data", data, "--mongo-uri", uri))


def test_a_mongodb_that_is_no_replica_set_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    port = free_port()
    files = tmp_path / "alone"
    files.mkdir()
    command = [str(find_mongod()), "--dbpath", str(files), "--port", str(port), "--bind_ip", "127.0.0.1", "--quiet"]
    with subprocess.Popen([*command, "--nounixsocket"], stdout=subprocess.DEVNULL) as alone:
        try:
            end = time.monotonic() + 30
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert time.monotonic() < end
                time.sleep(0.05)
            uri = f"mongodb://127.0.0.1:{port}/"
            data = str(tmp_path / "data")
            said = one_line(rundblick("up", "--port", str(free_port()), "--data", data, "--mongo-uri", uri))
        finally:
            alone.terminate()
    assert "--replSet" in said


def test_a_missing_mongod_and_a_missing_library_are_one_line_with_the_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    complaint = "error while loading shared libraries: libcrypto.so.3"
    (broken / "mongod").write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 127\n")
    (broken / "mongod").chmod(0o755)
    path = f"{broken}{os.pathsep}{os.environ['PATH']}"
    said = one_line(rundblick("up", "--port", str(free_port()), "--data", str(tmp_path / "data"), PATH=path))
    assert "libcrypto.so.3" in said
    assert "--mongo-uri" in said


def test_an_import_without_a_system_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a\n1\n")
    mapping = Path(__file__).parents[2] / "examples" / "boston311" / "mapping.toml"
    endpoint = f"http://127.0.0.1:{free_port()}"
    said = one_line(rundblick("import", "enquiries", str(file), "--mapping", str(mapping), "--endpoint", endpoint))
    assert "rundblick up" in said


def test_the_schema_and_its_subgraphs_are_printed(tmp_path: Path) -> None:
    whole = rundblick("schema").stdout
    assert whole == (Path(__file__).parents[2] / "gateway" / "schema.graphql").read_text()
    for name in ("customers", "feedback", "metrics", "node"):
        assert "@key" in rundblick("schema", "--subgraph", name).stdout
    assert "customers" in one_line(rundblick("schema", "--subgraph", "nothing"))


def test_a_token_needs_a_system(tmp_path: Path) -> None:
    assert "--data" in one_line(rundblick("token", cwd=tmp_path))


def test_rejected_rows_are_listed_with_line_column_and_reason(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "boston311"
    with running_system(tmp_path / "data") as system:
        file = tmp_path / "rows.csv"
        header, good = first_lines(example / "boston311_2013_2017.csv.gz")
        bad = good.replace(good.split(",")[1], "not a time", 1)
        file.write_text(header + good + bad + "\n")
        arguments = ("import", "enquiries", str(file), "--mapping", str(example / "mapping.toml"))
        done = rundblick(*arguments, "--endpoint", system.endpoint, cwd=tmp_path)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "1 created" in done.stdout
        rejected = (tmp_path / "rows.csv.rejected.csv").read_text().splitlines()
        assert rejected[0] == "line,column,reason"
        assert rejected[1].startswith("3,")
        again = rundblick(*arguments, "--endpoint", system.endpoint, cwd=tmp_path)
        assert "1 unchanged" in again.stdout

        cut = tmp_path / "cut.csv.gz"
        cut.write_bytes((example / "boston311_2013_2017.csv.gz").read_bytes()[:100_000])
        damaged = rundblick(
            "import", "enquiries", str(cut), *arguments[3:], "--endpoint", system.endpoint, cwd=tmp_path
        )
        assert "damaged" in one_line(damaged)


def first_lines(file: Path) -> tuple[str, str]:
    with gzip.open(file, "rt", newline="") as lines:
        return next(lines), next(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_while_it_imports_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "cli", "demo", "--data", str(data), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        end = time.monotonic() + 60
        while not (data / "state.json").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        system = json.loads((data / "state.json").read_text())
        query = {"query": "{ enquiries(first: 1) { edges { node { id } } } }"}
        while not httpx.post(f"{system['endpoint']}/graphql", json=query).json()["data"]["enquiries"]["edges"]:
            assert time.monotonic() < end
        process.send_signal(number)
        output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "Stopped" in output
    assert not any(psutil.pid_exists(pid) for pid in system["pids"].values())
