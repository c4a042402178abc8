"""A lease: of all replicas one does a job, and another takes over when that one is gone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from chassis.mongo import Database
from chassis.times import utc_now

log = logging.getLogger(__name__)


class Lease:
    """Held by `holder` for `seconds` from each successful `hold`; renewed by calling `hold` again in time."""

    def __init__(self, database: Database, name: str, holder: str, *, seconds: float = 5.0) -> None:
        self._collection = database["leases"]
        self._name = name
        self._holder = holder
        self._lifetime = timedelta(seconds=seconds)
        self._renewal = seconds / 3
        self.fence = 0

    async def hold(self) -> bool:
        """Take or renew it. `fence` grows with each change of holder: a writer that was overtaken can be told."""
        now = utc_now()
        try:
            document = await self._collection.find_one_and_update(
                {"_id": self._name, "$or": [{"holder": self._holder}, {"until": {"$lte": now}}]},
                [
                    {
                        "$set": {
                            "until": now + self._lifetime,
                            "fence": {
                                "$cond": [
                                    {"$eq": ["$holder", self._holder]},
                                    "$fence",
                                    {"$add": [{"$ifNull": ["$fence", 0]}, 1]},
                                ]
                            },
                            "holder": self._holder,
                        }
                    }
                ],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            return False
        self.fence = document["fence"]
        return True

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Keep a lease that is held for as long as the block runs, however long one step of it takes."""
        task = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._renewal)
            try:
                await self.hold()
            except PyMongoError as error:
                log.debug("lease %s: %s", self._name, type(error).__name__)

    async def release(self) -> None:
        await self._collection.update_one({"_id": self._name, "holder": self._holder}, {"$set": {"until": utc_now()}})
