"""What is asked of MongoDB for a question: cells, sets of different customers and open waits, as pipelines."""

from datetime import datetime, timedelta

from chassis.mongo import Document
from services.metrics.event.domain import MANY_VALUED
from services.metrics.rollup.domain import Query, month_of
from services.metrics.rollup.sketch import LOG_GAMMA, SMALLEST


def cell_pipelines(query: Query) -> list[list[Document]]:
    """Whole months by their sum. Of a month that is only partly wanted its days, or its sum and the days not wanted.

    Whichever are fewer: so that the edges of a period cost at most half a month, whatever it is that days hold. Where
    each day is wanted on its own, or as it once stood, no sum helps.
    """
    if query.start >= query.end:
        return [days_pipeline(query)]
    by_day = query.days or query.as_of is not None
    last = query.end - timedelta(days=1)
    months: dict[str, tuple[int, int]] = {}
    if query.start.day != 1 or (month_of(query.start) == month_of(last) and query.end.day != 1):
        months[month_of(query.start)] = (query.start.day, last.day if month_of(last) == month_of(query.start) else 31)
    if query.end.day != 1 and month_of(last) not in months:
        months[month_of(last)] = (1, last.day)
    whole = {"$gte": month_of(query.start), "$lte": month_of(last), "$nin": list(months)}
    pipelines = [[{"$match": _match(query, whole)}, {"$project": _kept(query, "d" if by_day else "m")}]]
    for month, (first, final) in months.items():
        inside = range(first, final + 1)
        outside = [day for day in range(1, 32) if day not in inside]
        if by_day or len(inside) <= len(outside):
            wanted = [f"d.{day}" for day in inside]
            pipelines.append([{"$match": _match(query, month)}, {"$project": _kept(query, *wanted)}])
        else:
            unwanted = [f"d.{day}" for day in outside]
            kept: Document = {**_kept(query, "m", *unwanted), "less": {"$literal": True}}
            pipelines.append([{"$match": _match(query, month)}, {"$project": kept}])
    return pipelines


def _match(query: Query, months: object) -> Document:
    match: Document = {"k": query.kpi.cells, "s": "+".join(query.dimensions), "t": months}
    for dimension, values in query.where:
        match[f"v{query.dimensions.index(dimension)}"] = {"$in": list(values)}
    return match


def _kept(query: Query, *fields: str) -> Document:
    return {"t": 1, **{f"v{place}": 1 for place in range(len(query.dimensions))}, **dict.fromkeys(fields, 1)}


def days_pipeline(query: Query) -> list[Document]:
    """All days of all months that the period touches."""
    months = {"$gte": month_of(query.start), "$lte": month_of(query.end - timedelta(days=1))}
    return [{"$match": _match(query, months)}, {"$project": _kept(query, "d")}]


def set_pipeline(query: Query) -> list[Document]:
    match: Document = {
        "k": query.kpi.cells,
        "s": "+".join(query.dimensions),
        "t": {"$gte": query.start.isoformat(), "$lt": query.end.isoformat()},
    }
    for dimension, values in query.where:
        match[f"v{query.dimensions.index(dimension)}"] = {"$in": list(values)}
    return [{"$match": match}]


def open_pipeline(query: Query, now: datetime) -> list[Document]:
    midnight = query.zone.midnight
    end = midnight(query.end)
    if query.as_of is not None:
        now = midnight(query.as_of)
        end = min(end, now)
    match: Document = {
        "k": query.kpi.cells,
        "started_at": {"$gte": midnight(query.start), "$lt": end},
        "c": {"$gt": 0},
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
        group["day"] = {"$dateTrunc": {"date": "$started_at", "unit": "day", "timezone": query.zone.name}}
    target = query.kpi.target
    many: list[Document] = []
    due_later = 0 if target is None else {"$cond": [{"$lte": ["$elapsed", target]}, 1, 0]}
    for dimension in MANY_VALUED.intersection(query.dimensions):
        each = f"dimensions.{dimension}"
        many += [{"$unwind": f"${each}"}, {"$match": {each: match[each]} if each in match else {}}]
    return [
        {"$match": match},
        *many,
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


def bin_of(place: float | None) -> str:
    return "z" if place is None else f"p{int(place)}"
