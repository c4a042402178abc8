"""A whole system on one machine: MongoDB, the three services and the gateway, supervised as processes of our own."""

import contextlib
import fcntl
import json
import os
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

from chassis.keys import DISCOVERY
from chassis.settings import TokenSettings
from chassis.tls import Tls
from cli.certs import CertificateFault, renew, tls_of
from cli.issuing import free_issuer_of, port_of
from cli.mongod import MongodError, check_mongo, running_mongod
from cli.process import Output, Process
from issuer.signing import Issuer

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
    """A running system. Processes: customers, feedback, metrics, gateway, issuer; further replicas: feedback-2 ...

    addresses: by service, of all its replicas; listening: by process. issuer: where tokens for development are made;
    None: they are those of somebody else. tls: what an operator shows to the services; None: they ask for nothing.
    """

    data: Path
    endpoint: str
    mongo_uri: str
    processes: dict[str, Process]
    addresses: dict[str, str]
    listening: dict[str, str]
    mongo: Process | None  # None: somebody else's
    issuer: str | None = None
    tls: Tls | None = None

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
        if name == "issuer":
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{self.issuer}{DISCOVERY}", timeout=5).is_success
            return False
        address = self.listening[name]
        with (
            grpc.insecure_channel(address)
            if self.tls is None
            else grpc.secure_channel(address, self.tls.channel_credentials())
        ) as channel:
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
_PASSED = (
    "RUNDBLICK_EMPLOYEE_MINIMUM",
    "RUNDBLICK_ENV",
    "RUNDBLICK_OTLP_ENDPOINT",
    "RUNDBLICK_REPORTING_ZONE",
    *(f"RUNDBLICK_{name.upper()}" for name in TokenSettings.__annotations__),
)


def _environment(
    mongo_uri: str,
    addresses: Mapping[str, str],
    listening: Mapping[str, str],
    gateway_port: int,
    issuer: Issuer | None,
    certs: Path | None,
    extra: Mapping[str, str],
) -> dict[str, dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNDBLICK_")}
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    own = {} if issuer is None else {"RUNDBLICK_ISSUER": issuer.url}
    common = {
        **kept,
        **passed,
        "PYTHONUNBUFFERED": "1",
        **own,
        **{f"RUNDBLICK_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
        **extra,
    }

    def identity(name: str) -> dict[str, str]:
        return {} if certs is None else tls_variables(tls_of(certs, name))

    services = {
        name: {
            **common,
            **identity(service_of(name)),
            "RUNDBLICK_LISTEN_ADDRESS": address,
            "RUNDBLICK_MONGO_URI": mongo_uri,
            "RUNDBLICK_DATABASE": f"rundblick_{service_of(name)}",
        }
        for name, address in listening.items()
    }
    gateway = {
        **common,
        **identity("gateway"),
        "RUNDBLICK_HTTP_HOST": HOST,
        "RUNDBLICK_HTTP_PORT": str(gateway_port),
    }
    found = {**services, "gateway": gateway}
    if issuer is not None:
        found["issuer"] = {
            **common,
            **identity("issuer"),
            "RUNDBLICK_HTTP_PORT": str(port_of(issuer)),
            "RUNDBLICK_ISSUER_FOLDER": str(issuer.keys.folder),
        }
    return found


def tls_variables(tls: Tls) -> dict[str, str]:
    """How a process, or an operator, is told of its certificate."""
    return {
        "RUNDBLICK_TLS_CERT": str(tls.cert),
        "RUNDBLICK_TLS_KEY": str(tls.key),
        "RUNDBLICK_TLS_CA": str(tls.ca),
    }


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
    tls: bool = False,
) -> Iterator[System]:
    """Start everything, yield when all is healthy, and stop everything in the right order.

    gateway_port 0 takes a free one; mongo_uri None starts a mongod in `data`. replicas: of each service. programs: what
    Python runs for a service instead of its own module. tls: between the processes, with certificates in `data`/certs.
    SystemFault, MongodError: why not.
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
        certs = _certificates(data) if tls else None
        issuer = _own_issuer(data, {**os.environ, **(env or {})})
        environment = _environment(mongo_uri, addresses, listening, port, issuer, certs, env or {})
        processes: dict[str, Process] = {}
        system = System(data, f"http://{HOST}:{port}", mongo_uri, processes, addresses, listening, mongo)
        if certs is not None:
            system.tls = tls_of(certs, "operator")
        if issuer is not None:
            system.issuer = issuer.url
        for name in environment:
            module = f"services.{service_of(name)}" if name in listening else name
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


def _own_issuer(data: Path, environment: Mapping[str, str]) -> Issuer | None:
    """For development, where nobody else's tokens are to be believed."""
    if "RUNDBLICK_ISSUER" in environment or environment.get("RUNDBLICK_ENV") == "production":
        return None
    return free_issuer_of(data)


def _certificates(data: Path) -> Path:
    folder = data / "certs"
    try:
        renew(folder)
    except CertificateFault as error:
        raise SystemFault(str(error)) from None
    return folder


def _target(addresses: Sequence[str]) -> str:
    """What a gRPC channel opens to reach all of them."""
    return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"


__all__ = ["HOST", "SERVICES", "MongodError", "System", "SystemFault", "running_system"]
