"""Where teams are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import ONE_REPLY, Database, Session

OWN_SOURCE = "rundblick"


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    key: str
    name: str


class MongoTeamRepository:
    """Teams are the company's own: every caller may know their names."""

    def __init__(self, database: Database) -> None:
        self._teams = database["teams"]

    async def ensure_indexes(self) -> None:
        await self._teams.create_index([("key", ASCENDING)], name="key", unique=True)

    async def of_ids(self, caller: Caller, ids: Iterable[str]) -> dict[str, Team]:
        documents = self._teams.find({"_id": {"$in": list(ids)}}, batch_size=ONE_REPLY)
        return {d["_id"]: Team(d["_id"], d["key"], d["name"]) async for d in documents}

    async def of_keys(self, caller: Caller, keys: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """key -> id."""
        documents = self._teams.find({"key": {"$in": list(keys)}}, {"key": 1}, session=session, batch_size=ONE_REPLY)
        return {document["key"]: document["_id"] async for document in documents}

    async def add(self, caller: Caller, names: Mapping[str, str], session: Session) -> dict[str, str]:
        """key -> name; answers key -> id."""
        if not names:
            return {}
        ids = {key: new_id("tea") for key in names}
        await self._teams.insert_many(
            [
                {"_id": ids[key], "key": key, "name": name, "source": OWN_SOURCE, "team": ids[key], "owner": None}
                for key, name in names.items()
            ],
            session=session,
        )
        return ids
