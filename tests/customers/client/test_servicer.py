"""Partner clients over gRPC: a secret is said once, kept as a hash, and counts until it is replaced or revoked."""

import asyncio
import hashlib
from collections import Counter
from datetime import timedelta
from typing import Any

import bson
import grpc
import pytest
from rundblick.customers.v1 import client_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Clock, Running
from tests.customers.plans import faults_of_winners

DAY = timedelta(days=1)
UNKNOWN = f"cli_{NOBODY}"
ADMIN = Caller("admin", frozenset({"clients:admin"}))


def creating(**fields: Any) -> pb.CreateClientRequest:
    given = {"name": "Shop", "sources": ["shop", "app"], "scopes": ["customers:read", "import"], **fields}
    return pb.CreateClientRequest(**given)


async def made(customers: Running, **fields: Any) -> pb.CreateClientResponse:
    answer: pb.CreateClientResponse = await customers.call(creating(**fields))
    return answer


async def admitted(customers: Running, id: str, secret: str) -> bool:
    answer = await customers.call(pb.AuthenticateClientRequest(id=id, secret=secret))
    return bool(answer.HasField("grant"))


async def everything(database: Database) -> bytes:
    """Every byte that is kept of anything."""
    return b"".join(
        [
            bson.encode(document)
            for name in await database.list_collection_names()
            async for document in database[name].find({})
        ]
    )


async def test_a_client_is_let_in_with_its_secret_and_gets_its_scopes_and_sources(customers: Running) -> None:
    answer = await made(customers)
    request = pb.AuthenticateClientRequest(id=answer.client.id, secret=answer.secret)
    grant = (await customers.call(request)).grant
    assert (list(grant.scopes), list(grant.sources)) == (["customers:read", "import"], ["app", "shop"])
    assert answer.client.id.startswith("cli_")
    assert len(answer.secret) == 43  # 32 bytes
    assert answer.client.HasField("created_at")
    assert not answer.client.HasField("rotated_at")


async def test_nobody_else_is_let_in_and_is_not_told_why(customers: Running) -> None:
    first, second = await made(customers), await made(customers)
    await customers.call(pb.RevokeClientRequest(id=second.client.id))
    for id, secret in (
        (UNKNOWN, first.secret),
        ("", ""),
        (first.client.id, ""),
        (first.client.id, second.secret),
        (second.client.id, second.secret),
    ):
        answer = await customers.call(pb.AuthenticateClientRequest(id=id, secret=secret))
        assert answer == pb.AuthenticateClientResponse()


async def test_only_a_salted_hash_of_a_secret_is_kept(customers: Running, database: Database) -> None:
    first = await made(customers, idempotency_key="k")
    second = await customers.call(pb.RotateClientSecretRequest(id=first.client.id, idempotency_key="k"))
    kept = await everything(database)
    assert first.client.id.encode() in kept
    assert first.secret.encode() not in kept
    assert second.secret.encode() not in kept
    assert hashlib.sha256(first.secret.encode()).digest() not in kept


async def test_a_repeated_create_makes_no_second_client_and_does_not_say_the_secret_again(customers: Running) -> None:
    answers = await asyncio.gather(*(customers.call(creating(idempotency_key="k")) for _ in range(4)))
    [secret] = [answer.secret for answer in answers if answer.HasField("secret")]
    [id] = {answer.client.id for answer in answers}
    assert await admitted(customers, id, secret)
    assert len((await customers.call(pb.ListClientsRequest())).edges) == 1


async def test_a_repeated_rotation_leaves_the_secret_that_was_said(customers: Running) -> None:
    client = (await made(customers)).client
    request = pb.RotateClientSecretRequest(id=client.id, idempotency_key="k", overlap_seconds=0)
    first, again = await customers.call(request), await customers.call(request)
    assert first.client == again.client
    assert not again.HasField("secret")
    assert await admitted(customers, client.id, first.secret)


async def test_after_a_rotation_both_secrets_count_for_a_day_and_then_the_new_one(
    customers: Running, clock: Clock
) -> None:
    first = await made(customers)
    second = await customers.call(pb.RotateClientSecretRequest(id=first.client.id))
    assert second.client.HasField("rotated_at")
    assert second.client.secret_id != first.client.secret_id
    clock.ahead = DAY - timedelta(minutes=1)
    assert [await admitted(customers, first.client.id, secret) for secret in (first.secret, second.secret)] == [
        True,
        True,
    ]
    clock.ahead = DAY
    assert [await admitted(customers, first.client.id, secret) for secret in (first.secret, second.secret)] == [
        False,
        True,
    ]


async def test_a_secret_that_leaked_ends_at_once(customers: Running) -> None:
    first = await made(customers)
    second = await customers.call(pb.RotateClientSecretRequest(id=first.client.id, overlap_seconds=0))
    assert not await admitted(customers, first.client.id, first.secret)
    assert await admitted(customers, first.client.id, second.secret)


async def test_a_revoked_client_stays_revoked(customers: Running, clock: Clock) -> None:
    client = (await made(customers)).client
    revoked = (await customers.call(pb.RevokeClientRequest(id=client.id))).client
    assert revoked.HasField("revoked_at")
    clock.ahead = DAY
    assert (await customers.call(pb.RevokeClientRequest(id=client.id))).client == revoked
    code, message = await customers.refused(pb.RotateClientSecretRequest(id=client.id))
    assert code is grpc.StatusCode.ABORTED
    assert client.id in message


