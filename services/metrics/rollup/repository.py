"""Where cells, open waits and the figures of customers are kept.

A cell document holds a month of one combination of dimension values: `m` the whole month, `d` each of its days. So a
long period reads one sum per month, and only its edges read days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne, UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.metrics.kpi.domain import Kpi
from services.metrics.rollup.decimals import from_stored, to_decimal128
from services.metrics.rollup.domain import Flat, Group, OpenWaits, Query, month_of
from services.metrics.rollup.sketch import LOG_GAMMA, SMALLEST

_SEPARATOR = "\x1f"


def name_of(kpi: Kpi) -> str:
    return f"{kpi.key}/{kpi.version}"


# (kpi, set, values, month) -> day -> parts
CellKey = tuple[str, tuple[str, ...], tuple[str, ...], str]
Increments = Mapping[CellKey, Mapping[int, Flat]]


class MongoRollupRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._cells = database["cells"]
        self._open = database["open_waits"]
        self._customers = database["customer_figures"]
        self._watermarks = database["watermarks"]

    async def ensure_indexes(self) -> None:
        await self._cells.create_index([(name, ASCENDING) for name in ("k", "s", "v0", "v1", "t")], name="period")
        await self._open.create_index([("k", ASCENDING), ("started_at", ASCENDING)], name="started")
        await self._open.create_index([("customer", ASCENDING), ("k", ASCENDING)], name="customer")

    # ------------------------------------------------------------- what the folder writes

    async def position(self, caller: Caller, session: Session, partition: int) -> int:
        mark = await self._watermarks.find_one({"_id": partition}, session=session)
        return int(mark["n"]) if mark else 0

    async def move(self, caller: Caller, session: Session, partition: int, position: int) -> None:
        """Two folders at once conflict here, so one of them does nothing."""
        await self._watermarks.update_one({"_id": partition}, {"$max": {"n": position}}, upsert=True, session=session)

    async def add(self, caller: Caller, session: Session, cells: Increments) -> None:
        writes = [
            UpdateOne(
                {"_id": _SEPARATOR.join((kpi, "+".join(dimensions), *values, month))},
                {
                    "$inc": increments,
                    "$setOnInsert": {
                        "k": kpi,
                        "s": "+".join(dimensions),
                        "t": month,
                        **{f"v{place}": value for place, value in enumerate(values)},
                    },
                },
                upsert=True,
            )
            for (kpi, dimensions, values, month), days in cells.items()
            if (increments := _increments(days))
        ]
        if writes:
            await self._cells.bulk_write(writes, ordered=False, session=session)

    async def keep_open(
        self, caller: Caller, session: Session, waits: Mapping[tuple[str, str], Document | None]
    ) -> None:
        """(kpi, subject) -> the open wait, or None when it is open no more."""
        writes: list[Any] = [
            DeleteOne({"_id": f"{kpi}{_SEPARATOR}{subject}"})
            if wait is None
            else ReplaceOne({"_id": f"{kpi}{_SEPARATOR}{subject}"}, {"k": kpi, **wait}, upsert=True)
            for (kpi, subject), wait in waits.items()
        ]
        if writes:
            await self._open.bulk_write(writes, ordered=False, session=session)

    async def customer_documents(
        self, caller: Caller, ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Document]:
        found = self._customers.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document async for document in found}

    async def keep_customers(self, caller: Caller, session: Session, documents: Sequence[Document]) -> None:
        if documents:
            await self._customers.bulk_write(
                [ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents], ordered=False, session=session
            )

    # ------------------------------------------------------------------------- what is asked

    async def cells(self, caller: Caller, queries: Sequence[Query]) -> list[dict[tuple[str, ...], Group]]:
        """Of each query, the groups by the values of its dimensions; one command for all of them."""
        found: list[dict[tuple[str, ...], Group]] = [defaultdict(Group) for _ in queries]
        async for document in self._union(self._cells, [_cell_pipeline(query) for query in queries]):
            query = queries[document["query"]]
            values = tuple(document.get(f"v{place}", "") for place in range(len(query.dimensions)))
            group = found[document["query"]][values]
            if "m" in document:
                group.parts.add(from_stored(document["m"]))
            for day, parts in document.get("d", {}).items():
                at = date.fromisoformat(f"{document['t']}-{int(day):02}")
                if query.start <= at < query.end:
                    of_day = from_stored(parts)
                    group.parts.add(of_day)
                    if query.days:
                        group.days.setdefault(at, type(group.parts)()).add(of_day)
        return [dict(groups) for groups in found]

    async def open_waits(
        self, caller: Caller, queries: Sequence[Query], now: datetime
    ) -> list[dict[tuple[tuple[str, ...], date | None], OpenWaits]]:
        """Of each query: (values, start day where days are wanted) -> who waits; one command for all of them."""
        found: list[dict[tuple[tuple[str, ...], date | None], OpenWaits]] = [defaultdict(OpenWaits) for _ in queries]
        async for document in self._union(self._open, [_open_pipeline(query, now) for query in queries]):
            group = document["_id"]
            day = group["day"].date() if "day" in group else None
            waits = found[document["query"]][tuple(value or "" for value in group["values"]), day]
            waits.add(_bin(group["bin"]), document["count"], document["due_later"], document["oldest"])
        return [dict(groups) for groups in found]

    async def open_waits_of_customers(
        self, caller: Caller, ids: Iterable[str], kpis: Sequence[Kpi]
    ) -> dict[tuple[str, str], list[datetime]]:
        """(customer, kpi) -> when those that still wait began."""
        found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        condition = {"customer": {"$in": list(ids)}, "k": {"$in": [name_of(kpi) for kpi in kpis]}}
        async for document in self._open.find(
            condition, {"customer": 1, "k": 1, "started_at": 1}, batch_size=ONE_REPLY
        ):
            found[document["customer"], document["k"]].append(document["started_at"])
        return found

    def _union(self, collection: Any, pipelines: Sequence[list[Document]]) -> Any:
        """All pipelines as one command; each result says which `query` it belongs to."""
        marked = [[*pipeline, {"$set": {"query": place}}] for place, pipeline in enumerate(pipelines)]
        first = marked[0]
        others = [{"$unionWith": {"coll": collection.name, "pipeline": pipeline}} for pipeline in marked[1:]]
        return collection.aggregate([*first, *others], batchSize=ONE_REPLY)


def _increments(days: Mapping[int, Flat]) -> Document:
    """The sums as $inc, for each day and for the month."""
    document: Document = {}
    month: Flat = {}
    for day, flat in days.items():
        for name, value in flat.items():
            if value:
                document[f"d.{day}.{name}"] = _stored(name, value)
                month[name] = month.get(name, 0) + value
    document |= {f"m.{name}": _stored(name, value) for name, value in month.items() if value}
    return document


def _stored(name: str, value: int) -> object:
    # Sums outgrow 64 bits; counts do not.
    return to_decimal128(value) if name in ("s", "q") else value


def _months(query: Query) -> tuple[str, str, list[str]]:
    """The first and last month, and those of which only a part is wanted."""
    last = query.end - timedelta(days=1)
    partial = []
    if query.start.day != 1:
        partial.append(month_of(query.start))
    if query.end.day != 1:
        partial.append(month_of(last))
    return month_of(query.start), month_of(last), partial


def _cell_pipeline(query: Query) -> list[Document]:
    first, last, partial = _months(query)
    match: Document = {
        "k": name_of(query.kpi),
        "s": "+".join(query.dimensions),
        "t": {"$gte": first, "$lte": last},
    }
    for dimension, values in query.where:
        match[f"v{query.dimensions.index(dimension)}"] = {"$in": list(values)}
    kept: Document = {"t": 1, **{f"v{place}": 1 for place in range(len(query.dimensions))}}
    if query.days:
        kept["d"] = 1
    else:
        is_partial = {"$in": ["$t", partial]}
        kept["d"] = {"$cond": [is_partial, "$d", "$$REMOVE"]}
        kept["m"] = {"$cond": [is_partial, "$$REMOVE", "$m"]}
    return [{"$match": match}, {"$project": kept}]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _open_pipeline(query: Query, now: datetime) -> list[Document]:
    match: Document = {
        "k": name_of(query.kpi),
        "started_at": {"$gte": _midnight(query.start), "$lt": _midnight(query.end)},
    }
    for dimension, values in query.where:
        match[f"dimensions.{dimension}"] = {"$in": list(values)}
    elapsed = {"$divide": [{"$subtract": [now, "$started_at"]}, 1000]}
    # The bin of sketch.key_of, computed where the data is.
    place = {
        "$cond": [
            {"$lt": ["$elapsed", SMALLEST]},
            None,
            {"$ceil": {"$divide": [{"$ln": {"$max": ["$elapsed", SMALLEST]}}, LOG_GAMMA]}},
        ]
    }
    group: Document = {
        "values": [{"$ifNull": [f"$dimensions.{dimension}", None]} for dimension in query.dimensions],
        "bin": place,
    }
    if query.days:
        group["day"] = {"$dateTrunc": {"date": "$started_at", "unit": "day"}}
    target = query.kpi.target
    due_later = 0 if target is None else {"$cond": [{"$lte": ["$elapsed", target]}, 1, 0]}
    return [
        {"$match": match},
        {"$set": {"elapsed": elapsed}},
        {
            "$group": {
                "_id": group,
                "count": {"$sum": 1},
                "due_later": {"$sum": due_later},
                "oldest": {"$min": "$started_at"},
            }
        },
    ]


def _bin(place: float | None) -> str:
    return "z" if place is None else f"p{int(place)}"
