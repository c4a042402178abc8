"""MongoDB: opened here only, always as a replica set, writes by transaction and majority."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from chassis.errors import Unavailable

Document = dict[str, Any]

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase

    Database = AsyncIOMotorDatabase[Document]
    Collection = AsyncIOMotorCollection[Document]
    Session = AsyncIOMotorClientSession
else:
    Database = Collection = Session = Any

T = TypeVar("T")

DUPLICATE_KEY = 11000


@asynccontextmanager
async def open_database(uri: str, name: str) -> AsyncIterator[Database]:
    """The database of one service. Times come back aware, in UTC."""
    client: Any = AsyncIOMotorClient(
        uri,
        tz_aware=True,
        w="majority",
        journal=True,
        serverSelectionTimeoutMS=5000,
        connectTimeoutMS=5000,
        socketTimeoutMS=60_000,
        maxPoolSize=20,
        appname=f"rundblick-{name}",
    )
    try:
        yield client[name]
    finally:
        client.close()


async def answers(database: Database) -> bool:
    """Is there a primary that takes writes?"""
    hello = await database.command("hello")
    if "setName" not in hello:
        raise Unavailable("MongoDB is not a replica set: start it with --replSet and initiate it")
    return bool(hello.get("isWritablePrimary"))


async def in_transaction(database: Database, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Do `work` as one transaction; it is done again when MongoDB asks for it, so it must only write through `session`.

    Two writers that insert the same unique key at once: one of them does its work again and then finds the other's.
    """
    attempts = 3
    async with await database.client.start_session() as session:
        for attempt in range(attempts):
            try:
                done: T = await session.with_transaction(
                    work,
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority"),
                    read_preference=ReadPreference.PRIMARY,
                )
                return done
            except DuplicateKeyError:
                if attempt == attempts - 1:
                    raise
    raise AssertionError("the loop returns or raises")
