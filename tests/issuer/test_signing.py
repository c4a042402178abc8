"""Keys for development: nobody else reads them, and a new one does not put out the tokens of the old one."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.caller import Caller
from chassis.errors import Unauthenticated
from chassis.keys import KeySet
from chassis.times import utc_now
from chassis.tokens import Authenticator, Trust
from issuer.signing import Issuer, SigningKeys, claims_of
from issuer.tries import Tries
from tests.callers import EVERYWHERE

ADA = Caller(
    "ada",
    frozenset({"customers:read:own"}),
    employee="emp_1",
    team="tea_1",
    sources=frozenset({"shop"}),
    roles=frozenset({"analyst"}),
)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer("http://127.0.0.1:1", SigningKeys(tmp_path / "issuer"))


def believing(issuer: Issuer, folder: Path) -> Authenticator:
    file = folder / "jwks.json"
    file.write_text(json.dumps(issuer.keys.jwks()))
    return Authenticator(EVERYWHERE, trust=Trust(issuer.url, KeySet(issuer.url, str(file))))


async def test_a_token_brings_the_same_caller_back(issuer: Issuer, tmp_path: Path) -> None:
    caller = await believing(issuer, tmp_path).caller_of(issuer.token(claims_of(ADA), seconds=60))
    assert (caller.subject, caller.scopes, caller.sources) == (ADA.subject, ADA.scopes, ADA.sources)
    assert (caller.employee, caller.team) == (ADA.employee, ADA.team)


def test_keys_are_for_their_owner_alone(issuer: Issuer) -> None:
    issuer.keys.rotate()
    (key,) = issuer.keys.folder.iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    assert issuer.keys.folder.stat().st_mode & 0o777 == 0o700


async def test_two_keys_are_believed_and_the_newer_one_signs(issuer: Issuer, tmp_path: Path) -> None:
    first = issuer.token(claims_of(ADA), seconds=60)
    issuer.keys.rotate()
    second = issuer.token(claims_of(ADA), seconds=60)
    authenticator = believing(issuer, tmp_path)
    for token in (first, second):
        assert (await authenticator.caller_of(token)).subject == "ada"
    issuer.keys.rotate()
    authenticator = believing(issuer, tmp_path)
    assert (await authenticator.caller_of(second)).subject == "ada"
    with pytest.raises(Unauthenticated):
        await authenticator.caller_of(first)


def test_a_key_is_renewed_when_it_is_old(issuer: Issuer) -> None:
    now = utc_now()
    issuer.keys.rotate_if_due(now)
    issuer.keys.rotate_if_due(now + timedelta(days=29))
    assert len(issuer.keys.jwks()["keys"]) == 1
    issuer.keys.rotate_if_due(now + timedelta(days=31))
    assert len(issuer.keys.jwks()["keys"]) == 2


def test_production_has_no_such_issuer() -> None:
    environment = {**os.environ, "RUNDBLICK_ENV": "production"}
    ended = subprocess.run(
        [sys.executable, "-m", "issuer"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "this issuer is for development alone" in ended.stderr


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_are_counted_for_a_minute_and_forgotten_when_one_succeeds() -> None:
    clock = Clock()
    tries = Tries(clock=clock)
    for _ in range(10):
        assert tries.begin("cli_1") is None
        clock.now += 1
    assert tries.begin("cli_1") == 50
    assert tries.begin("cli_2") is None
    clock.now = 60
    assert tries.begin("cli_1") is None
    assert tries.begin("cli_1") == 1
    tries.succeeded("cli_1")
    assert tries.begin("cli_1") is None


def test_no_more_clients_are_remembered_than_said() -> None:
    tries = Tries(most_clients=2, clock=Clock())
    for _ in range(10):
        tries.begin("cli_1")
    tries.begin("cli_2")
    assert tries.begin("cli_1") == 60
    tries.begin("cli_3")
    assert tries.begin("cli_1") == 60, "it came later than cli_2"
    tries.begin("cli_4")
    tries.begin("cli_5")
    assert tries.begin("cli_1") is None
