"""Reads when and where customers spoke to the company, for some of them and for all of them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document
from services.customers.recommendation.domain import Contacts
from services.customers.touchpoint.domain import Channel

# Of all customers: so many contacts, the newest, say when people come.
_NEWEST = 20_000
_INBOUND = {"direction": "INBOUND", "touchpoint": {"$gt": ""}}


class MongoContactRepository:
    """zone: IANA name of the one in which hours are told."""

    def __init__(self, database: Database, zone: str) -> None:
        self._interactions = database["interactions"]
        self._hour: Document = {"$hour": {"date": "$occurred_at", "timezone": zone}}

    async def of_customers(self, caller: Caller, customers: Iterable[str], day: date) -> dict[str, list[Contacts]]:
        """day: on which a touchpoint must still be there."""
        found: defaultdict[str, list[Contacts]] = defaultdict(list)
        pipeline: list[Document] = [
            {"$match": {"customer": {"$in": list(customers)}, **_INBOUND}},
            {
                "$group": {
                    "_id": {"customer": "$customer", "touchpoint": "$touchpoint", "hour": self._hour},
                    "n": {"$sum": 1},
                }
            },
            {
                "$group": {
                    "_id": {"customer": "$_id.customer", "touchpoint": "$_id.touchpoint"},
                    "hours": {"$push": {"hour": "$_id.hour", "n": "$n"}},
                }
            },
            *_with_channel("$_id.touchpoint"),
        ]
        async for document in self._interactions.aggregate(pipeline, batchSize=ONE_REPLY):
            key = document["_id"]
            hours = {one["hour"]: one["n"] for one in document["hours"]}
            ends = document["place"][0]["active_to"]
            there = ends is None or date.fromisoformat(ends) >= day
            found[key["customer"]].append(Contacts(key["touchpoint"], Channel(document["channel"]), hours, there))
        return {id: sorted(some, key=lambda one: one.touchpoint) for id, some in found.items()}

    async def of_all(self, caller: Caller) -> dict[Channel, dict[int, int]]:
        """Channel -> hour of the day -> how many of the newest contacts."""
        found: defaultdict[Channel, dict[int, int]] = defaultdict(dict)
        pipeline: list[Document] = [
            {"$sort": {"_id": -1}},
            {"$limit": _NEWEST},
            {"$match": _INBOUND},
            {"$group": {"_id": {"touchpoint": "$touchpoint", "hour": self._hour}, "n": {"$sum": 1}}},
            *_with_channel("$_id.touchpoint"),
            {"$group": {"_id": {"channel": "$channel", "hour": "$_id.hour"}, "n": {"$sum": "$n"}}},
        ]
        async for document in self._interactions.aggregate(pipeline, batchSize=ONE_REPLY):
            found[Channel(document["_id"]["channel"])][document["_id"]["hour"]] = document["n"]
        return dict(found)


def _with_channel(touchpoint: str) -> list[Document]:
    """What happened at a touchpoint that is not known any more is left out."""
    return [
        {"$set": {"place": touchpoint}},
        {"$lookup": {"from": "touchpoints", "localField": "place", "foreignField": "_id", "as": "place"}},
        {"$set": {"channel": {"$first": "$place.channel"}}},
        {"$match": {"channel": {"$gt": ""}}},
    ]
