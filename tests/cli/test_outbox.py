"""rundblick outbox on a running system."""

import time
from pathlib import Path

import pymongo
import pytest

from chassis.ids import new_id
from chassis.times import utc_now
from cli.system import running_system
from tests.cli.test_command import one_line, rundblick

pytestmark = pytest.mark.timeout(120)


def test_a_parked_entry_is_listed_and_delivered_again(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        assert "nothing is parked" in rundblick("outbox", "list", "--endpoint", system.endpoint).stdout
        id = new_id("out")
        with pymongo.MongoClient[dict[str, object]](system.mongo_uri) as client:
            outbox = client["rundblick_feedback"]["outbox"]
            outbox.insert_one(
                {
                    "_id": id,
                    "destination": "metrics",
                    "aggregate": "enq_1",
                    "sequence": 7,
                    "kind": "events",
                    "payload": b"",
                    "parked": True,
                    "attempts": 12,
                    "at": utc_now(),
                    "error": {"code": "INVALID", "message": "a mistake that is mended now"},
                }
            )
            listed = rundblick("outbox", "list", "--parked", "--endpoint", system.endpoint).stdout
            assert "enq_1 #7" in listed
            assert "a mistake" in listed
            assert "1 delivered again" in rundblick("outbox", "retry", id, "--endpoint", system.endpoint).stdout
            end = time.monotonic() + 30
            while outbox.count_documents({}):
                assert time.monotonic() < end
                time.sleep(0.05)
        assert "all of them" in one_line(rundblick("outbox", "retry", "--endpoint", system.endpoint))
