"""What metrics adds to offers in the graph: what they bring, against who was left out by lot."""

from typing import Any

import strawberry
from rundblick.metrics.v1 import comparison_pb2
from rundblick.metrics.v1 import offer_pb2 as pb
from strawberry import federation

from gateway.metrics.client import metrics_of
from gateway.metrics.comparison import Verdict
from gateway.metrics.result import Interval, Period, PeriodInput, message_of
from gateway.shared import Info, Message, Named, Node, enum_of, present


@strawberry.type(description="Customers of one group, and how many of them converted.")
class OfferGroup:
    n: int
    converted: int
    share: Interval | None = strawberry.field(description="With Wilson's interval; null: n is 0.")


@strawberry.type(description="By intention to treat: nobody leaves their group, whether or not the offer reached them.")
class OfferUplift:
    period: Period = strawberry.field(description="In which the offer suited the customers for the first time.")
    treated: OfferGroup = strawberry.field(description="Those to whom it may be recommended.")
    control: OfferGroup = strawberry.field(description="Those who are left out by lot.")
    difference: Interval | None = strawberry.field(description="treated - control, after Newcombe.")
    effect_size: float | None = strawberry.field(description="Cohen's h.")
    p_value: float | None
    test: str | None
    verdict: Verdict
    because: list[Message] = strawberry.field(description="Each number in a sentence is a figure of this object.")


def _group(record: pb.OfferGroup) -> OfferGroup:
    return OfferGroup(n=record.n, converted=record.converted, share=_interval(record, "share"))


def _interval(record: Any, name: str) -> Interval | None:
    return Interval.of(getattr(record, name)) if record.HasField(name) else None


@federation.type(keys=["id"])
class Offer(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="Over all time without a period.")
    async def uplift(self, info: Info, period: PeriodInput | None = None) -> OfferUplift | None:
        arguments = pb.BatchGetOfferUpliftsRequest(
            period=period.to_proto() if period is not None else None, language=info.context.language
        )
        answer: pb.OfferUpliftAnswer = await metrics_of(info).uplifts.load(self.id, arguments)
        if not answer.HasField("value"):
            return None
        found = answer.value
        return OfferUplift(
            period=Period.of(found.period),
            treated=_group(found.treated),
            control=_group(found.control),
            difference=_interval(found, "difference"),
            effect_size=present(found, "effect_size"),
            p_value=present(found, "p_value"),
            test=found.test or None,
            verdict=enum_of(Verdict, comparison_pb2.Verdict, found.verdict, "VERDICT_"),
            because=[message_of(one) for one in found.because],
        )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Offer":
        return cls(id=id)
