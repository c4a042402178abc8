"""Transactions take effect whole or not at all; a MongoDB that is no replica set is named as such."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import DuplicateKeyError
from pymongo.monitoring import CommandListener, CommandSucceededEvent

from chassis.errors import Unavailable
from chassis.mongo import Database, Session, answers, in_transaction, open_database
from cli.mongod import find_mongod, mongod_command
from tests.conftest import free_port


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def work(session: Session) -> None:
        await database["a"].insert_one({"_id": 1}, session=session)
        await database["b"].insert_one({"_id": 1}, session=session)
        raise KeyError("too late")

    with pytest.raises(KeyError):
        await in_transaction(database, work)
    assert await database["a"].count_documents({}) == await database["b"].count_documents({}) == 0


async def test_writers_that_change_one_document_at_once_all_count(database: Database) -> None:
    await database["counters"].insert_one({"_id": 1, "n": 0})

    async def work(session: Session) -> None:
        counter = await database["counters"].find_one({"_id": 1}, session=session)
        assert counter is not None
        await database["counters"].update_one({"_id": 1}, {"$set": {"n": counter["n"] + 1}}, session=session)

    await asyncio.gather(*(in_transaction(database, work) for _ in range(10)))
    assert await database["counters"].find_one({"_id": 1}) == {"_id": 1, "n": 10}


async def test_two_that_insert_one_key_at_once_find_each_others(database: Database) -> None:
    await database["keys"].create_index("key", unique=True)

    async def work(session: Session) -> object:
        known = await database["keys"].find_one({"key": "a"}, session=session)
        if known is not None:
            return known["_id"]
        return (await database["keys"].insert_one({"key": "a"}, session=session)).inserted_id

    found = await asyncio.gather(*(in_transaction(database, work) for _ in range(6)))
    assert len(set(found)) == 1
    assert await database["keys"].count_documents({}) == 1


async def test_a_row_that_a_killed_writer_holds_is_told_as_unavailable(database: Database) -> None:
    await database["rows"].insert_one({"_id": 1, "n": 0})

    async def work(session: Session) -> None:
        await database["rows"].update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    async with await database.client.start_session() as dead:
        dead.start_transaction()
        await work(dead)
        with pytest.raises(Unavailable, match="busy"):
            await in_transaction(database, work, seconds=0.1)
        await dead.abort_transaction()
    await in_transaction(database, work)
    assert await database["rows"].find_one({"_id": 1}) == {"_id": 1, "n": 1}


async def test_our_own_mongod_ends_what_a_killed_writer_began(database: Database) -> None:
    answer = await database.client.admin.command({"getParameter": 1, "transactionLifetimeLimitSeconds": 1})
    assert answer["transactionLifetimeLimitSeconds"] == 15


async def test_a_key_that_stays_taken_is_told_after_three_tries(database: Database) -> None:
    await database["keys"].insert_one({"_id": 1})
    tries = 0

    async def work(session: Session) -> None:
        nonlocal tries
        tries += 1
        await database["keys"].insert_one({"_id": 1}, session=session)

    with pytest.raises(DuplicateKeyError):
        await in_transaction(database, work)
    assert tries == 3


async def test_a_replica_set_with_a_primary_answers(database: Database) -> None:
    assert await answers(database)


async def test_a_mongodb_that_is_no_replica_set_is_named_as_such(tmp_path: Path) -> None:
    port = free_port()
    command = [part for part in mongod_command(find_mongod(), tmp_path, port) if part not in ("--replSet", "rs0")]
    command.remove("--oplogSize")
    command.remove("990")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with open_database(f"mongodb://127.0.0.1:{port}/", "test") as database:
            with pytest.raises(Unavailable, match="not a replica set"):
                await answers(database)
    finally:
        process.terminate()
        await process.wait()


async def test_whoever_is_cancelled_within_a_commit_hears_of_nothing_else(mongo_uri: str, database: Database) -> None:
    committing = asyncio.Event()

    class Heard(CommandListener):
        """Tells when the server has committed, which the thread that asked for it does not know yet."""

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self._loop = loop

        def started(self, event: object) -> None: ...

        def succeeded(self, event: CommandSucceededEvent) -> None:
            if event.command_name == "commitTransaction":
                self._loop.call_soon_threadsafe(committing.set)

        def failed(self, event: object) -> None: ...

    client: Any = AsyncIOMotorClient(mongo_uri, w="majority", event_listeners=[Heard(asyncio.get_running_loop())])

    async def work(session: Session) -> None:
        await client[database.name]["rows"].insert_one({}, session=session)

    for _ in range(20):
        committing.clear()
        writing = asyncio.create_task(in_transaction(client[database.name], work))
        await committing.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    client.close()
