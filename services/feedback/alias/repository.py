"""Where it is kept whose source records are, and whose old golden ids."""

from collections.abc import Iterable, Mapping

from pymongo import UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Session


class MongoAliasRepository:
    """One document per source record that a fact came in for, and per golden id that was ever merged."""

    def __init__(self, database: Database) -> None:
        self._aliases = database["aliases"]

    async def ensure_indexes(self) -> None:
        """Everything is asked by id."""

    async def present(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """id -> the golden id of today, of those that are known."""
        documents = self._aliases.find(
            {"_id": {"$in": list(ids)}}, {"customer": 1}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: document["customer"] async for document in documents}

    async def hold(self, caller: Caller, records: Mapping[str, str], session: Session) -> dict[str, str]:
        """source record -> the golden id of today; no merge or split may change that before the session commits.

        records: source record -> the golden id it had when it was looked up, for those not known here yet.
        """
        if not records:
            return {}
        await self._aliases.bulk_write(
            [
                UpdateOne(
                    {"_id": record}, {"$inc": {"held": 1}, "$setOnInsert": {"customer": customer, "n": 0}}, upsert=True
                )
                for record, customer in sorted(records.items())
            ],
            session=session,
        )
        return await self.present(caller, records, session)

    async def move(self, caller: Caller, id: str, customer: str, version: int, session: Session) -> str:
        """Take what is newer than what is known; answers the golden id of today."""
        newer = {"$gt": [version, {"$ifNull": ["$n", -1]}]}
        await self._aliases.update_one(
            {"_id": id},
            [
                {
                    "$set": {
                        "customer": {"$cond": [newer, customer, "$customer"]},
                        "n": {"$cond": [newer, version, "$n"]},
                        # Written even when nothing is new: who holds the record at the same time must notice.
                        "held": {"$add": [{"$ifNull": ["$held", 0]}, 1]},
                    }
                }
            ],
            upsert=True,
            session=session,
        )
        return (await self.present(caller, [id], session))[id]
