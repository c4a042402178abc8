"""Clients that write without pause, send again what was not acknowledged, and remember what was."""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.writes import OFTEN, ONCE, SOURCE, TOUCHPOINT, WRITES, Known, Write

_TOUCHPOINT = Write("createTouchpoint", "touchpoint", lambda rng, known, mark: None)
_CUSTOMER = Write("createCustomer", "customer", lambda rng, known, mark: None)
_CANDIDATES = "{ duplicateCandidates(first: 5) { edges { node { id } } } }"

_AWAY = {"SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT", "RATE_LIMITED"}
_ONCE = 0.1
_LOOK = 0.1


@dataclass
class Written:
    """What was acknowledged: by what it is, mark -> id. faults: answers that no client should ever get."""

    marks: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    resent: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.marks.values()))


class Load:
    """Seeded: the same clients do the same, as far as the system's answers are the same."""

    def __init__(self, endpoint: str, *, seed: int, clients: int = 4, customers: int = 24) -> None:
        self.written = Written()
        self._endpoint = endpoint
        self._seed = seed
        self._clients = clients
        self._count = customers
        self._touchpoint = ""
        self._customers: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Load":
        with httpx.Client(base_url=self._endpoint, timeout=15) as http:
            form = {"key": TOUCHPOINT, "name": "Form", "channel": "WEB_FORM", "nature": "DIGITAL", "control": "OWNED"}
            made = self._ask(http, _TOUCHPOINT, {**form, "idempotencyKey": f"{self._seed}-touchpoint"})
            self._touchpoint = made["touchpoint"]["id"]
            for number in range(self._count):
                said = {
                    "kind": "PERSON",
                    "displayName": f"Customer {number}",
                    "emails": [f"c{number}@example.org"],
                    "externalId": {"source": SOURCE, "id": f"{self._seed}-{number}"},
                    "idempotencyKey": f"{self._seed}-customer-{number}",
                }
                done = self._ask(http, _CUSTOMER, said)
                self._customers.append(done["customer"]["id"])
        for number in range(self._clients):
            thread = threading.Thread(target=self._work, args=(number,), daemon=True, name=f"client {number}")
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        """Every write that was begun is acknowledged or refused before this ends."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        rng = random.Random(f"{self._seed}-{number}")  # noqa: S311  # repeatable, not secret
        known = Known(self._seed, self._touchpoint, self._customers, once=rng.sample(ONCE, len(ONCE)))
        with httpx.Client(base_url=self._endpoint, timeout=15) as http:
            turn = 0
            while not self._stop.is_set():
                turn += 1
                try:
                    if rng.random() < _LOOK:
                        found = self._post(http, _CANDIDATES, {})["duplicateCandidates"]["edges"]
                        known.things["candidate"] = [edge["node"]["id"] for edge in found]
                    self._turn(http, rng, f"{self._seed}-{number}-{turn}", known)
                except Exception as error:  # noqa: BLE001  # told at the end
                    with self._lock:
                        self.written.faults.append(f"{type(error).__name__}: {error}")
                    return

    def _turn(self, http: httpx.Client, rng: random.Random, mark: str, known: Known) -> None:
        if known.once and rng.random() < _ONCE:
            what = known.once.pop()
        else:
            [what] = rng.choices(OFTEN, [WRITES[name].weight for name in OFTEN])
        write = WRITES[what]
        said = write.make(rng, known, mark)
        if said is None:
            return
        done = self._ask(http, write, {**said, "idempotencyKey": mark})
        if not done.get(write.answer):
            return
        id = done[write.answer][write.by]
        known.things[what].append(id)
        if what == "merge":
            known.merged.append((id, said["duplicates"][0]))
        with self._lock:
            self.written.marks[what][mark] = id

    def _ask(self, http: httpx.Client, write: Write, input: dict[str, Any]) -> dict[str, Any]:
        """The payload."""
        payload: dict[str, Any] = self._post(http, write.query, {"input": input})[write.mutation]
        return payload

    def _post(self, http: httpx.Client, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data; sent again with the same key until somebody answers."""
        while True:
            try:
                response = http.post("/graphql", json={"query": query, "variables": variables})
                body = response.json()
            except (httpx.HTTPError, ValueError):
                body = {"errors": [{"extensions": {"code": "SERVICE_UNAVAILABLE"}}]}
            errors = body.get("errors", ())
            if not errors:
                data: dict[str, Any] = body["data"]
                return data
            if any(error["extensions"]["code"] not in _AWAY for error in errors):
                raise AssertionError(str(errors)[:500])
            with self._lock:
                self.written.resent += 1
            time.sleep(0.05)
