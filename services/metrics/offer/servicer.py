"""Answers OfferResultService calls."""

from typing import Any

from rundblick.metrics.v1 import offer_pb2 as pb
from rundblick.metrics.v1 import offer_pb2_grpc

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import Forbidden, InvalidInput
from services.metrics.evidence.shares import compare_shares
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.kpi.deriving import Deriving
from services.metrics.kpi.messages import days_from_proto
from services.metrics.kpi.periods import EVERYTHING, Days
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import Asked
from services.metrics.offer.domain import Counted, uplift
from services.metrics.offer.messages import to_proto

LARGEST_BATCH = 200
_KPI = "offer_conversion_rate"
_BY = ("offer", "group")
_TREATED, _CONTROL = "TREATED", "CONTROL"


class OfferResultServicer(offer_pb2_grpc.OfferResultServiceServicer):
    def __init__(self, catalogues: Catalogues, reader: Reader) -> None:
        self._catalogues = catalogues
        self._reader = reader

    async def BatchGetOfferUplifts(
        self, request: pb.BatchGetOfferUpliftsRequest, context: Any
    ) -> pb.BatchGetOfferUpliftsResponse:
        caller = _of_everything()
        ids = list(dict.fromkeys(request.ids))
        if len(ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} ids", ("ids",))
        catalogue = await self._catalogues.current()
        days = days_from_proto(request.period, catalogue.zone) if request.HasField("period") else EVERYTHING
        question = Question(catalogue.get(_KPI), days, {"offer": tuple(ids)}, Asked())
        counted = await self._counted(caller, Deriving(self._reader, catalogue), question) if ids else {}
        response = pb.BatchGetOfferUpliftsResponse()
        for id in ids:
            treated, control = (counted.get((id, group), Counted()) for group in (_TREATED, _CONTROL))
            response.answers[id].value.CopyFrom(_uplift(treated, control, days, request.language))
        return response

    async def _counted(self, caller: Caller, reader: Deriving, question: Question) -> dict[tuple[str, ...], Counted]:
        rows = await reader.breakdown(caller, question, _BY, None)
        return {key: Counted(result.n, round((result.value or 0.0) * result.n)) for key, result in rows}


def _uplift(treated: Counted, control: Counted, days: Days, language: str) -> pb.OfferUplift:
    test = None
    if treated.n and control.n:
        test = compare_shares((control.converted, control.n), (treated.converted, treated.n))
    return to_proto(uplift(treated, control, test), days, language)


def _of_everything() -> Caller:
    caller = current_caller()
    if caller.sources is not None or caller.rows is not Reach.ALL:
        raise Forbidden("what an offer brought is for those who see all figures")
    return caller
