"""Uplifts as messages."""

from rundblick.metrics.v1 import kpi_pb2
from rundblick.metrics.v1 import offer_pb2 as pb

from services.metrics.comparison.messages import VERDICT_TO_PROTO
from services.metrics.kpi.messages import interval_to_proto, period_to_proto
from services.metrics.kpi.periods import Days
from services.metrics.kpi.results import wilson
from services.metrics.offer.domain import Because, Counted, Uplift
from services.metrics.offer.words import text

_TEST = "two proportions, Newcombe interval"


def to_proto(uplift: Uplift, days: Days, language: str) -> pb.OfferUplift:
    test = uplift.test
    return pb.OfferUplift(
        period=period_to_proto(days),
        treated=_group(uplift.treated),
        control=_group(uplift.control),
        difference=interval_to_proto(test.difference) if test is not None else None,
        effect_size=test.h if test is not None else None,
        p_value=test.p if test is not None else None,
        test=_TEST if test is not None else "",
        verdict=VERDICT_TO_PROTO[uplift.verdict],
        because=[_message(one, language) for one in uplift.because],
    )


def _group(counted: Counted) -> pb.OfferGroup:
    share = wilson(counted.converted, counted.n) if counted.n else None
    return pb.OfferGroup(n=counted.n, converted=counted.converted, share=interval_to_proto(share))


def _message(because: Because, language: str) -> kpi_pb2.LocalizedMessage:
    parameters = {name: repr(number) for name, number in because.numbers.items()}
    return kpi_pb2.LocalizedMessage(code=because.code, parameters=parameters, text=text(because, language))
