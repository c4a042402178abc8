"""Answers KpiService calls: read the request, ask the reader, put the answers in the order of the questions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rundblick.metrics.v1 import kpi_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import DomainError, Forbidden, InvalidInput
from chassis.page import encode_cursor, page_info, page_of
from chassis.watching import Changes
from services.metrics.kpi import messages
from services.metrics.kpi.access import EMPLOYEE, forced_on
from services.metrics.kpi.catalogue import Catalogue, Catalogues
from services.metrics.kpi.defining import Defining
from services.metrics.kpi.deriving import Deriving
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import EVERYTHING, aligned
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.kpi.results import Asked, Result

LARGEST_BATCH = 100
MOST_SUBJECTS = 200
MOST_ROWS = 1_000
_CELLS = 500
_WATCHED = timedelta(days=30)
_DIMENSION: Mapping[int, str] = {
    pb.SUBJECT_KIND_TOUCHPOINT: "touchpoint",
    pb.SUBJECT_KIND_EMPLOYEE: EMPLOYEE,
    pb.SUBJECT_KIND_CAMPAIGN: "campaign",
    pb.SUBJECT_KIND_SEGMENT: "segment",
    pb.SUBJECT_KIND_SURVEY: "survey",
}


class KpiServicer(kpi_pb2_grpc.KpiServiceServicer):
    """alerts: of a KPI that are open, as the caller may see them: with them, what is watched has changed."""

    def __init__(
        self,
        catalogues: Catalogues,
        reader: Reader,
        defining: Defining,
        kpis: MongoKpiRepository,
        changes: Changes,
        alerts: Callable[[Caller, str], Awaitable[Sequence[str]]],
        freshness: Callable[[], datetime],
        now: Callable[[], datetime],
    ) -> None:
        self._catalogues = catalogues
        self._now = now
        self._reader = reader
        self._defining = defining
        self._kpis = kpis
        self._changes = changes
        self._alerts = alerts
        self._freshness = freshness

    async def BatchGetKpis(self, request: pb.BatchGetKpisRequest, context: Any) -> pb.BatchGetKpisResponse:
        response = pb.BatchGetKpisResponse()
        catalogue = await self._catalogues.knowing((*request.ids, *request.keys))
        for asked in (*request.ids, *request.keys):
            try:
                response.answers[asked].value.CopyFrom(self._kpi(catalogue, catalogue.newest(asked)))
            except DomainError as error:
                response.answers[asked].error.CopyFrom(item_error(error.fault))
        return response

    async def ListKpis(self, request: pb.ListKpisRequest, context: Any) -> pb.ListKpisResponse:
        catalogue = await self._catalogues.current()
        kpis = (*catalogue.all, *catalogue.archived) if request.archived else catalogue.all
        return pb.ListKpisResponse(kpis=[self._kpi(catalogue, kpi) for kpi in kpis])

    def _kpi(self, catalogue: Catalogue, kpi: Kpi) -> pb.Kpi:
        return messages.kpi_to_proto(kpi, catalogue.sets_of(kpi), self._now())

    async def DefineKpi(self, request: pb.DefineKpiRequest, context: Any) -> pb.DefineKpiResponse:
        return await self._defining.define(current_caller(), request)

    async def ArchiveKpi(self, request: pb.ArchiveKpiRequest, context: Any) -> pb.ArchiveKpiResponse:
        return await self._defining.archive(current_caller(), request)

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        part = await self._kpis.jobs(current_caller(), page_of(request.page, [str]))
        edges = [
            pb.JobEdge(cursor=encode_cursor(boundary), node=messages.job_to_proto(kpi, fill, self._now()))
            for (kpi, fill), boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListJobsResponse(edges=edges, page_info=page_info(part))

    async def ExportCells(self, request: pb.ExportCellsRequest, context: Any) -> AsyncIterator[pb.ExportCellsResponse]:
        catalogue = await self._catalogues.knowing([request.kpi])
        kpi = catalogue.get(request.kpi)
        if kpi.of:
            raise InvalidInput(
                f"{kpi.key} is derived and has no cells of its own: export {', '.join(kpi.of)}", ("kpi",)
            )
        days = messages.days_from_proto(request.period, catalogue.zone)
        question = Question(kpi, days, messages.where_from_proto(request.where), Asked())
        response = pb.ExportCellsResponse()
        async for values, day, later, parts in self._reader.kept(current_caller(), question, request.by):
            response.cells.append(messages.cell_to_proto(request.by, values, day, later, parts))
            if len(response.cells) == _CELLS:
                yield response
                response = pb.ExportCellsResponse()
        if response.cells:
            yield response

    async def WatchResult(self, request: pb.WatchResultRequest, context: Any) -> AsyncIterator[pb.WatchResultResponse]:
        caller = current_caller()
        told = None
        async for _ in self._changes.each():
            catalogue = await self._catalogues.knowing([request.kpi])
            now = self._now()
            days = aligned(now - _WATCHED, now, catalogue.zone)
            question = Question(catalogue.get(request.kpi), days, {}, messages.asked_from_proto(request.selection))
            reader = Deriving(self._reader, catalogue)
            freshness = self._freshness()
            (result,) = await reader.results(caller, [question])
            said = (question.kpi, days, result, await self._alerts(caller, question.kpi.key))
            if said != told:
                told = said
                yield pb.WatchResultResponse(result=_proto(question, result, freshness, request.language))

    async def BatchGetResults(self, request: pb.BatchGetResultsRequest, context: Any) -> pb.BatchGetResultsResponse:
        if len(request.queries) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} queries", ("queries",))
        caller, freshness = current_caller(), self._freshness()
        catalogue = await self._catalogues.knowing(query.kpi for query in request.queries)
        reader = Deriving(self._reader, catalogue)
        answers: list[pb.KpiResultAnswer | None] = []
        questions: list[Question] = []
        for query in request.queries:
            try:
                questions.append(reader.admitted(caller, self._question(catalogue, query)))
                answers.append(None)
            except DomainError as error:
                answers.append(pb.KpiResultAnswer(error=item_error(error.fault)))
        found = iter(zip(questions, await reader.results(caller, questions), strict=True))
        return pb.BatchGetResultsResponse(
            answers=[
                answer or pb.KpiResultAnswer(value=_proto(*next(found), freshness, query.language))
                for answer, query in zip(answers, request.queries, strict=True)
            ]
        )

    async def GetSeries(self, request: pb.GetSeriesRequest, context: Any) -> pb.GetSeriesResponse:
        catalogue = await self._catalogues.knowing([request.query.kpi])
        question, freshness = self._question(catalogue, request.query), self._freshness()
        granularity = messages.granularity_from_proto(request.granularity)
        found = await Deriving(self._reader, catalogue).series(current_caller(), question, granularity)
        return pb.GetSeriesResponse(
            points=[
                pb.KpiPoint(
                    period=messages.period_to_proto(days),
                    result=_proto(replace(question, days=days), result, freshness, request.query.language),
                )
                for days, result in found
            ]
        )

    async def GetBreakdown(self, request: pb.GetBreakdownRequest, context: Any) -> pb.GetBreakdownResponse:
        catalogue = await self._catalogues.knowing([request.query.kpi])
        question, freshness = self._question(catalogue, request.query), self._freshness()
        first = request.first if request.HasField("first") else MOST_ROWS
        if not 0 <= first <= MOST_ROWS:
            raise InvalidInput(f"first lies between 0 and {MOST_ROWS}", ("first",))
        reader = Deriving(self._reader, catalogue)
        question = reader.admitted(current_caller(), question, request.by)
        rows = await reader.breakdown(current_caller(), question, request.by, first)
        return pb.GetBreakdownResponse(
            rows=[
                pb.KpiBreakdownRow(
                    key=[
                        pb.DimensionValue(dimension=dimension, value=value)
                        for dimension, value in zip(request.by, values, strict=True)
                    ],
                    result=_proto(question, result, freshness, request.query.language),
                )
                for values, result in rows
            ]
        )

    async def BatchGetSubjectResults(
        self, request: pb.BatchGetSubjectResultsRequest, context: Any
    ) -> pb.BatchGetSubjectResultsResponse:
        caller, ids = current_caller(), list(dict.fromkeys(request.ids))
        if len(ids) > MOST_SUBJECTS:
            raise InvalidInput(f"a call has at most {MOST_SUBJECTS} ids", ("ids",))
        catalogue = await self._catalogues.knowing(request.keys)
        response = pb.BatchGetSubjectResultsResponse()
        if request.kind != pb.SUBJECT_KIND_EMPLOYEE:
            await self._of_subjects(caller, catalogue, request, ids, response)
            return response
        # One's own are always shown, whoever else is asked for in the same call.
        for some in ([id for id in ids if id == caller.employee], [id for id in ids if id != caller.employee]):
            try:
                await self._of_subjects(caller, catalogue, request, some, response)
            except Forbidden as error:
                for id in some:
                    response.answers[id].error.CopyFrom(item_error(error.fault))
        return response

    async def _of_subjects(
        self,
        caller: Caller,
        catalogue: Catalogue,
        request: pb.BatchGetSubjectResultsRequest,
        ids: Sequence[str],
        response: pb.BatchGetSubjectResultsResponse,
    ) -> None:
        if not ids:
            return
        freshness, asked = self._freshness(), messages.asked_from_proto(request.selection)
        period = messages.days_from_proto(request.period, catalogue.zone) if request.HasField("period") else None
        reader, kpis = Deriving(self._reader, catalogue), [catalogue.get(key) for key in dict.fromkeys(request.keys)]
        found: Mapping[str, Sequence[Result | None]]
        if request.kind == pb.SUBJECT_KIND_CUSTOMER:
            kpis = kpis or [kpi for kpi in _all(catalogue) if kpi.per_customer]
            questions = [Question(kpi, period or EVERYTHING, {}, asked) for kpi in kpis]
            found = await reader.of_customers(caller, ids, kpis, period, asked)
        elif request.kind in _DIMENSION:
            dimension = _DIMENSION[request.kind]
            where = {dimension: tuple(ids)}
            kept = {*where, *forced_on(caller, where)}
            kpis = kpis or [kpi for kpi in _all(catalogue) if kept in map(set, catalogue.sets_of(kpi))]
            plain = [Question(kpi, period or EVERYTHING, where, asked) for kpi in kpis]
            questions = [reader.admitted(caller, question) for question in plain]
            found = await reader.of_values(caller, dimension, ids, kpis, period or EVERYTHING, asked)
        else:
            raise InvalidInput("the kind of subject is not known", ("kind",))
        for id, results in found.items():
            response.answers[id].value.results.extend(
                messages.not_kept(question.kpi, question.days, freshness, request.language)
                if result is None
                else _proto(question, result, freshness, request.language)
                for question, result in zip(questions, results, strict=True)
            )
            response.answers[id].value.SetInParent()

    def _question(self, catalogue: Catalogue, query: pb.ResultQuery) -> Question:
        return Question(
            kpi=catalogue.get(query.kpi),
            days=messages.days_from_proto(query.period, catalogue.zone),
            where=messages.where_from_proto(query.where),
            asked=messages.asked_from_proto(query.selection),
            as_of=messages.as_of_from_proto(query, self._now(), catalogue.zone),
        )


def _proto(question: Question, result: Result, freshness: datetime, language: str) -> pb.KpiResult:
    return messages.result_to_proto(question.kpi, question.days, result, freshness, question.as_of, language)


def _all(catalogue: Catalogue) -> list[Kpi]:
    return [catalogue.get(kpi.key) for kpi in catalogue.all]
