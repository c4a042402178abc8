"""rundblick verify and rundblick rederive waits on a running system."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from cli.operations import DIFFERENCES
from cli.system import running_system
from tests.cli.test_command import one_line, rundblick

pytestmark = pytest.mark.timeout(240)

ASKED = datetime(2026, 1, 5, 9, tzinfo=UTC)
Document = dict[str, Any]


def _mutate(endpoint: str, mutation: str, selection: str, **input: Any) -> Document:
    name = mutation[0].upper() + mutation[1:]
    query = f"mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ message }} }} }}"
    body = httpx.post(f"{endpoint}/graphql", json={"query": query, "variables": {"input": input}}).json()
    payload: Document = body["data"][mutation]
    assert payload["userErrors"] == []
    return payload


def _asked_and_answered(endpoint: str) -> str:
    """The id of an enquiry that was answered after an hour."""
    customer = _mutate(endpoint, "createCustomer", "customer { id }", kind="PERSON", displayName="Ada")["customer"]
    mail = {"key": "mail", "name": "Mail", "channel": "EMAIL", "nature": "DIGITAL", "control": "OWNED"}
    _mutate(endpoint, "createTouchpoint", "touchpoint { id }", **mail)
    enquiry = _mutate(
        endpoint,
        "openEnquiry",
        "enquiry { id }",
        customer={"id": customer["id"]},
        touchpoint="mail",
        subject="A question",
        openedAt=ASKED.isoformat(),
        message={"body": "How?", "occurredAt": ASKED.isoformat()},
    )["enquiry"]
    answer = {"authorKind": "EMPLOYEE", "body": "So.", "occurredAt": (ASKED + timedelta(hours=1)).isoformat()}
    _mutate(endpoint, "addMessage", "message { id }", enquiry=enquiry["id"], **answer)
    id: str = enquiry["id"]
    return id


def test_a_wait_that_is_wrong_is_named_repaired_and_its_figures_follow(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        at = ("--endpoint", system.endpoint)
        id = _asked_and_answered(system.endpoint)
        clean = rundblick("verify", *at)
        assert clean.returncode == 0, clean.stdout + clean.stderr
        for part in ("customers", "interactions", "enquiries", "figures"):
            assert part in clean.stdout

        with pymongo.MongoClient[Document](system.mongo_uri) as client:
            messages = client["rundblick_feedback"]["messages"]
            answer = {"enquiry": id, "author_kind": "EMPLOYEE"}
            messages.update_one(answer, {"$set": {"occurred_at": ASKED + timedelta(minutes=30)}})
            named = rundblick("verify", *at, "--wait", "0")
            assert named.returncode == DIFFERENCES
            assert id in named.stdout

            dry = rundblick("rederive", "waits", *at, "--dry-run")
            assert "1 enquiries examined, 1 would change" in dry.stdout
            assert id in dry.stdout
            assert "1 changed" in rundblick("rederive", "waits", *at).stdout
            assert "0 changed" in rundblick("rederive", "waits", *at).stdout

            # Waits and figures follow the messages, journeys are not theirs to mend.
            journey = rundblick("verify", *at)
            assert journey.returncode == DIFFERENCES
            assert "differs from its message in occurred_at" in journey.stdout
            messages.update_one(answer, {"$set": {"occurred_at": ASKED + timedelta(hours=1)}})
            assert "1 changed" in rundblick("rederive", "waits", *at).stdout

            client["rundblick_metrics"]["cells"].update_many({}, {"$inc": {"m.n": 1}})
            miscounted = rundblick("verify", *at, "--sample", "1")
            assert miscounted.returncode == DIFFERENCES
            assert "m.n should be" in miscounted.stdout

            # Counted anew from what the others hold, after the database is lost.
            assert "metrics still runs" in one_line(rundblick("rederive", "figures", *at))
            with system.stopped("metrics"):
                client.drop_database("rundblick_metrics")
                told = rundblick("rederive", "figures", *at)
            assert told.returncode == 0, told.stderr
            assert "enquiries: 1 told again" in told.stdout
        assert "1 customers examined, 0 changed" in rundblick("rederive", "customers", *at).stdout
        again = rundblick("verify", *at)
        assert again.returncode == 0, again.stdout


def test_without_a_system_it_is_one_line() -> None:
    for command in (("verify",), ("rederive", "waits")):
        assert "--endpoint" in one_line(rundblick(*command, "--endpoint", "http://127.0.0.1:9"))
