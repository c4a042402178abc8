"""A client comes for a token with its secret, and everybody believes the token it gets."""

import base64
from urllib.parse import quote_plus

import httpx
import pytest
from rundblick.customers.v1 import client_pb2 as pb

from chassis.caller import Caller
from chassis.keys import DISCOVERY, KeySet
from chassis.remote_directory import RemoteDirectory
from chassis.tokens import Authenticator, Trust
from tests.callers import EVERYWHERE
from tests.issuer.conftest import Running


def basic(id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{quote_plus(id)}:{quote_plus(secret)}".encode()).decode()}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["error"]


async def test_a_client_gets_a_token_that_is_believed_where_the_issuer_is(running: Running) -> None:
    answer = await running.token()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 3600, "customers:read import")
    url = running.issuer.url
    authenticator = Authenticator(EVERYWHERE, trust=Trust(url, KeySet(url)), directory=RemoteDirectory(running.asking))
    caller = await authenticator.caller_of(said["access_token"])
    assert caller == Caller(running.id, frozenset({"customers:read", "import"}), sources=frozenset({"shop"}))


async def test_it_may_say_who_it_is_in_the_header(running: Running) -> None:
    data = {"grant_type": "client_credentials", "scope": "import"}
    answer = await running.http.post("/token", data=data, headers=basic(running.id, running.secret))
    assert (answer.status_code, answer.json()["scope"]) == (200, "import")
    for header in (basic(running.id, "wrong"), {"authorization": "Bearer x"}):
        answer = await running.http.post("/token", data=data, headers=header)
        assert refusal(answer) == (401, "invalid_client")
        assert answer.headers["www-authenticate"] == "Basic"
    answer = await running.http.post("/token", data=data, headers={"authorization": "Basic not-base64"})
    assert refusal(answer) == (400, "invalid_request")


async def test_a_client_says_who_it_is_in_one_way(running: Running) -> None:
    data = {"grant_type": "client_credentials", "client_id": running.id, "client_secret": running.secret}
    answer = await running.http.post("/token", data=data, headers=basic(running.id, running.secret))
    assert refusal(answer) == (400, "invalid_request")


async def test_who_is_not_let_in_does_not_learn_why(running: Running) -> None:
    wrong = await running.token(client_secret="wrong")
    unknown = await running.token(client_id="cli_00000000000000000000000000")
    assert refusal(wrong) == (401, "invalid_client")
    assert wrong.json() == unknown.json()
    assert refusal(await running.token(client_secret=None)) == (401, "invalid_client")
    assert refusal(await running.token(client_id="")) == (401, "invalid_client")
    assert refusal(await running.token(client_id="x" * 201)) == (401, "invalid_client")
    await running.clients.RevokeClient(pb.RevokeClientRequest(id=running.id), timeout=10)
    assert (await running.token()).json() == wrong.json()


async def test_it_gets_no_more_than_it_has(running: Running) -> None:
    assert (await running.token(scope="import")).json()["scope"] == "import"
    answer = await running.token(scope="import metrics:read")
    assert refusal(answer) == (400, "invalid_scope")
    assert "metrics:read" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
    ],
)
async def test_a_request_that_is_none_is_refused(running: Running, changes: dict[str, object], error: str) -> None:
    assert refusal(await running.token(**changes)) == (400, error)


async def test_the_body_is_a_form_of_a_sensible_size(running: Running) -> None:
    answer = await running.http.post("/token", json={"grant_type": "client_credentials"})
    assert refusal(answer) == (400, "invalid_request")
    assert refusal(await running.token(scope="x" * 20_000)) == (413, "invalid_request")
    assert (await running.http.get("/token")).status_code == 405


async def test_a_secret_is_not_guessed_for_long(running: Running) -> None:
    statuses = [(await running.token(client_secret=f"guess {number}")).status_code for number in range(11)]
    assert statuses == [401] * 10 + [429]
    held = await running.token()
    assert refusal(held) == (429, "invalid_client"), "the right secret does not come through either"
    assert 0 < int(held.headers["retry-after"]) <= 60
    assert (await running.token(client_id="cli_other")).status_code == 401, "others are not held back"


async def test_while_customers_is_away_nothing_is_decided(running: Running) -> None:
    await running.service.aclose()
    assert refusal(await running.token()) == (503, "temporarily_unavailable")


async def test_it_says_where_everything_is(running: Running) -> None:
    said = (await running.http.get(DISCOVERY)).json()
    assert said["issuer"] == running.issuer.url
    assert said["token_endpoint"] == f"{running.issuer.url}/token"
    keys = (await running.http.get(said["jwks_uri"])).json()["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("EC", "ES256", "sig")]
    assert "d" not in keys[0], "the private part stays"
