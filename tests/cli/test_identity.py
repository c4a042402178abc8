"""Possible duplicates are looked for from the command line, in a process of its own."""

from typing import Any

import pytest
from typer.testing import CliRunner

from chassis.caller import service_caller
from chassis.mongo import Database, in_transaction
from cli.__main__ import app
from services.customers.customer.repository import MongoCustomerRepository
from tests.customers.matching.people import customer


async def test_the_command_compares_all_customers_and_says_how_many(
    database: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    twins: list[dict[str, Any]] = [
        {"given_name": "Zoe", "family_name": name, "emails": ["zoe@x.de"]} for name in ("Ahrens", "Arens")
    ]
    people = [customer(f"cus_{number}", str(number), **said) for number, said in enumerate(twins)]
    repository = MongoCustomerRepository(database)
    await in_transaction(database, lambda s: repository.add(service_caller("customers"), people, s))
    monkeypatch.setenv("RUNDBLICK_DATABASE", database.name)
    run = CliRunner().invoke(app, ["identity", "candidates", "--mongo-uri", mongo_uri, "--threshold", "0.5"])
    said = capfd.readouterr()
    assert run.exit_code == 0, said.err
    assert "2 customers; pairs: 1, new: 1, merged: 0, no longer likely: 0" in said.out
    [kept] = await database["duplicate_candidates"].find({}).to_list(None)
    assert sorted(kept["customers"]) == ["cus_0", "cus_1"]

    monkeypatch.setenv("RUNDBLICK_LINKAGE_MEMORY", "much")
    wrong = CliRunner().invoke(app, ["identity", "candidates", "--mongo-uri", mongo_uri])
    assert wrong.exit_code == 2
    assert "RUNDBLICK_LINKAGE_MEMORY" in capfd.readouterr().err
