"""Files of contacts, chances to sell and consents: each row once, corrected, tried before, and refused by its line."""

from pathlib import Path

import pytest
from rundblick.customers.v1 import (
    campaign_pb2,
    consent_pb2,
    customer_pb2,
    interaction_pb2,
    opportunity_pb2,
    touchpoint_pb2,
)

from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.campaign.test_servicer import fields
from tests.customers.conftest import Running
from tests.customers.importing.test_rows import CUSTOMERS, TOUCHPOINTS, rejected, take

PEOPLE = "Nr,Vorname,Nachname,Mail,Mail 2,Telefon,Strasse,PLZ\n1,Ida,Berg,ida@example.org,,,,\n2,Udo,Tal,,,,,\n"
CONTACTS = """
source = "febrl"
external_id = "Beleg"
customer = "Wer"
touchpoint = "Wo"
direction = {value = "INBOUND"}
kind = {column = "Was", values = {Kauf = "PURCHASE", Besuch = "VISIT"}}
occurred_at = {column = "Wann", time_zone = "Europe/Berlin"}
summary = "Text"
"""
CHANCES = """
source = "febrl"
external_id = "Nr"
customer = "Wer"
title = "Titel"
stage = {column = "Stand", values = {offen = "PROPOSAL", ja = "CLOSED_WON", nein = "CLOSED_LOST"}}
amount = "Wert"
decimal = ","
opened_at = {column = "Seit"}
stage_since = {column = "Stand seit"}
loss_reason = "Grund"
campaign = "Kampagne"
"""
SAID = """
source = "febrl"
external_id = "Nr"
customer = "Wer"
channel = {value = "EMAIL"}
purpose = {value = "MARKETING"}
status = {column = "Ja", values = {ja = "GRANTED", nein = "REVOKED"}}
address = "Mail"
occurred_at = {column = "Wann"}
wording_version = "Text"
"""


async def found(customers: Running, id: str) -> customer_pb2.Customer:
    key = customer_pb2.ExternalId(source="febrl", id=id)
    customer: customer_pb2.Customer = (await customers.call(customer_pb2.FindCustomerRequest(external_id=key))).customer
    return customer


async def kept(database: Database) -> dict[str, int]:
    names = await database.list_collection_names()
    return {name: n for name in names if (n := await database[name].count_documents({}))}


@pytest.fixture
async def people(customers: Running, tmp_path: Path) -> Running:
    await take(customers, tmp_path, "customers", CUSTOMERS, PEOPLE)
    await take(customers, tmp_path, "touchpoints", TOUCHPOINTS, "Key,Name,Art,Von\nhalle-4,Halle 4,Messe,\n")
    return customers


async def test_contacts_are_taken_once_and_corrected(
    people: Running, database: Database, commands: Commands, tmp_path: Path
) -> None:
    text = (
        "Beleg,Wer,Wo,Was,Wann,Text\n"
        "1,1,halle-4,Besuch,2026-03-02 10:00,\n"
        "2,,,Besuch,2026-03-02 10:05,\n"
        "3,9,halle-4,Besuch,2026-03-02 10:10,\n"
        "4,1,halle-5,Besuch,2026-03-02 10:10,\n"
        "5,1,halle-4,Funk,2026-03-02 10:10,\n"
        ",1,halle-4,Besuch,2026-03-02 10:10,\n"
        "7,1,halle-4,Besuch,,\n"
    )
    before = await kept(database)
    counts = await take(people, tmp_path, "interactions", CONTACTS, text, dry_run=True)
    assert (counts.created, counts.changed, counts.rejected) == (2, 0, 5)
    assert await kept(database) == before, "a dry run keeps nothing"
    with commands.recorded():
        counts = await take(people, tmp_path, "interactions", CONTACTS, text)
    assert await commands.unindexed() == []
    assert (counts.created, counts.changed, counts.rejected) == (2, 0, 5)
    assert [(row["line"], row["column"]) for row in rejected(tmp_path)] == [
        ("4", "customer_external_id"),
        ("5", "touchpoint"),
        ("6", "Was"),
        ("7", "Beleg"),
        ("8", "Wann"),
    ]
    counts = await take(
        people, tmp_path, "interactions", CONTACTS, text.replace("1,1,halle-4,Besuch", "1,1,halle-4,Kauf")
    )
    assert (counts.created, counts.changed, counts.unchanged, counts.rejected) == (0, 1, 1, 5)
    ida = (await found(people, "1")).id
    listed = await people.call(interaction_pb2.BatchListInteractionsRequest(customer_ids=[ida]))
    [edge] = listed.pages[ida].edges
    assert (edge.node.kind, edge.node.external_id) == (interaction_pb2.INTERACTION_KIND_PURCHASE, "1")
    assert edge.node.occurred_at.ToJsonString() == "2026-03-02T09:00:00Z"


