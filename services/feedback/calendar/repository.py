"""Where calendars are kept."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from services.feedback.calendar.domain.calendar import Calendar, Interval, Intervals


class MongoCalendarRepository:
    """Calendars are the company's own."""

    def __init__(self, database: Database) -> None:
        self._calendars = database["calendars"]

    async def ensure_indexes(self) -> None:
        await self._calendars.create_index([("key", ASCENDING)], name="key", unique=True)
        # Two that are defined at the same moment see nothing of each other.
        for places in ("touchpoints", "teams"):
            await self._calendars.create_index(
                [(places, ASCENDING)], name=places, unique=True, partialFilterExpression={places: {"$gt": ""}}
            )
        await self._calendars.create_index(
            [("default", ASCENDING)], name="default", unique=True, partialFilterExpression={"default": True}
        )

    async def all(self, caller: Caller, session: Session | None = None) -> list[Calendar]:
        """By key."""
        found = self._calendars.find(of_sources(caller), session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found.sort("key", ASCENDING)]

    async def of_touchpoints(self, caller: Caller, touchpoints: Sequence[str]) -> dict[str, Calendar]:
        """The calendar of each touchpoint, its own or else the default."""
        wanted: Document = {"$or": [{"touchpoints": {"$in": list(touchpoints)}}, {"default": True}]}
        found = self._calendars.find({**wanted, **of_sources(caller)}, batch_size=ONE_REPLY)
        calendars = [from_document(document) async for document in found]
        default = next((one for one in calendars if one.default), None)
        own = {touchpoint: one for one in calendars for touchpoint in one.touchpoints}
        holding = {id: own.get(id, default) for id in touchpoints}
        return {id: one for id, one in holding.items() if one is not None}

    async def save(self, caller: Caller, calendar: Calendar, session: Session) -> None:
        await self._calendars.replace_one({"_id": calendar.id}, to_document(calendar), upsert=True, session=session)


def to_document(calendar: Calendar) -> Document:
    return {
        "_id": calendar.id,
        "key": calendar.key,
        "name": calendar.name,
        "zone": calendar.zone,
        "week": [_intervals_to_document(intervals) for intervals in calendar.week],
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "exceptions": [
            {"date": day.isoformat(), "intervals": _intervals_to_document(intervals)}
            for day, intervals in sorted(calendar.exceptions.items())
        ],
        "touchpoints": list(calendar.touchpoints),
        "teams": list(calendar.teams),
        "default": calendar.default,
        "version": calendar.version,
        "source": calendar.source,
        "team": None,
        "owner": None,
    }


def from_document(document: Mapping[str, Any]) -> Calendar:
    return Calendar(
        id=document["_id"],
        key=document["key"],
        name=document["name"],
        zone=document["zone"],
        week=tuple(map(_intervals_from_document, document["week"])),
        country=document["country"],
        subdivision=document["subdivision"],
        exceptions={
            date.fromisoformat(one["date"]): _intervals_from_document(one["intervals"])
            for one in document["exceptions"]
        },
        touchpoints=tuple(document["touchpoints"]),
        teams=tuple(document["teams"]),
        default=document["default"],
        source=document["source"],
        version=document["version"],
    )


def _intervals_to_document(intervals: Intervals) -> list[Document]:
    return [{"begin": one.begin, "end": one.end} for one in intervals]


def _intervals_from_document(documents: Sequence[Mapping[str, Any]]) -> Intervals:
    return tuple(Interval(one["begin"], one["end"]) for one in documents)