@pytest.mark.parametrize("kind", [pb.RotateClientSecretRequest, pb.RevokeClientRequest])
async def test_what_is_not_there_is_not_found(customers: Running, kind: Any) -> None:
    assert (await customers.refused(kind(id=UNKNOWN)))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (creating(name=""), ("name",)),
        (creating(sources=[]), ("sources",)),
        (creating(sources=["shop", "rundblick"]), ("sources", "1")),
        (creating(scopes=["customers:read", "clients:admin"]), ("scopes", "1")),
        (pb.RotateClientSecretRequest(id=UNKNOWN, overlap_seconds=-1), ("overlap_seconds",)),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(
    customers: Running, request_: Any, path: tuple[str, ...]
) -> None:
    fault = await customers.fault(request_)
    assert (fault.code, fault.path) == ("INVALID", path)
    assert not (await customers.call(pb.ListClientsRequest())).edges


async def test_a_partner_may_have_what_concerns_its_own_records_and_nothing_else(customers: Running) -> None:
    scopes = ["customers:personal", "customers:read", "customers:write", "enquiries:read", "enquiries:write"]
    scopes += ["events:write", "import", "interactions:write", "metrics:read", "touchpoints:read"]
    assert list((await made(customers, scopes=scopes)).client.scopes) == scopes
    others = ["*", "clients:admin", "employees:read", "employees:write", "metrics:employees", "operations"]
    others += ["callers:identify", "references:resolve", "touchpoints:write", "customers:read:own", ""]
    for scope in others:
        fault = await customers.fault(creating(scopes=[scope]))
        assert (fault.code, fault.path) == ("INVALID", ("scopes", "0")), scope


async def test_clients_are_listed_as_they_were_made_page_by_page(customers: Running) -> None:
    ids = [(await made(customers, name=f"Shop {number}")).client.id for number in range(3)]
    first = await customers.call(pb.ListClientsRequest(page=page_pb2.PageRequest(first=2)))
    after = page_pb2.PageRequest(first=2, after=first.page_info.end_cursor)
    second = await customers.call(pb.ListClientsRequest(page=after))
    assert [edge.node.id for edge in (*first.edges, *second.edges)] == ids
    assert (first.page_info.has_next_page, second.page_info.has_next_page) == (True, False)


@pytest.mark.parametrize(
    "request_",
    [
        creating(),
        pb.RotateClientSecretRequest(id=UNKNOWN),
        pb.RevokeClientRequest(id=UNKNOWN),
        pb.ListClientsRequest(),
        pb.AuthenticateClientRequest(id=UNKNOWN),
    ],
)
async def test_only_who_looks_after_clients_may_and_none_but_processes_try_secrets(
    customers: Running, request_: Any
) -> None:
    other = Caller("other", frozenset({"customers:write", "employees:write", "operations"}))
    assert (await customers.refused(request_, other))[0] is grpc.StatusCode.PERMISSION_DENIED
    if isinstance(request_, pb.AuthenticateClientRequest):
        assert (await customers.refused(request_, ADMIN))[0] is grpc.StatusCode.PERMISSION_DENIED
    elif isinstance(request_, (pb.CreateClientRequest, pb.ListClientsRequest)):
        await customers.call(request_, ADMIN)


async def test_a_partner_does_not_look_after_clients_whatever_its_scopes(customers: Running) -> None:
    partner = Caller("partner", ADMIN.scopes, sources=frozenset({"shop"}))
    assert (await customers.refused(creating(), partner))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert (await customers.refused(pb.ListClientsRequest(), partner))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_trying_a_secret_costs_the_same_whoever_is_asked_for(
    customers: Running, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, rotated, revoked = await made(customers), await made(customers), await made(customers)
    await customers.call(pb.RotateClientSecretRequest(id=rotated.client.id))
    await customers.call(pb.RevokeClientRequest(id=revoked.client.id))
    derived: Counter[tuple[object, ...]] = Counter()
    scrypt = hashlib.scrypt

    def counted(secret: bytes, *, salt: bytes, n: int, r: int, p: int) -> bytes:
        derived[n, r, p] += 1
        return scrypt(secret, salt=salt, n=n, r=r, p=p)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    for id, secret in (
        (known.client.id, known.secret),
        (known.client.id, "wrong"),
        (rotated.client.id, rotated.secret),
        (rotated.client.id, "wrong"),
        (revoked.client.id, revoked.secret),
        (UNKNOWN, known.secret),
        ("", ""),
    ):
        derived.clear()
        with commands.recorded():
            await customers.call(pb.AuthenticateClientRequest(id=id, secret=secret))
        assert derived == {(2**14, 8, 1): 1}, id
        assert len(commands.found) == 1, id


async def test_every_read_costs_one_indexed_command(customers: Running, database: Database, commands: Commands) -> None:
    client = (await made(customers)).client
    cursor = (await customers.call(pb.ListClientsRequest())).page_info.end_cursor
    with commands.recorded():
        await customers.call(pb.ListClientsRequest())
        await customers.call(pb.ListClientsRequest(page=page_pb2.PageRequest(first=5, after=cursor)))
        await customers.call(pb.ListClientsRequest(page=page_pb2.PageRequest(last=5, before=cursor)))
        await customers.call(pb.AuthenticateClientRequest(id=client.id, secret="s"))
    assert len(commands.found) == 4
    assert await faults_of_winners(database, commands) == []
