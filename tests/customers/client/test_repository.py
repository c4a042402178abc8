"""Clients in MongoDB: kept whole, and never shown to a partner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import Database, in_transaction
from chassis.page import Page
from services.customers.client.domain import Client, Secret
from services.customers.client.repository import MongoClientRepository

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CLIENT = Client(
    id=new_id("cli"),
    name="Shop",
    sources=frozenset({"shop", "app"}),
    scopes=frozenset({"customers:read"}),
    secrets=(Secret("sec_1", b"\x00first", NOW + timedelta(hours=1)), Secret("sec_2", b"second")),
    created_at=NOW,
    rotated_at=NOW,
)


async def test_a_client_comes_back_as_it_was_saved(database: Database, caller: Caller) -> None:
    clients = MongoClientRepository(database)
    revoked = replace(CLIENT, revoked_at=NOW, secrets=CLIENT.secrets[1:])
    await in_transaction(database, lambda session: clients.save(caller, CLIENT, session))
    assert await clients.of_ids(caller, [CLIENT.id, "cli_x"]) == {CLIENT.id: CLIENT}
    await in_transaction(database, lambda session: clients.save(caller, revoked, session))
    assert await clients.of_ids(caller, [CLIENT.id]) == {CLIENT.id: revoked}


async def test_a_partner_sees_no_client(database: Database, caller: Caller) -> None:
    clients = MongoClientRepository(database)
    await in_transaction(database, lambda session: clients.save(caller, CLIENT, session))
    partner = Caller("partner", frozenset({"*"}), sources=CLIENT.sources)
    assert await clients.of_ids(partner, [CLIENT.id]) == {}
    assert (await clients.page(partner, Page(5))).items == ()
