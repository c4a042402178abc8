"""The threat model names tests; each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", (ROOT / "docs" / "threat-model.md").read_text())))


@pytest.mark.parametrize("named", NAMED)
def test_it_exists(named: str) -> None:
    path, _, function = named.partition("::")
    assert (ROOT / path).is_file()
    assert not function or re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE), function


def test_it_names_tests_at_all() -> None:
    assert len(NAMED) > 20
