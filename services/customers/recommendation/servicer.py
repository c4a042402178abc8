"""Answers RecommendationService calls."""

from typing import Any

from rundblick.customers.v1 import recommendation_pb2 as pb
from rundblick.customers.v1 import recommendation_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from services.customers.batches import answers
from services.customers.recommendation.domain import MOST
from services.customers.recommendation.messages import to_proto
from services.customers.recommendation.recommending import Recommending

LARGEST_BATCH = 500


class RecommendationServicer(recommendation_pb2_grpc.RecommendationServiceServicer):
    """zone: in which hours of the day are told."""

    def __init__(self, recommending: Recommending, zone: str) -> None:
        self._recommending = recommending
        self._zone = zone

    async def BatchRecommend(self, request: pb.BatchRecommendRequest, context: Any) -> pb.BatchRecommendResponse:
        if not 1 <= request.first <= MOST:
            raise InvalidInput(f"1 to {MOST} recommendations for each customer", ("first",))
        if len(request.customer_ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} customers", ("customer_ids",))
        found = await self._recommending.recommend(current_caller(), request.customer_ids, request.first)
        protos = {
            id: pb.Recommendations(recommendations=[to_proto(one, self._zone) for one in some])
            for id, some in found.items()
        }
        return pb.BatchRecommendResponse(answers=answers(pb.RecommendationsAnswer, request.customer_ids, protos))
