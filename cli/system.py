"""A whole system on one machine: MongoDB, the three services and the gateway, supervised as processes of our own."""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.mongod import MongodError, check_mongo, running_mongod
from cli.process import Output, Process

SERVICES = ("customers", "feedback", "metrics")
HOST = "127.0.0.1"


class SystemFault(Exception):
    """Why the system does not run, and what helps, in one line."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def require_free(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            raise SystemFault(
                f"port {port} is in use: stop what listens there, or choose another with --port"
            ) from None


@dataclass
class System:
    """A running system. Names of processes: customers, feedback, metrics, gateway; of further replicas feedback-2 ...

    addresses: by service, of all its replicas; listening: by process.
    """

    data: Path
    endpoint: str
    mongo_uri: str
    processes: dict[str, Process]
    addresses: dict[str, str]
    listening: dict[str, str]
    mongo: Process | None  # None: somebody else's

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.processes.items()}

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""
        self.processes[name].kill()

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """The process is gone while the block runs, and back and healthy after it."""
        process = self.processes[name]
        process.stop()
        try:
            yield
        finally:
            process.start()
            self.wait_until_healthy()

    def healthy(self, name: str) -> bool:
        if name == "gateway":
            # Not before it has found the services: it looks for one that was away only every second.
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                services = httpx.get(f"{self.endpoint}/health/ready", timeout=5).json()["services"]
                return set(services.values()) == {"SERVING"}
            return False
        with grpc.insecure_channel(self.listening[name]) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                status = stub.Check(health_pb2.HealthCheckRequest(), timeout=2).status
            except grpc.RpcError:
                return False
            return bool(status == health_pb2.HealthCheckResponse.SERVING)

    def wait_until_healthy(self, seconds: float = 60) -> None:
        """SystemFault: which process did not come up, and where its log is."""
        end = time.monotonic() + seconds
        for name, process in self.processes.items():
            while not self.healthy(name):
                if process.gave_up:
                    raise SystemFault(f"{name} keeps ending with status {process.last_status}: see {process.log}")
                if time.monotonic() > end:
                    raise SystemFault(f"{name} did not become healthy within {seconds:.0f} s: see {process.log}")
                time.sleep(0.05)


def secret_of(data: Path) -> str:
    """The secret that signs this system's development tokens; made once, readable by its owner only."""
    file = data / "token-secret"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
            text.write(secrets.token_urlsafe(48))
    return file.read_text()


def prepare(data: Path) -> IO[str]:
    """Make the data directory ours. The lock ends with the process that holds it, however it ends."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise SystemFault(f"cannot write to {data}: {error.strerror}; choose another directory with --data") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise SystemFault(f"{data} is used by a running system: stop it, or choose another with --data") from None
    free = os.statvfs(data)
    if free.f_bavail * free.f_frsize < 500_000_000:
        lock.close()
        raise SystemFault(f"less than 500 MB are free in {data}: make room, or choose another directory with --data")
    return lock


# What of the environment concerns the services too.
_PASSED = ("RUNDBLICK_ENV", "RUNDBLICK_OTLP_ENDPOINT", "RUNDBLICK_REPORTING_ZONE")


def _environment(
    data: Path,
    mongo_uri: str,
    addresses: Mapping[str, str],
    listening: Mapping[str, str],
    gateway_port: int,
    extra: Mapping[str, str],
) -> dict[str, dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNDBLICK_")}
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    common = {
        **kept,
        **passed,
        "PYTHONUNBUFFERED": "1",
        "RUNDBLICK_TOKEN_SECRET": secret_of(data),
        **{f"RUNDBLICK_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
        **extra,
    }
    services = {
        name: {
            **common,
            "RUNDBLICK_LISTEN_ADDRESS": address,
            "RUNDBLICK_MONGO_URI": mongo_uri,
            "RUNDBLICK_DATABASE": f"rundblick_{service_of(name)}",
        }
        for name, address in listening.items()
    }
    return {**services, "gateway": {**common, "RUNDBLICK_HTTP_HOST": HOST, "RUNDBLICK_HTTP_PORT": str(gateway_port)}}


def service_of(process: str) -> str:
    return process.partition("-")[0]


@contextmanager
def running_system(
    data: Path,
    *,
    gateway_port: int = 0,
    mongo_uri: str | None = None,
    env: Mapping[str, str] | None = None,
    output: Output | None = None,
    seconds: float = 60,
    replicas: int = 1,
    programs: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[System]:
    """Start everything, yield when all is healthy, and stop everything in the right order.

    gateway_port 0 takes a free one; mongo_uri None starts a mongod in `data`. replicas: of each service. programs: what
    Python runs for a service instead of its own module. SystemFault, MongodError: why not.
    """
    data = data.absolute()
    with ExitStack() as stack:
        lock = stack.enter_context(prepare(data))
        (data / "logs").mkdir(exist_ok=True)
        if gateway_port:
            require_free(gateway_port)
        port = gateway_port or free_port()
        mongo: Process | None = None
        if mongo_uri is None:
            mongod = stack.enter_context(
                running_mongod(data / "mongo", free_port(), log=data / "logs" / "mongod.log", output=output)
            )
            mongo_uri, mongo = mongod.uri, mongod.process
        else:
            check_mongo(mongo_uri)
        names = {name: [name, *(f"{name}-{number}" for number in range(2, replicas + 1))] for name in SERVICES}
        listening = {process: f"{HOST}:{free_port()}" for name in SERVICES for process in names[name]}
        addresses = {name: _target([listening[process] for process in names[name]]) for name in SERVICES}
        environment = _environment(data, mongo_uri, addresses, listening, port, env or {})
        processes: dict[str, Process] = {}
        system = System(data, f"http://{HOST}:{port}", mongo_uri, processes, addresses, listening, mongo)
        for name in (*listening, "gateway"):
            module = name if name == "gateway" else f"services.{service_of(name)}"
            program = (programs or {}).get(service_of(name), ("-m", module))
            process = Process(
                name,
                [sys.executable, *program],
                environment[name],
                log=data / "logs" / f"{name}.log",
                output=output,
            )
            processes[name] = process
            process.start()
            stack.callback(process.stop)
        system.wait_until_healthy(seconds)
        state = {"endpoint": system.endpoint, "mongo_uri": mongo_uri, "addresses": addresses, "pids": system.pids()}
        (data / "state.json").write_text(json.dumps(state, indent=2))
        lock.flush()
        yield system


def _target(addresses: Sequence[str]) -> str:
    """What a gRPC channel opens to reach all of them."""
    return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"


__all__ = ["HOST", "SERVICES", "MongodError", "System", "SystemFault", "running_system", "secret_of"]
