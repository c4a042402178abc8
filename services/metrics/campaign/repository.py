"""Where the plans of campaigns are kept."""

from collections.abc import Iterable, Sequence
from datetime import date

from bson import Decimal128
from pymongo import ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, in_transaction
from services.metrics.campaign.domain import Goal, Plan

OWN_SOURCE = "rundblick"


class MongoPlanRepository:
    """A copy, in the words of customers, which owns them; found by id alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans = database["campaign_plans"]

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Plan]:
        found = self._plans.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def put(self, caller: Caller, plans: Sequence[Plan]) -> None:
        """Each that is newer than what is known; in any order, any number of times."""
        newest = {plan.campaign: plan for plan in sorted(plans, key=lambda plan: plan.version)}

        async def work(session: Session) -> None:
            known = await self.of_ids(caller, newest, session)
            writes = [
                ReplaceOne({"_id": id}, _to_document(plan), upsert=True)
                for id, plan in newest.items()
                if id not in known or known[id].version < plan.version
            ]
            if writes:
                await self._plans.bulk_write(writes, session=session)

        await in_transaction(self._database, work)


def _to_document(plan: Plan) -> Document:
    goal = plan.goal
    return {
        "_id": plan.campaign,
        "running": plan.running,
        "starts_on": plan.starts_on.isoformat(),
        "ends_on": plan.ends_on.isoformat(),
        "budget": Decimal128(plan.budget),
        "currency": plan.currency,
        "goal": {"kpi": goal.kpi, "target": goal.target, "due_on": goal.due_on.isoformat()} if goal else None,
        "rule": plan.rule,
        "days": plan.days,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
        "version": plan.version,
    }


def _from_document(document: Document) -> Plan:
    goal = document["goal"]
    return Plan(
        campaign=document["_id"],
        version=document["version"],
        running=document["running"],
        starts_on=date.fromisoformat(document["starts_on"]),
        ends_on=date.fromisoformat(document["ends_on"]),
        budget=document["budget"].to_decimal(),
        currency=document["currency"],
        goal=Goal(goal["kpi"], goal["target"], date.fromisoformat(goal["due_on"])) if goal else None,
        rule=document["rule"],
        days=document["days"],
    )
