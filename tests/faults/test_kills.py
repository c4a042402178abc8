"""A short run of the harness: processes die at random moments, and nothing is lost or counted twice."""

from pathlib import Path

import pytest

from cli.system import running_system
from tests.faults.harness import Found, Killer, check, under_load

pytestmark = pytest.mark.timeout(240)


def test_whatever_is_killed_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    found = Found()
    with running_system(tmp_path / "data", replicas=2) as system:
        names = [*system.processes, "mongo"]
        with under_load(system, found, seed=1):
            Killer(system, found, seed=1, names=names).kill(6)
        check(system, found)
    assert found.writes > 50
    assert len(found.written) > 12, "of many kinds"
    assert found.wrong == []
