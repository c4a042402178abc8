"""Answers KpiService calls: read the request, ask the reader, put the answers in the order of the questions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rundblick.metrics.v1 import kpi_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import DomainError, InvalidInput
from services.metrics.kpi import messages
from services.metrics.kpi.domain import Catalogue, Kpi
from services.metrics.kpi.periods import EVERYTHING, Days
from services.metrics.kpi.reader import Question, Reader
from services.metrics.kpi.results import Result

LARGEST_BATCH = 100
MOST_SUBJECTS = 200
MOST_ROWS = 1_000


class KpiServicer(kpi_pb2_grpc.KpiServiceServicer):
    def __init__(
        self,
        catalogue: Catalogue,
        reader: Reader,
        freshness: Callable[[], datetime],
        now: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._now = now
        self._reader = reader
        self._freshness = freshness

    async def BatchGetKpis(self, request: pb.BatchGetKpisRequest, context: Any) -> pb.BatchGetKpisResponse:
        response = pb.BatchGetKpisResponse()
        for asked in (*request.ids, *request.keys):
            try:
                response.answers[asked].value.CopyFrom(messages.kpi_to_proto(self._catalogue.get(asked)))
            except DomainError as error:
                response.answers[asked].error.CopyFrom(item_error(error.fault))
        return response

    async def ListKpis(self, request: pb.ListKpisRequest, context: Any) -> pb.ListKpisResponse:
        return pb.ListKpisResponse(kpis=map(messages.kpi_to_proto, self._catalogue.all))

    async def BatchGetResults(self, request: pb.BatchGetResultsRequest, context: Any) -> pb.BatchGetResultsResponse:
        if len(request.queries) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} queries", ("queries",))
        caller, freshness = current_caller(), self._freshness()
        answers: list[pb.KpiResultAnswer | None] = []
        questions: list[Question] = []
        for query in request.queries:
            try:
                question = self._question(query)
                self._reader.check(caller, question)
                questions.append(question)
                answers.append(None)
            except DomainError as error:
                answers.append(pb.KpiResultAnswer(error=item_error(error.fault)))
        results = iter(await self._reader.results(caller, questions))
        asked = iter(questions)
        return pb.BatchGetResultsResponse(
            answers=[
                answer or pb.KpiResultAnswer(value=_proto(next(asked), next(results), freshness)) for answer in answers
            ]
        )

    async def GetSeries(self, request: pb.GetSeriesRequest, context: Any) -> pb.GetSeriesResponse:
        question, freshness = self._question(request.query), self._freshness()
        granularity = messages.granularity_from_proto(request.granularity)
        found = await self._reader.series(current_caller(), question, granularity)
        return pb.GetSeriesResponse(
            points=[
                pb.KpiPoint(
                    period=messages.period_to_proto(days),
                    result=messages.result_to_proto(question.kpi, days, result, freshness, question.as_of),
                )
                for days, result in found
            ]
        )

    async def GetBreakdown(self, request: pb.GetBreakdownRequest, context: Any) -> pb.GetBreakdownResponse:
        question, freshness = self._question(request.query), self._freshness()
        first = request.first if request.HasField("first") else MOST_ROWS
        if not 0 <= first <= MOST_ROWS:
            raise InvalidInput(f"first lies between 0 and {MOST_ROWS}", ("first",))
        rows = await self._reader.breakdown(current_caller(), question, request.by, first)
        return pb.GetBreakdownResponse(
            rows=[
                pb.KpiBreakdownRow(
                    key=[
                        pb.DimensionValue(dimension=dimension, value=value)
                        for dimension, value in zip(request.by, values, strict=True)
                    ],
                    result=_proto(question, result, freshness),
                )
                for values, result in rows
            ]
        )

    async def BatchGetSubjectResults(
        self, request: pb.BatchGetSubjectResultsRequest, context: Any
    ) -> pb.BatchGetSubjectResultsResponse:
        caller, freshness = current_caller(), self._freshness()
        ids = list(dict.fromkeys(request.ids))
        if len(ids) > MOST_SUBJECTS:
            raise InvalidInput(f"a call has at most {MOST_SUBJECTS} ids", ("ids",))
        kpis = [self._catalogue.get(key) for key in dict.fromkeys(request.keys)] or list(self._catalogue.all)
        days = messages.days_from_proto(request.period) if request.HasField("period") else None
        found = await self._of_subjects(caller, request, ids, kpis, days)
        response = pb.BatchGetSubjectResultsResponse()
        for id, results in found.items():
            response.answers[id].value.results.extend(
                messages.withheld(kpi, days or EVERYTHING, freshness)
                if result is None
                else messages.result_to_proto(kpi, days or EVERYTHING, result, freshness)
                for kpi, result in zip(kpis, results, strict=True)
            )
            response.answers[id].value.SetInParent()
        return response

    async def _of_subjects(
        self,
        caller: Caller,
        request: pb.BatchGetSubjectResultsRequest,
        ids: Sequence[str],
        kpis: Sequence[Kpi],
        days: Days | None,
    ) -> dict[str, Any]:
        asked = messages.asked_from_proto(request.selection)
        if not ids:
            return {}
        if request.kind == pb.SUBJECT_KIND_CUSTOMER:
            return dict(await self._reader.of_customers(caller, ids, kpis, days, asked))
        if request.kind == pb.SUBJECT_KIND_TOUCHPOINT:
            return dict(await self._reader.of_touchpoints(caller, ids, kpis, days or EVERYTHING, asked))
        raise InvalidInput("the kind of subject is CUSTOMER or TOUCHPOINT", ("kind",))

    def _question(self, query: pb.ResultQuery) -> Question:
        where: dict[str, tuple[str, ...]] = {}
        for condition in query.where:
            if condition.dimension in where:
                raise InvalidInput(f"{condition.dimension} comes twice", ("where",))
            where[condition.dimension] = tuple(dict.fromkeys(condition.values))
        return Question(
            kpi=self._catalogue.get(query.kpi),
            days=messages.days_from_proto(query.period),
            where=where,
            asked=messages.asked_from_proto(query.selection),
            as_of=messages.as_of_from_proto(query, self._now()),
        )


def _proto(question: Question, result: Result, freshness: datetime) -> pb.KpiResult:
    return messages.result_to_proto(question.kpi, question.days, result, freshness, question.as_of)
