"""Files of touchpoints and spend become records by a mapping: once, corrected when they change, mistakes by line."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rundblick.customers.v1 import campaign_pb2, customer_pb2, spend_pb2, touchpoint_pb2
from rundblick.customers.v1 import importing_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Forbidden
from cli.importing import Counts, RejectedFile
from cli.mapping import MappingError, read
from cli.record_importing import import_rows, row_batches
from cli.record_mapping import SpendMapping
from cli.record_rows import KINDS
from cli.rows import FileError, open_rows
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.customers.campaign.test_servicer import fields
from tests.customers.conftest import Running

TOUCHPOINTS = """
key = "Key"
name = "Name"
channel = {column = "Art", values = {Messe = "TRADE_FAIR", Web = "WEB_FORM"}}
nature = {column = "Art", values = {Messe = "PHYSICAL"}, default = "DIGITAL"}
active_from = "Von"
"""
SPEND = """
source = "books"
external_id = "Beleg"
touchpoint = "Wo"
campaign = "Kampagne"
amount = "Betrag"
currency = {value = "EUR"}
decimal = ","
day = "Tag"
note = "Text"
"""


async def take(
    customers: Running, folder: Path, kind: str, mapping: str, text: str, size: int = 2, *, dry_run: bool = False
) -> Counts:
    (folder / "mapping.toml").write_text(mapping)
    (folder / "rows.csv").write_text(text)
    described = read(KINDS[kind].mapping, folder / "mapping.toml")
    with open_rows(folder / "rows.csv") as rows:
        return await import_rows(
            customers.address,
            row_batches(rows, KINDS[kind], described, size, dry_run=dry_run),
            RejectedFile(folder / "rejected.csv"),
            token=tokens.token_for(Caller("importer", frozenset({"import"}))),
            progress=lambda counts, position: None,
        )


def rejected(folder: Path) -> list[Mapping[str, str]]:
    with (folder / "rejected.csv").open() as file:
        return list(csv.DictReader(file))


async def test_touchpoints_and_spend_are_taken_once_and_corrected(
    customers: Running, commands: Commands, tmp_path: Path
) -> None:
    text = "Key,Name,Art,Von\nhalle-4,Stand in Halle 4,Messe,2026-03-01\nform,Formular,Web,\nx,Unbekannt,Funk,\n"
    counts = await take(customers, tmp_path, "touchpoints", TOUCHPOINTS, text)
    assert (counts.created, counts.rejected) == (2, 1)
    assert [(row["line"], row["column"]) for row in rejected(tmp_path)] == [("4", "Art")]
    counts = await take(customers, tmp_path, "touchpoints", TOUCHPOINTS, text.replace("Formular", "Kontaktformular"))
    assert (counts.created, counts.changed, counts.unchanged) == (0, 1, 1)
    listed = (await customers.call(touchpoint_pb2.ListTouchpointsRequest())).edges
    assert {edge.node.key: (edge.node.name, edge.node.active_from) for edge in listed} == {
        "halle-4": ("Stand in Halle 4", "2026-03-01"),
        "form": ("Kontaktformular", ""),
    }

    await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields(name="Messe")))
    await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields(name="Doppelt")))
    campaign = (await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields(name="Doppelt")))).campaign.id
    text = (
        "Beleg,Wo,Kampagne,Betrag,Tag,Text\n"
        '1,halle-4,Messe,"1.250,50",2026-03-02,Standmiete\n'
        f"2,,{campaign},99,2026-03-03,\n"
        "3,halle-5,Messe,10,2026-03-03,\n"
        "4,,Doppelt,10,2026-03-03,\n"
        '5,form,,"1,50,00",2026-03-03,\n'
        "6,form,,10,gestern,\n"
        ",form,,10,2026-03-03,\n"
        "8,form,,0,2026-03-03,\n"
    )
    with commands.recorded():
        counts = await take(customers, tmp_path, "spend", SPEND, text)
    assert await commands.unindexed() == []
    assert (counts.created, counts.rejected) == (2, 6)
    assert [(row["line"], row["column"]) for row in rejected(tmp_path)] == [
        ("4", "touchpoint"),
        ("5", "campaign"),
        ("6", "Betrag"),
        ("7", "Tag"),
        ("8", "Beleg"),
        ("9", "amount/amount"),
    ]
    counts = await take(customers, tmp_path, "spend", SPEND, text.replace('"1.250,50"', '"1.300,00"'))
    assert (counts.created, counts.changed, counts.unchanged, counts.rejected) == (0, 1, 1, 6)
    listed = await customers.call(spend_pb2.BatchListSpendRequest(campaign_ids=[campaign]))
    assert [edge.node.amount.amount for edge in listed.pages[campaign].edges] == ["99.00"]


CUSTOMERS = """
source = "febrl"
external_id = "Nr"
given_name = "Vorname"
family_name = "Nachname"
emails = ["Mail", "Mail 2"]
phones = ["Telefon"]
[address]
lines = ["Strasse"]
postal_code = "PLZ"
country = {value = "DE"}
"""


async def test_customers_are_taken_once_and_corrected(customers: Running, tmp_path: Path) -> None:
    text = (
        "Nr,Vorname,Nachname,Mail,Mail 2,Telefon,Strasse,PLZ\n"
        "1,Ida,Berg,ida@Example.org,,030 123456,Weg 1,10115\n"
        "2,Udo,Tal,,,,,\n"
        "3,Eva,See,keine,,,,\n"
        ",Ute,Hof,,,,,\n"
    )
    counts = await take(customers, tmp_path, "customers", CUSTOMERS, text)
    assert (counts.created, counts.rejected) == (3, 1)
    # An address that is none does not lose the row.
    told = rejected(tmp_path)
    assert [(row["line"], row["column"]) for row in told] == [("4", "fields/emails/0"), ("5", "Nr")]
    assert [row["reason"].startswith("left out: ") for row in told] == [True, False]
    key = customer_pb2.ExternalId(source="febrl", id="1")
    found = (await customers.call(customer_pb2.FindCustomerRequest(external_id=key))).customer
    assert (found.display_name, list(found.emails), list(found.phones)) == (
        "Ida Berg",
        ["ida@example.org"],
        ["+4930123456"],
    )
    assert (found.addresses[0].postal_code, list(found.addresses[0].lines)) == ("10115", ["Weg 1"])
    counts = await take(customers, tmp_path, "customers", CUSTOMERS, text.replace("Tal", "Thal"))
    assert (counts.created, counts.changed, counts.unchanged, counts.rejected) == (0, 1, 2, 1)


async def test_what_is_no_row_or_no_mapping_says_so(customers: Running, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no column .*Beleg"):
        await take(customers, tmp_path, "spend", SPEND, "Wo\n1\n")
    for wrong, what in (
        ("colour = 1", "colour"),
        ("", "source"),
        ('source = "a"\nday = {value = "x", column = "y"}', "day"),
    ):
        (tmp_path / "wrong.toml").write_text(wrong)
        with pytest.raises(MappingError, match=what):
            read(SpendMapping, tmp_path / "wrong.toml")


async def test_rows_are_taken_of_who_may_say_them(customers: Running) -> None:
    row = pb.ImportedRow(line=2, touchpoint=pb.ImportedTouchpoint(key="a"))
    for caller in (Caller("reader", frozenset({"customers:read"})), partner("shop")):
        fault: Any = await customers.fault(pb.ImportRowsRequest(source="books", rows=[row]), caller)
        assert isinstance(fault, Forbidden)
    answer = await customers.call(pb.ImportRowsRequest(source="books", rows=[row]))
    assert [(one.line, list(one.error.path)) for one in answer.rejected] == [(2, ["channel"])]
