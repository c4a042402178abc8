"""Where alerts are kept, and how far each KPI has been judged: written together, so that a breach is told once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import ONE_REPLY, Database, Document, Session, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.metrics.alert.charts import Chart, Figure, Scale
from services.metrics.alert.domain import (
    PREFIX,
    Alert,
    Breach,
    Closed,
    Ending,
    Happening,
    Kind,
    Opened,
    State,
    Wanted,
)

OWN_SOURCE = "rundblick"
ORDER = (("sequence", DESCENDING),)

_SEQUENCE = "alerts"

# Of which values the state was made, and the state.
Judged = tuple[str, State]


class MongoAlertRepository:
    def __init__(self, database: Database) -> None:
        self._alerts = database["alerts"]
        self._states = database["alert_states"]
        self._stamps = database["stamps"]

    async def ensure_indexes(self) -> None:
        await self._alerts.create_index(ORDER, name="sequence")
        await self._alerts.create_index([("kpi", ASCENDING), *ORDER], name="kpi")
        # The open ones are few: their indexes hold nothing else.
        open_ones: dict[str, Any] = {"partialFilterExpression": {"open": True}}
        await self._alerts.create_index([("open", ASCENDING), *ORDER], name="open", **open_ones)
        await self._alerts.create_index([("kpi", ASCENDING), ("open", ASCENDING), *ORDER], name="open_kpi", **open_ones)

    # ------------------------------------------------------------------------------- alerts

    async def of_ids(self, caller: Caller, ids: Iterable[str]) -> dict[str, Alert]:
        found = self._alerts.find({"_id": {"$in": list(ids)}, **visible_to(caller)}, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def open_of(self, caller: Caller, kpis: Iterable[str]) -> dict[str, list[Alert]]:
        """KPI -> its open ones. Who is limited has none: they are about everything together."""
        if caller.sources is not None:
            return {}
        condition = {"kpi": {"$in": list(kpis)}, "open": True, **visible_to(caller)}
        answers: dict[str, list[Alert]] = {}
        async for document in self._alerts.find(condition, batch_size=ONE_REPLY).sort(list(ORDER)):
            answers.setdefault(document["kpi"], []).append(_from_document(document))
        return answers

    async def page(self, caller: Caller, page: Page, wanted: Wanted) -> Slice[Alert]:
        """What happened last comes first."""
        conditions = [{**_condition(wanted), **visible_to(caller)}, keyset_filter(ORDER, page)]
        if wanted.after is not None:
            conditions.append({"sequence": {"$gt": wanted.after}})
        documents = await (
            self._alerts.find({"$and": conditions}).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["sequence"],) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def position(self, caller: Caller) -> int:
        """The sequence of what happened last."""
        found = await self._stamps.find_one({"_id": _SEQUENCE})
        return int(found["n"]) if found else 0

    # ------------------------------------------------------------------------------- judging

    async def states(self, caller: Caller) -> dict[str, Judged]:
        """Of every KPI that was ever judged."""
        return {one["_id"]: _judged(one) async for one in self._states.find({}, batch_size=ONE_REPLY)}

    async def keep(
        self,
        caller: Caller,
        session: Session,
        kpi: str,
        seen: Judged | None,
        after: Judged | None,
        happenings: Sequence[Happening],
        now: datetime,
    ) -> bool:
        """after: None: it is judged no more. False: another has judged since what was seen, and nothing is written."""
        document = await self._states.find_one({"_id": kpi}, session=session)
        if (None if document is None else _judged(document)) != seen:
            return False
        if after is None:
            await self._states.delete_one({"_id": kpi}, session=session)
        else:
            # Two at once conflict here: the other one starts anew, and finds this.
            await self._states.replace_one({"_id": kpi}, _state_document(kpi, after), upsert=True, session=session)
        for happening in happenings:
            sequence = await self._next(session)
            if isinstance(happening, Opened):
                await self._alerts.insert_one(_to_document(kpi, happening, now, sequence), session=session)
            else:
                await self._alerts.update_one(
                    {"kpi": kpi, "kind": happening.kind.value, "open": True},
                    {"$set": {**_closing(happening), "closed_at": now, "open": False, "sequence": sequence}},
                    session=session,
                )
        return True

    async def _next(self, session: Session) -> int:
        """Whoever takes one later commits later: the two conflict."""
        document = await self._stamps.find_one_and_update(
            {"_id": _SEQUENCE},
            {"$inc": {"n": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return int(document["n"])


def _condition(wanted: Wanted) -> Document:
    condition: Document = {}
    if wanted.kpis:
        condition["kpi"] = {"$in": list(wanted.kpis)}
    if wanted.open_only:
        condition["open"] = True
    return condition


def _to_document(kpi: str, opened: Opened, now: datetime, sequence: int) -> Document:
    return {
        "_id": new_id(PREFIX),
        "kpi": kpi,
        "kind": opened.kind.value,
        "day": opened.figure.day.isoformat(),
        "value": opened.figure.value,
        "n": opened.figure.n,
        "lower": opened.lower,
        "upper": opened.upper,
        "centre": opened.centre,
        "opened_at": now,
        "opened_sequence": sequence,
        "sequence": sequence,
        "open": True,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _closing(closed: Closed) -> Document:
    return {"closed_day": closed.day.isoformat(), "ending": closed.ending.value}


def _from_document(document: Mapping[str, Any]) -> Alert:
    kind = Kind(document["kind"])
    closed = None
    if not document["open"]:
        closed = Closed(kind, date.fromisoformat(document["closed_day"]), Ending(document["ending"]))
    return Alert(
        id=document["_id"],
        kpi=document["kpi"],
        opened=Opened(
            kind,
            Figure(date.fromisoformat(document["day"]), document["n"], document["value"]),
            document["lower"],
            document["upper"],
            document["centre"],
        ),
        opened_at=document["opened_at"],
        opened_sequence=document["opened_sequence"],
        sequence=document["sequence"],
        closed=closed,
        closed_at=document.get("closed_at"),
    )


def _state_document(kpi: str, judged: Judged) -> Document:
    made_of, state = judged
    return {
        "_id": kpi,
        "made_of": made_of,
        "judged": state.judged.isoformat() if state.judged else None,
        "since": state.since.isoformat() if state.since else None,
        "left_out": sorted(day.isoformat() for day in state.left_out),
        "breaches": [_breach_document(breach) for breach in state.breaches],
    }


def _judged(document: Mapping[str, Any]) -> Judged:
    return document["made_of"], State(
        judged=_day(document["judged"]),
        breaches=tuple(_breach(one) for one in document["breaches"]),
        left_out=frozenset(map(date.fromisoformat, document["left_out"])),
        since=_day(document["since"]),
    )


def _breach_document(breach: Breach) -> Document:
    chart = breach.chart
    return {
        "kind": breach.kind.value,
        "day": breach.day.isoformat(),
        "judged": breach.judged,
        "inside": breach.inside,
        "chart": {"scale": chart.scale.value, "centre": chart.centre, "unit": chart.unit, "days": chart.days}
        if chart
        else None,
    }


def _breach(document: Mapping[str, Any]) -> Breach:
    chart = document["chart"]
    return Breach(
        kind=Kind(document["kind"]),
        day=date.fromisoformat(document["day"]),
        judged=document["judged"],
        inside=document["inside"],
        chart=Chart(Scale(chart["scale"]), chart["centre"], chart["unit"], chart["days"]) if chart else None,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
