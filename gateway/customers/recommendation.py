"""Recommendations in the graph: what to offer to a customer next, in words, and how to reach them."""

from typing import Any

import strawberry
from rundblick.customers.v1 import recommendation_pb2 as pb
from strawberry.scalars import JSON

from chassis.errors import NotFound
from gateway.customers.client import customers_of
from gateway.customers.offer import Offer, channel_of
from gateway.customers.touchpoint import Channel, Touchpoint
from gateway.shared import Info, Message, present

# Code -> the sentence in English and in German; each parameter in it is a parameter of the message.
_WHY: dict[str, tuple[str, str]] = {
    "SUITS": ("The rule of the offer holds: {rule}.", "Die Regel des Angebots trifft zu: {rule}."),
    "NEEDS_NAMED": (
        "The customer asked for it: {topics} ({points} points).",
        "Der Kunde hat danach gefragt: {topics} ({points} Punkte).",
    ),
    "STAGE_SUITS": (
        "It suits the stage that the customer is at: {stage} ({points} points).",
        "Es passt zur Phase des Kunden: {stage} ({points} Punkte).",
    ),
    "PAST_ANSWERS": (
        "Shown {shown} times, accepted {accepted} times: {rate} with what is assumed beforehand ({points} points).",
        "{shown}-mal gezeigt, {accepted}-mal angenommen: {rate} mit dem, was vorab angenommen wird ({points} Punkte).",
    ),
    "CHANNEL_ANSWERED": (
        "The customer may be reached by {channel}, and came that way {answers} times.",
        "Der Kunde darf über {channel} angesprochen werden und kam {answers}-mal auf diesem Weg.",
    ),
    "CHANNEL_ALLOWED": (
        "The customer may be reached by {channel}, but never came that way.",
        "Der Kunde darf über {channel} angesprochen werden, kam aber noch nie auf diesem Weg.",
    ),
    "NO_CONTACT_NEEDED": ("It needs no contact.", "Es braucht keinen Kontakt."),
    "BEST_TIME": (
        "Of {n} contacts there most came from {from} to {to} o'clock, or are likely to.",
        "Von {n} Kontakten dort kamen die meisten von {from} bis {to} Uhr, oder kommen wohl dann.",
    ),
    "BEST_TIME_UNKNOWN": (
        "{n} contacts there say nothing of the best time; {needed} are needed.",
        "{n} Kontakte dort sagen nichts über die beste Zeit; {needed} sind nötig.",
    ),
}
_SHARES = frozenset({"rate", "points"})


@strawberry.type(description="Hours of the day in which the customer answers most.")
class ContactWindow:
    from_: int = strawberry.field(name="from", description="0 to 23.")
    to: int = strawberry.field(description="1 to 24, behind `from`.")
    time_zone: str = strawberry.field(description="IANA.")
    n: int = strawberry.field(description="Contacts of the customer it rests on.")


@strawberry.type(description="What to offer to a customer next, or to do.")
class Recommendation:
    offer: Offer
    score: float = strawberry.field(description="0 to 1: the sum of the points of its reasons.")
    reasons: list[Message]
    channel: Channel | None = strawberry.field(description="On which the customer may be reached; null: no need to.")
    touchpoint: Touchpoint | None = strawberry.field(description="Where the customer comes most on that channel.")
    best_time: ContactWindow | None = strawberry.field(description="Null: too few answers to say.")


def _reason(said: pb.RecommendationReason, language: str) -> Message:
    """language: any other than German is English."""
    german = language == "de"
    numbers = {name: int(number) if number.is_integer() else number for name, number in said.numbers.items()}
    shown = {name: _shown(name, number, german=german) for name, number in said.numbers.items()}
    text = _WHY[said.code][german].format(**shown, **said.words)
    return Message(code=f"RECOMMENDATION_{said.code}", parameters=JSON({**numbers, **said.words}), text=text)


def _shown(name: str, number: float, *, german: bool) -> str:
    if name not in _SHARES:
        return f"{number:.0f}"
    said = f"{100 * number:.0f} %" if name == "rate" else f"{number:.2f}"
    return said.replace(".", ",") if german else said


def _recommendation(record: pb.Recommendation, language: str) -> Recommendation:
    window = record.best_time
    best_time = None
    if record.HasField("best_time"):
        first: Any = getattr(window, "from")
        best_time = ContactWindow(from_=first, to=window.to, time_zone=window.time_zone, n=window.n)
    place = present(record, "touchpoint_id")
    return Recommendation(
        offer=Offer(id=strawberry.ID(record.offer_id)),
        score=record.score,
        reasons=[_reason(one, language) for one in record.reasons],
        channel=channel_of(record.channel) if record.HasField("channel") else None,
        touchpoint=Touchpoint(id=strawberry.ID(place)) if place is not None else None,
        best_time=best_time,
    )


async def recommendations(info: Info, customer: str, first: int) -> list[Recommendation]:
    arguments = pb.BatchRecommendRequest(first=first)
    answer: pb.RecommendationsAnswer = await customers_of(info).recommendations.load(customer, arguments)
    if not answer.HasField("value"):
        raise NotFound(f"there is no {customer}")
    return [_recommendation(one, info.context.language) for one in answer.value.recommendations]
