"""Where match rules, blocked values and the identifiers of source records are looked up."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from pymongo import ASCENDING, UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.customers.matching.domain import (
    BLOCKED,
    LARGEST_LIMIT,
    Identifier,
    IdentifierKind,
    MatchRule,
    Mode,
)

_DAY = 24 * 3600
OWN_SOURCE = "rundblick"


class MongoMatchingRepository:
    """Rules are the company's own, and say nothing of a customer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rules = database["match_rules"]
        self._blocked = database["blocked_values"]
        self._records = database["source_records"]
        self._looked_for = database["match_keys"]

    async def ensure_indexes(self) -> None:
        await self._records.create_index([("keys", ASCENDING), ("_id", ASCENDING)], name="keys")
        await self._looked_for.create_index("at", expireAfterSeconds=_DAY, name="expiry")

    async def rules(self, caller: Caller, session: Session | None = None) -> dict[str, MatchRule]:
        """Those that were defined here, by key, archived ones too. There are few."""
        found = self._rules.find({"_id": {"$gt": ""}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _rule(document) async for document in found}

    async def save(self, caller: Caller, rule: MatchRule, session: Session) -> None:
        await self._rules.replace_one({"_id": rule.key}, _document(rule), upsert=True, session=session)

    async def blocked_values(self, caller: Caller, session: Session | None = None) -> frozenset[str]:
        """Shipped ones too, but for those that were let in again."""
        found = self._blocked.find({"_id": {"$gt": ""}}, session=session, batch_size=ONE_REPLY)
        said = {document["_id"]: document["blocked"] async for document in found}
        return (BLOCKED | {value for value, holds in said.items() if holds}) - {v for v, h in said.items() if not h}

    async def block(self, caller: Caller, value: str, *, blocked: bool, session: Session) -> None:
        document = {"_id": value, "blocked": blocked, "source": OWN_SOURCE, "team": None, "owner": None}
        await self._blocked.replace_one({"_id": value}, document, upsert=True, session=session)

    async def hold(self, caller: Caller, keys: Iterable[str], now: datetime, session: Session) -> None:
        """Of two writers who look for the same keys at once, the second does its work again and sees the first's.

        Only a hash of each is kept, and for a day: they are personal data.
        """
        ids = [hashlib.sha256(key.encode()).digest() for key in sorted(keys)]
        seen: Document = {"$inc": {"times": 1}, "$set": {"at": now}}
        await self._looked_for.bulk_write(
            [UpdateOne({"_id": id}, seen, upsert=True) for id in ids], ordered=False, session=session
        )

    async def customers_with(self, caller: Caller, keys: Iterable[str], session: Session) -> set[str]:
        """Whose source records have one of the keys; of each key so many records that no rule merges any more."""
        most = LARGEST_LIMIT + 1
        found = self._database.aggregate(
            [
                {"$documents": [{"_id": key} for key in sorted(keys)]},
                {
                    "$lookup": {
                        "from": self._records.name,
                        "localField": "_id",
                        "foreignField": "keys",
                        "pipeline": [{"$sort": {"_id": 1}}, {"$limit": most}, {"$project": {"customer": 1}}],
                        "as": "found",
                    }
                },
            ],
            session=session,
            batchSize=ONE_REPLY,
        )
        return {record["customer"] async for document in found for record in document["found"]}


def _document(rule: MatchRule) -> Document:
    return {
        "_id": rule.key,
        "identifiers": [{"kind": i.kind.value, "of": i.of} for i in rule.identifiers],
        "priority": rule.priority,
        "limit": rule.limit,
        "mode": rule.mode.value,
        "enabled": rule.enabled,
        "version": rule.version,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _rule(document: Document) -> MatchRule:
    return MatchRule(
        key=document["_id"],
        identifiers=tuple(Identifier(IdentifierKind(i["kind"]), i["of"]) for i in document["identifiers"]),
        priority=document["priority"],
        limit=document["limit"],
        mode=Mode(document["mode"]),
        enabled=document["enabled"],
        version=document["version"],
    )
