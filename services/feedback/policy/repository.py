"""Where policies are kept, each version for itself."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from services.feedback.enquiry.domain.facts import WaitKind
from services.feedback.policy.domain import Policy, Target, in_order


class MongoPolicyRepository:
    """Policies are the company's own."""

    def __init__(self, database: Database) -> None:
        self._policies = database["policies"]

    async def ensure_indexes(self) -> None:
        present: Document = {"present": True}
        await self._policies.create_index(
            [("key", ASCENDING)], name="present", unique=True, partialFilterExpression=present
        )
        await self._policies.create_index([("policy", ASCENDING), ("version", ASCENDING)], name="versions", unique=True)

    async def all(self, caller: Caller) -> list[Policy]:
        """Every version of every one."""
        return await self._found({**of_sources(caller)})

    async def present(self, caller: Caller, session: Session | None = None) -> list[Policy]:
        """The newest version of each, by order."""
        return await self._found({"present": True, **of_sources(caller)}, session)

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Policy]:
        found = await self._found({"policy": {"$in": list(ids)}, "present": True, **of_sources(caller)}, session)
        return {one.id: one for one in found}

    async def _found(self, condition: Document, session: Session | None = None) -> list[Policy]:
        found = self._policies.find(condition, session=session, batch_size=ONE_REPLY)
        return in_order([from_document(document) async for document in found])

    async def save(self, caller: Caller, policy: Policy, session: Session) -> None:
        """Its former versions hold until it begins."""
        await self._policies.update_many({"policy": policy.id}, {"$set": {"present": False}}, session=session)
        await self._policies.update_many(
            {"policy": policy.id, "$or": [{"until": None}, {"until": {"$gt": policy.since}}]},
            {"$set": {"until": policy.since}},
            session=session,
        )
        await self._policies.insert_one(to_document(policy), session=session)


def to_document(policy: Policy) -> Document:
    return {
        "_id": f"{policy.id}/{policy.version}",
        "policy": policy.id,
        "key": policy.key,
        "name": policy.name,
        "condition": policy.condition,
        "targets": [
            {"kind": one.kind.value, "seconds": one.most.total_seconds(), "business": one.business}
            for one in policy.targets
        ],
        "order": policy.order,
        "pauses": policy.pauses,
        "at_risk_share": policy.at_risk_share,
        "since": policy.since,
        "until": policy.until,
        "active": policy.active,
        "present": True,
        "version": policy.version,
        "source": policy.source,
        "team": None,
        "owner": None,
    }


def from_document(document: Mapping[str, Any]) -> Policy:
    return Policy(
        id=document["policy"],
        key=document["key"],
        name=document["name"],
        condition=document["condition"],
        targets=tuple(
            Target(WaitKind(one["kind"]), timedelta(seconds=one["seconds"]), one["business"])
            for one in document["targets"]
        ),
        order=document["order"],
        pauses=document["pauses"],
        at_risk_share=document["at_risk_share"],
        since=document["since"],
        until=document["until"],
        active=document["active"],
        version=document["version"],
        source=document["source"],
    )