async def test_chances_to_sell_are_taken_once_and_move(people: Running, commands: Commands, tmp_path: Path) -> None:
    await people.call(campaign_pb2.CreateCampaignRequest(fields=fields(name="Messe")))
    text = (
        "Nr,Wer,Titel,Stand,Wert,Seit,Stand seit,Grund,Kampagne\n"
        '1,1,Anlage,offen,"1.250,50",2026-01-01,2026-01-05,,Messe\n'
        "2,1,Wartung,nein,,,2026-01-06,zu teuer,\n"
        "3,9,Anlage,offen,,,,,\n"
        "4,1,Anlage,offen,,,,,Herbst\n"
        "5,1,Anlage,offen,,2026-01-05,2026-01-01,,\n"
        "6,1,Anlage,offen,,,,zu teuer,\n"
    )
    with commands.recorded():
        counts = await take(people, tmp_path, "opportunities", CHANCES, text)
    assert await commands.unindexed() == []
    assert (counts.created, counts.rejected) == (2, 4)
    assert [(row["line"], row["column"]) for row in rejected(tmp_path)] == [
        ("4", "customer"),
        ("5", "campaign"),
        ("6", "stage_since"),
        ("7", "loss_reason"),
    ]
    text = text.replace('offen,"1.250,50",2026-01-01,2026-01-05', 'ja,"1.300,00",2026-01-01,2026-02-01')
    counts = await take(people, tmp_path, "opportunities", CHANCES, text)
    assert (counts.created, counts.changed, counts.unchanged, counts.rejected) == (0, 1, 1, 4)
    ida = (await found(people, "1")).id
    listed = await people.call(opportunity_pb2.BatchListOpportunitiesRequest(customer_ids=[ida]))
    one, two = sorted((edge.node for edge in listed.pages[ida].edges), key=lambda node: node.external_id)
    assert (one.amount.amount, [move.at.ToJsonString()[:10] for move in one.history]) == (
        "1300.00",
        ["2026-01-05", "2026-02-01"],
    )
    assert (one.stage, bool(one.campaign_id)) == (opportunity_pb2.OPPORTUNITY_STAGE_CLOSED_WON, True)
    assert (two.closed_at.ToJsonString()[:10], two.opened_at, two.loss_reason) == (
        "2026-01-06",
        two.closed_at,
        "zu teuer",
    )


async def permitted(customers: Running, id: str) -> bool:
    request = consent_pb2.BatchGetContactPermissionsRequest(
        customer_ids=[id], channel=touchpoint_pb2.CHANNEL_EMAIL, purpose=consent_pb2.CONSENT_PURPOSE_MARKETING
    )
    allowed: bool = (await customers.call(request)).answers[id].value.allowed
    return allowed


async def test_consents_are_added_once_with_what_proves_them_and_widen_nothing(
    people: Running, database: Database, commands: Commands, tmp_path: Path
) -> None:
    ida = (await found(people, "1")).id
    text = (
        "Nr,Wer,Ja,Mail,Wann,Text\n"
        "1,1,ja,ida@example.org,2024-01-01T00:00:00Z,v1\n"
        "2,1,ja,ida@example.org,2024-02-01T00:00:00Z,\n"
        "3,1,ja,keine,2024-02-01T00:00:00Z,v1\n"
        "4,9,nein,,2024-02-01T00:00:00Z,\n"
    )
    with commands.recorded():
        counts = await take(people, tmp_path, "consents", SAID, text)
    assert await commands.unindexed() == []
    assert (counts.created, counts.rejected) == (1, 3)
    assert [(row["line"], row["column"]) for row in rejected(tmp_path)] == [
        ("3", "wording_version"),
        ("4", "address"),
        ("5", "customer"),
    ]
    assert await permitted(people, ida)
    # The same row again is the same entry; another one under its number is none.
    assert (await take(people, tmp_path, "consents", SAID, text)).unchanged == 1
    counts = await take(people, tmp_path, "consents", SAID, text.replace("1,1,ja", "1,1,nein"))
    assert (counts.created, counts.changed, counts.rejected) == (0, 0, 4)
    assert rejected(tmp_path)[0]["column"] == "status"
    assert await database["consent_entries"].count_documents({}) == 1

    # What was said since by anybody else is not taken back by an older file, nor by a newer grant of one source alone.
    statement = consent_pb2.ConsentStatement(
        customer_id=ida, channel=touchpoint_pb2.CHANNEL_EMAIL, purpose=consent_pb2.CONSENT_PURPOSE_MARKETING
    )
    statement.occurred_at.FromJsonString("2025-01-01T00:00:00Z")
    await people.call(consent_pb2.RevokeConsentRequest(statement=statement))
    for number, day in ((5, "2024-06-01"), (6, "2025-06-01")):
        row = f"Nr,Wer,Ja,Mail,Wann,Text\n{number},1,ja,ida@example.org,{day}T00:00:00Z,v2\n"
        assert (await take(people, tmp_path, "consents", SAID, row)).created == 1
        assert not await permitted(people, ida), day
