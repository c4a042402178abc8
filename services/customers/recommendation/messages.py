"""Recommendations as messages."""

from rundblick.customers.v1 import recommendation_pb2 as pb

from services.customers.recommendation.domain import Reason, Recommendation
from services.customers.touchpoint.messages import CHANNEL_TO_PROTO


def to_proto(one: Recommendation, zone: str) -> pb.Recommendation:
    window = one.best_time
    return pb.Recommendation(
        offer_id=one.offer.id,
        score=one.score,
        reasons=map(_reason, one.reasons),
        channel=CHANNEL_TO_PROTO[one.channel] if one.channel is not None else None,
        touchpoint_id=one.touchpoint,
        best_time=pb.ContactWindow(to=window.end, time_zone=zone, n=window.n, **{"from": window.start})
        if window is not None
        else None,
    )


def _reason(reason: Reason) -> pb.RecommendationReason:
    points = {"points": reason.points} if reason.points is not None else {}
    return pb.RecommendationReason(code=reason.code.value, numbers={**reason.numbers, **points}, words=reason.words)
