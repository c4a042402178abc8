"""MongoDB: opened here only, always as a replica set, writes by transaction and majority."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket
from pymongo import WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from chassis.caller import Caller, Reach
from chassis.errors import Forbidden, Unavailable

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

# As batch size: everything that was asked for comes in one reply, up to the 16 MB a reply holds.
ONE_REPLY = 100_000

# How often a taken unique key, and for how long a conflict, makes a transaction start anew.
_DUPLICATES = 2
_TRANSACTION_SECONDS = 30.0


def of_sources(caller: Caller, field: str = "source") -> Document:
    """A partner sees what came in through its own sources, and nothing else. field: one source, or a list of them."""
    return {} if caller.sources is None else {field: {"$in": sorted(caller.sources)}}


def of_rows(caller: Caller) -> Document:
    """As far as the scope of the call goes: all, what is one's team's or one's own, or that alone."""
    if caller.rows is Reach.ALL:
        return {}
    own = {"owner": caller.employee}
    if caller.rows is Reach.TEAM and caller.team is not None:
        return {"$or": [own, {"team": caller.team}]} if caller.employee is not None else {"team": caller.team}
    if caller.employee is None:
        # Nobody's records are not those of a caller who is nobody.
        raise Forbidden("this caller has no records of their own")
    return own


def visible_to(caller: Caller) -> Document:
    """The condition every read of a document with rows carries: source, team and owner are in all of them."""
    return {**of_sources(caller), **of_rows(caller)}


def require_source(caller: Caller, source: str) -> None:
    """Forbidden: a partner writes in the name of its own sources only."""
    if caller.sources is not None and source not in caller.sources:
        raise Forbidden(f"this caller does not write as {source}", ("source",))


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


def open_bucket(database: Database, name: str) -> AsyncIOMotorGridFSBucket:
    """Large contents, in parts, beside the documents (GridFS). No transaction holds them."""
    return AsyncIOMotorGridFSBucket(database, bucket_name=name)


async def answers(database: Database) -> bool:
    """Is there a primary that takes writes?"""
    hello = await database.command("hello")
    if "setName" not in hello:
        raise Unavailable("MongoDB is not a replica set: start it with --replSet and initiate it")
    return bool(hello.get("isWritablePrimary"))


class Indexed(Protocol):
    async def ensure_indexes(self) -> None: ...


class Readiness:
    """Asks whether the database answers; makes the indexes when it does so for the first time.

    So a process starts while MongoDB is away, and serves as soon as it is there.
    """

    def __init__(self, database: Database, *owners: Indexed) -> None:
        self._database = database
        self._owners = owners
        self._indexed = False

    async def ensure_indexes(self) -> None:
        for owner in self._owners:
            await owner.ensure_indexes()
        self._indexed = True

    async def __call__(self) -> bool:
        if not await answers(self._database):
            return False
        if not self._indexed:
            await self.ensure_indexes()
        return True


async def in_transaction(
    database: Database, work: Callable[[Session], Coroutine[Any, Any, T]], *, seconds: float = _TRANSACTION_SECONDS
) -> T:
    """Do `work` as one transaction; it is done again when MongoDB asks for it, so it must only write through `session`.

    Two writers that insert the same unique key at once: one of them does its work again and then finds the other's.
    Unavailable: others were in the way for all of `seconds`; nothing was written.
    """
    until = time.monotonic() + seconds
    duplicates = conflicts = 0
    async with await database.client.start_session() as session:
        while True:
            # Not Motor's with_transaction: that one commits outside its own loop, so a conflict at the commit is not
            # tried again but raised.
            session.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
            try:
                done = await work(session)
                await _commit(session, until)
                return done
            except BaseException as error:
                if session.in_transaction:  # type: ignore[truthy-function]  # a property, whatever the stub says
                    # Cancelled within the commit, a thread is still at it and the abort is refused: what is told is
                    # why the work ended, never that. The session's end ends whatever is left.
                    with suppress(PyMongoError):
                        await session.abort_transaction()
                if is_duplicate(error) and duplicates < _DUPLICATES:
                    duplicates += 1
                elif _asks_for_another_try(error, "TransientTransactionError", until):
                    conflicts += 1
                    # The longer writers get in each other's way, the further apart they try again.
                    await asyncio.sleep(random.uniform(0, min(0.005 * 1.5**conflicts, 0.5)))  # noqa: S311  # no secret
                elif _is_transient(error):
                    # Most likely a writer that was killed: MongoDB ends its transaction after a while.
                    raise Unavailable("the database is busy with another write of the same") from error
                else:
                    raise


async def _commit(session: Session, until: float) -> None:
    while True:
        try:
            await session.commit_transaction()
            return
        except PyMongoError as error:
            if not _asks_for_another_try(error, "UnknownTransactionCommitResult", until):
                raise


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")


def _asks_for_another_try(error: BaseException, label: str, until: float) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label(label) and time.monotonic() < until


async def some_ids(collection: Collection, after: str | None, size: int, session: Session | None = None) -> list[str]:
    """The next ids in their order; without a place to start, any, by chance."""
    if after is None:
        pipeline: list[Document] = [{"$sample": {"size": size}}, {"$project": {"_id": 1}}]
        found = await collection.aggregate(pipeline, session=session).to_list(size)
    else:
        next_ones = collection.find({"_id": {"$gt": after}}, {"_id": 1}, session=session, batch_size=ONE_REPLY)
        found = await next_ones.sort("_id", 1).limit(size).to_list(size)
    return [document["_id"] for document in found]


async def documents_after(
    collection: Collection, after: str, size: int, session: Session | None = None
) -> list[Document]:
    """The next ones in the order of their ids."""
    found = collection.find({"_id": {"$gt": after}}, session=session, batch_size=ONE_REPLY).sort("_id", 1)
    return await found.limit(size).to_list(size)


def is_duplicate(error: BaseException) -> bool:
    """Was a unique key taken already?"""
    if isinstance(error, BulkWriteError):
        return any(fault["code"] == DUPLICATE_KEY for fault in (error.details or {}).get("writeErrors", ()))
    return isinstance(error, DuplicateKeyError)
