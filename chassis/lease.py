"""A lease: of all replicas one does a job, and another takes over when that one is gone."""

from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from chassis.mongo import Database
from chassis.times import utc_now


class Lease:
    """Held by `holder` for `seconds` from each successful `hold`; renewed by calling `hold` again in time."""

    def __init__(self, database: Database, name: str, holder: str, *, seconds: float = 5.0) -> None:
        self._collection = database["leases"]
        self._name = name
        self._holder = holder
        self._lifetime = timedelta(seconds=seconds)
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

    async def release(self) -> None:
        await self._collection.update_one({"_id": self._name, "holder": self._holder}, {"$set": {"until": utc_now()}})
