"""Gathers the facts of many customers at once: one command for each kind of fact, whatever the number of customers."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.caller import Caller, service_caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.customers.consent.domain import ConsentStatus
from services.customers.consent.permissions import Permissions
from services.customers.facts.vocabulary import FactsOf

_WINDOWS = (30, 90, 365)


class Gathering:
    def __init__(self, database: Database, permissions: Permissions) -> None:
        self._customers = database["customers"]
        self._interactions = database["interactions"]
        self._touchpoints = database["touchpoints"]
        self._signals = database["signals"]
        self._opportunities = database["opportunities"]
        self._entries = database["consent_entries"]
        self._outcomes = database["offer_outcomes"]
        self._permissions = permissions

    async def of(
        self, caller: Caller, customers: Sequence[str], now: datetime, session: Session | None = None
    ) -> dict[str, FactsOf]:
        """customer -> name -> field -> value, of those that exist; all that is known, whoever brought it in."""
        found: dict[str, dict[str, Any]] = {}
        wanted = {"_id": {"$in": list(customers)}}
        async for document in self._customers.find(wanted, session=session, batch_size=ONE_REPLY):
            found[document["_id"]] = {
                "customer": _customer(document),
                "attributes": document["values"].get("attributes", {}),
                "now": now,
            }
        if not found:
            return {}
        ids = list(found)
        parts = {
            "interactions": await self._of_interactions(ids, now, session),
            "opportunities": await self._of_opportunities(ids, session),
            "offers": await self._of_outcomes(ids, session),
            "consents": await self._of_consents(ids, now, session),
        }
        for name, by_customer in parts.items():
            for id, facts in by_customer.items():
                found[id][name] = facts
        for id, signalled in (await self._of_signals(ids, session)).items():
            found[id] |= signalled
        return {id: {**_NOTHING, **facts} for id, facts in found.items()}

    async def _of_interactions(
        self, ids: list[str], now: datetime, session: Session | None
    ) -> dict[str, dict[str, Any]]:
        def count(condition: Document) -> Document:
            return {"$sum": {"$cond": [condition, 1.0, 0.0]}}

        def latest(condition: Document) -> Document:
            return {"$max": {"$cond": [condition, "$occurred_at", None]}}

        inbound, outbound = {"$eq": ["$direction", "INBOUND"]}, {"$eq": ["$direction", "OUTBOUND"]}
        purchase = {"$eq": ["$kind", "PURCHASE"]}
        group: Document = {
            "_id": "$customer",
            "count": {"$sum": 1.0},
            "inbound": count(inbound),
            "outbound": count(outbound),
            "purchases": count(purchase),
            "visits": count({"$eq": ["$kind", "VISIT"]}),
            "first_at": {"$min": "$occurred_at"},
            "last_at": {"$max": "$occurred_at"},
            "last_inbound_at": latest(inbound),
            "last_outbound_at": latest(outbound),
            "last_purchase_at": latest(purchase),
            "touchpoints": {"$addToSet": "$touchpoint"},
        }
        for days in _WINDOWS:
            group[f"last_{days}_days"] = count({"$gt": ["$occurred_at", now - timedelta(days=days)]})
        pipeline: list[Document] = [
            # What is said to happen later has not happened.
            {"$match": {"customer": {"$in": ids}, "occurred_at": {"$lte": now}}},
            {"$group": group},
        ]
        answered = self._interactions.aggregate(pipeline, session=session, batchSize=ONE_REPLY)
        found = {document.pop("_id"): document async for document in answered}
        places = {id: facts.pop("touchpoints") for id, facts in found.items()}
        # Many customers, few touchpoints: looked up once, not for each customer.
        channels = await self._channels({place for some in places.values() for place in some}, session)
        for id, facts in found.items():
            facts["channels"] = sorted({channels[place] for place in places[id] if place in channels})
        return found

    async def _channels(self, touchpoints: set[str | None], session: Session | None) -> dict[str | None, str]:
        if not (ids := sorted(filter(None, touchpoints))):
            return {}
        condition = {"_id": {"$in": ids}}
        found = self._touchpoints.find(condition, {"channel": 1}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document["channel"] async for document in found}

    async def _of_signals(self, ids: list[str], session: Session | None) -> dict[str, dict[str, Any]]:
        signals: defaultdict[str, list[Document]] = defaultdict(list)
        async for document in self._signals.find({"customer": {"$in": ids}}, session=session, batch_size=ONE_REPLY):
            signals[document["customer"]].append(document)
        return {id: _signalled(some) for id, some in signals.items()}

    async def _of_opportunities(self, ids: list[str], session: Session | None) -> dict[str, dict[str, Any]]:
        def count(stages: Document) -> Document:
            return {"$sum": {"$cond": [stages, 1.0, 0.0]}}

        won, lost = {"$eq": ["$stage", "CLOSED_WON"]}, {"$eq": ["$stage", "CLOSED_LOST"]}
        pipeline: list[Document] = [
            {"$match": {"customer": {"$in": ids}}},
            {
                "$group": {
                    "_id": "$customer",
                    "open": count({"$not": {"$in": ["$stage", ["CLOSED_WON", "CLOSED_LOST"]]}}),
                    "won": count(won),
                    "lost": count(lost),
                    "last_won_at": {"$max": {"$cond": [won, "$closed_at", None]}},
                }
            },
        ]
        answered = self._opportunities.aggregate(pipeline, session=session, batchSize=ONE_REPLY)
        return {document.pop("_id"): document async for document in answered}

    async def _of_outcomes(self, ids: list[str], session: Session | None) -> dict[str, dict[str, Any]]:
        found: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"accepted": [], "declined": []})
        wanted = {"customer": {"$in": ids}, "outcome": {"$in": ["ACCEPTED", "CONVERTED", "DECLINED"]}}
        async for document in self._outcomes.find(wanted, session=session, batch_size=ONE_REPLY).sort("at", 1):
            facts = found[document["customer"]]
            if document["outcome"] == "DECLINED":
                facts["declined"].append(document["offer"])
            else:
                facts["accepted"].append(document["offer"])
                facts["last_accepted_at"] = document["at"]
        return found

    async def _of_consents(self, ids: list[str], now: datetime, session: Session | None) -> dict[str, dict[str, Any]]:
        # Most customers never said anything of it.
        said = await self._entries.distinct("customer", {"customer": {"$in": ids}}, session=session)
        ledgers = await self._permissions.ledgers(service_caller("customers"), said, session) if said else {}
        return {
            id: {
                "granted": sorted(
                    f"{consent.channel.value}:{consent.purpose.value}"
                    for consent in ledger.consents(now)
                    if consent.status is ConsentStatus.GRANTED
                )
            }
            for id, ledger in ledgers.items()
        }


def _customer(document: Document) -> dict[str, Any]:
    values = document["values"]
    countries = [address["country"] for address in values.get("addresses", ()) if address.get("country")]
    return {
        "kind": document["kind"],
        "locale": values.get("locale"),
        "countries": list(dict.fromkeys(countries)),
        "sources": document["sources"],
        "has_owner": bool(document["owner"]),
        "owner": document["owner"],
        "created_at": document["created_at"],
        "updated_at": document["updated_at"],
    }


def _signalled(signals: Sequence[Document]) -> dict[str, Any]:
    """What the signals of one customer say together; the order in which they came says nothing."""
    enquiries = [one for one in signals if one["kind"] == "ENQUIRY"]
    scores: dict[str, Any] = {}
    for one in sorted((s for s in signals if s["kind"] == "SCORE"), key=lambda s: (s["at"], s["_id"])):
        survey = one["survey"].lower()
        scores[survey], scores[f"{survey}_at"] = one["value"], one["at"]
    needs: dict[str, Any] = {}
    open_needs = [one for one in signals if one["kind"] == "NEED" and one["open"]]
    for name, need in (("wishes", "WISH"), ("problems", "PROBLEM")):
        needs[name] = sorted({topic for one in open_needs if one["need"] == need for topic in one["topics"]})
    return {
        "enquiries": {
            "open": float(sum(one["open"] for one in enquiries)),
            "total": float(len(enquiries)),
            "last_opened_at": max((one["at"] for one in enquiries), default=None),
        },
        "scores": scores,
        "needs": {**needs, "count": float(len(open_needs))},
    }


_NOTHING: FactsOf = {
    "interactions": {
        "count": 0.0,
        "inbound": 0.0,
        "outbound": 0.0,
        "purchases": 0.0,
        "visits": 0.0,
        **{f"last_{days}_days": 0.0 for days in _WINDOWS},
    },
    "enquiries": {"open": 0.0, "total": 0.0},
    "needs": {"count": 0.0},
    "opportunities": {"open": 0.0, "won": 0.0, "lost": 0.0},
    "scores": {},
    "offers": {},
    "consents": {},
}
