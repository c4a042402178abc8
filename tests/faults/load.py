"""Clients that write without pause, send again what was not acknowledged, and remember what was."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

CREATE = """mutation($input: CreateCustomerInput!) {
  createCustomer(input: $input) { customer { id } userErrors { code message } } }"""
TOUCHPOINT = """mutation($input: CreateTouchpointInput!) {
  createTouchpoint(input: $input) { touchpoint { id } userErrors { code message } } }"""
OPEN = """mutation($input: OpenEnquiryInput!) {
  openEnquiry(input: $input) { enquiry { id } userErrors { code message } } }"""
ANSWER = """mutation($input: AddMessageInput!) {
  addMessage(input: $input) { message { id } userErrors { code message } } }"""
RESOLVE = """mutation($input: ResolveEnquiryInput!) {
  resolveEnquiry(input: $input) { enquiry { id } userErrors { code message } } }"""
RECORD = """mutation($input: RecordInteractionInput!) {
  recordInteraction(input: $input) { interaction { id } userErrors { code message } } }"""
MERGE = """mutation($input: MergeCustomersInput!) {
  mergeCustomers(input: $input) { customer { id } userErrors { code message } } }"""
SPLIT = """mutation($input: SplitCustomerInput!) {
  splitCustomer(input: $input) { customer { id } userErrors { code message } } }"""

_AWAY = {"SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT", "RATE_LIMITED"}
_AUTHORS = ("EMPLOYEE", "EMPLOYEE", "CUSTOMER", "BOT")
SOURCE = "load"


@dataclass
class Written:
    """What was acknowledged, by the mark each write carries; faults: answers that no client should ever get."""

    enquiries: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    interactions: dict[str, str] = field(default_factory=dict)
    merges: int = 0
    splits: int = 0
    resent: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        kept = len(self.enquiries) + len(self.messages) + len(self.interactions)
        return kept + self.merges + self.splits


class Load:
    """Seeded: the same clients do the same, as far as the system's answers are the same."""

    def __init__(self, endpoint: str, *, seed: int, clients: int = 4, customers: int = 24) -> None:
        self.written = Written()
        self._endpoint = endpoint
        self._seed = seed
        self._clients = clients
        self._count = customers
        self._customers: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._merged: list[tuple[str, str]] = []

    def __enter__(self) -> "Load":
        with httpx.Client(base_url=self._endpoint, timeout=15) as http:
            self._ask(
                http,
                TOUCHPOINT,
                "createTouchpoint",
                {
                    "key": "load-form",
                    "name": "Form",
                    "channel": "WEB_FORM",
                    "nature": "DIGITAL",
                    "control": "OWNED",
                    "idempotencyKey": f"{self._seed}-touchpoint",
                },
            )
            for number in range(self._count):
                done = self._ask(
                    http,
                    CREATE,
                    "createCustomer",
                    {
                        "kind": "PERSON",
                        "displayName": f"Customer {number}",
                        "emails": [f"c{number}@example.org"],
                        "externalId": {"source": SOURCE, "id": f"{self._seed}-{number}"},
                        "idempotencyKey": f"{self._seed}-customer-{number}",
                    },
                )
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
        open_enquiries: list[str] = []
        with httpx.Client(base_url=self._endpoint, timeout=15) as http:
            turn = 0
            while not self._stop.is_set():
                turn += 1
                mark = f"{self._seed}-{number}-{turn}"
                try:
                    self._turn(http, rng, mark, open_enquiries)
                except Exception as error:  # noqa: BLE001  # told at the end
                    with self._lock:
                        self.written.faults.append(f"{type(error).__name__}: {error}")
                    return

    def _turn(self, http: httpx.Client, rng: random.Random, mark: str, open_enquiries: list[str]) -> None:
        choice = rng.random()
        if choice < 0.3 or not open_enquiries:
            self._open(http, rng, mark, open_enquiries)
        elif choice < 0.65:
            self._answer(http, rng, mark, rng.choice(open_enquiries))
        elif choice < 0.75:
            enquiry = open_enquiries.pop(rng.randrange(len(open_enquiries)))
            self._ask(http, RESOLVE, "resolveEnquiry", {"id": enquiry, "idempotencyKey": mark})
        elif choice < 0.9:
            self._record(http, rng, mark)
        elif choice < 0.96:
            self._merge(http, rng, mark)
        else:
            self._split(http, rng, mark)

    def _open(self, http: httpx.Client, rng: random.Random, mark: str, open_enquiries: list[str]) -> None:
        customer = rng.randrange(self._count)
        done = self._ask(
            http,
            OPEN,
            "openEnquiry",
            {
                "customer": {"externalId": {"source": SOURCE, "id": f"{self._seed}-{customer}"}},
                "touchpoint": "load-form",
                "subject": mark,
                "message": {"body": mark},
                "idempotencyKey": mark,
            },
        )
        if done.get("enquiry"):
            self.written.enquiries[mark] = done["enquiry"]["id"]
            open_enquiries.append(done["enquiry"]["id"])

    def _answer(self, http: httpx.Client, rng: random.Random, mark: str, enquiry: str) -> None:
        done = self._ask(
            http,
            ANSWER,
            "addMessage",
            {
                "enquiry": enquiry,
                "authorKind": rng.choice(_AUTHORS),
                "body": mark,
                "idempotencyKey": mark,
            },
        )
        if done.get("message"):
            self.written.messages[mark] = done["message"]["id"]

    def _record(self, http: httpx.Client, rng: random.Random, mark: str) -> None:
        done = self._ask(
            http,
            RECORD,
            "recordInteraction",
            {
                "customer": rng.choice(self._customers),
                "direction": "INBOUND",
                "kind": "VISIT",
                "summary": mark,
                "occurredAt": "2026-01-01T00:00:00Z",
                "idempotencyKey": mark,
            },
        )
        if done.get("interaction"):
            self.written.interactions[mark] = done["interaction"]["id"]

    def _merge(self, http: httpx.Client, rng: random.Random, mark: str) -> None:
        survivor, duplicate = rng.sample(self._customers, 2)
        done = self._ask(
            http,
            MERGE,
            "mergeCustomers",
            {
                "id": survivor,
                "duplicates": [duplicate],
                "idempotencyKey": mark,
            },
        )
        if done.get("customer"):
            with self._lock:
                self.written.merges += 1
                self._merged.append((done["customer"]["id"], duplicate))

    def _split(self, http: httpx.Client, rng: random.Random, mark: str) -> None:
        with self._lock:
            if not self._merged:
                return
            survivor, duplicate = self._merged.pop(rng.randrange(len(self._merged)))
        done = self._ask(
            http,
            SPLIT,
            "splitCustomer",
            {
                "id": survivor,
                "formerCustomer": duplicate,
                "idempotencyKey": mark,
            },
        )
        if done.get("customer"):
            with self._lock:
                self.written.splits += 1

    def _ask(self, http: httpx.Client, query: str, field: str, input: dict[str, Any]) -> dict[str, Any]:
        """The payload; sent again with the same key until somebody answers."""
        while True:
            try:
                response = http.post("/graphql", json={"query": query, "variables": {"input": input}})
                body = response.json()
            except (httpx.HTTPError, ValueError):
                body = {"errors": [{"extensions": {"code": "SERVICE_UNAVAILABLE"}}]}
            errors = body.get("errors", ())
            if not errors:
                payload: dict[str, Any] = body["data"][field]
                return payload
            if any(error["extensions"]["code"] not in _AWAY for error in errors):
                raise AssertionError(str(errors)[:500])
            with self._lock:
                self.written.resent += 1
            time.sleep(0.05)
