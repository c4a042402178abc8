"""What to offer to a customer next: which offers are left, in which order, why, and how to reach the customer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum

from services.customers.consent.domain import ADDRESS_FIELDS, ConsentPurpose, ContactReason, Permission
from services.customers.offer.domain import Group, Offer, Outcome, Result, Step
from services.customers.touchpoint.domain import Channel

MOST = 20
# Who said no is left alone with it for a while.
DECLINED_PAUSE = timedelta(days=90)
# Of a window in which the customer answers.
WINDOW_HOURS = 3
FEWEST_ANSWERS = 5
# As many answers of all customers as weigh against the customer's own.
_SMOOTHING = 10.0
# On which a customer can be spoken to at all.
REACHING = (
    *(Channel.EMAIL, Channel.PHONE, Channel.MOBILE_APP, Channel.MESSENGER, Channel.SMS, Channel.LETTER),
    *(Channel.CHATBOT, Channel.SOCIAL_MEDIA, Channel.WEB_SELF_SERVICE, Channel.IN_PERSON),
)


class Code(Enum):
    SUITS = "SUITS"
    NEEDS_NAMED = "NEEDS_NAMED"
    STAGE_SUITS = "STAGE_SUITS"
    PAST_ANSWERS = "PAST_ANSWERS"
    CHANNEL_ANSWERED = "CHANNEL_ANSWERED"
    CHANNEL_ALLOWED = "CHANNEL_ALLOWED"
    NO_CONTACT_NEEDED = "NO_CONTACT_NEEDED"
    BEST_TIME = "BEST_TIME"
    BEST_TIME_UNKNOWN = "BEST_TIME_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Weights:
    """What each component, from 0 to 1, may add to the score; together 1.

    accepted, other: of the Beta prior, as if so many customers had accepted an offer and so many had not, before
    anybody was asked.
    """

    needs: float = 0.5
    stage: float = 0.2
    answers: float = 0.3
    accepted: float = 1.0
    other: float = 9.0


@dataclass(frozen=True, slots=True)
class Reason:
    """points: what it adds to the score; None: it is no part of it."""

    code: Code
    points: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answers:
    """How often an offer was shown to customers, and how often it was accepted."""

    shown: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Contacts:
    """When a customer came to one touchpoint: hour of the day -> how often. open: it is still there."""

    touchpoint: str
    channel: Channel
    hours: Mapping[int, int]
    open: bool = True

    @property
    def count(self) -> int:
        return sum(self.hours.values())


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer. suiting: ids of offers they are eligible for; topics: needs still open.

    group: of an offer, by lot; permission: whether they may be contacted.
    """

    suiting: frozenset[str]
    topics: frozenset[str]
    stage: str | None
    outcomes: Sequence[Outcome]
    contacts: Sequence[Contacts]
    group: Callable[[Offer], Group]
    permission: Callable[[Channel, ConsentPurpose], Permission]


@dataclass(frozen=True, slots=True)
class Experience:
    """What all customers together taught: answers by offer, contacts by channel and hour."""

    answers: Mapping[str, Answers] = field(default_factory=dict)
    hours: Mapping[Channel, Mapping[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day, from start to before end. n: answers of the customer it rests on."""

    start: int
    end: int
    n: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """score: from 0 to 1, the sum of the points of its reasons. channel: None where no contact is needed."""

    offer: Offer
    score: float
    reasons: tuple[Reason, ...]
    channel: Channel | None = None
    touchpoint: str | None = None
    best_time: Window | None = None


def recommend(
    offers: Sequence[Offer],
    known: Known,
    experience: Experience,
    now: datetime,
    day: date,
    most: int,
    weights: Weights = Weights(),
) -> list[Recommendation]:
    """The best first; where two of them exclude each other, the better alone. day: today, where the company is."""
    found = []
    for offer in offers:
        if left(offer, offers, known, now, day) and known.group(offer) is Group.TREATED:
            score, reasons = scored(offer, known, experience.answers.get(offer.id, Answers()), weights)
            reached = _reached(offer, known, experience)
            if reached is not None:
                more, channel, touchpoint, window = reached
                found.append(Recommendation(offer, score, (*reasons, *more), channel, touchpoint, window))
    found.sort(key=lambda one: (-one.score, one.offer.key))
    chosen: list[Recommendation] = []
    for one in found:
        if len(chosen) < most and all(one.offer.goes_with(other.offer) for other in chosen):
            chosen.append(one)
    return chosen


def left(offer: Offer, offers: Sequence[Offer], known: Known, now: datetime, day: date) -> bool:
    """May it be offered to this customer at all?"""
    if not offer.holds(day) or offer.id not in known.suiting:
        return False
    of_offer = [one for one in known.outcomes if one.offer == offer.id and one.at <= now]
    if any(one.result in (Result.ACCEPTED, Result.CONVERTED) for one in of_offer if _valid(offer, one)):
        return False
    if any(one.result is Result.DECLINED and one.at > now - DECLINED_PAUSE for one in of_offer):
        return False
    if offer.cap is not None:
        since = now - timedelta(days=offer.cap.days)
        if sum(one.result is Result.SHOWN and one.at > since for one in of_offer) >= offer.cap.most:
            return False
    taking = [one for one in known.outcomes if one.result in (Result.ACCEPTED, Result.CONVERTED)]
    keys = {other.id: other.key for other in offers}
    taken = {one.key or keys.get(one.offer, "") for one in taking}
    excluding = {other.key for other in offers if offer.key in other.excludes} | set(offer.excludes)
    return taken.isdisjoint(excluding)


def _valid(offer: Offer, outcome: Outcome) -> bool:
    """What was taken before the offer began was another one of that name."""
    return offer.valid_from is None or outcome.at.date() >= offer.valid_from


def scored(offer: Offer, known: Known, answers: Answers, weights: Weights) -> tuple[float, tuple[Reason, ...]]:
    """The score, and what it is made of."""
    reasons = [Reason(Code.SUITS, words={"rule": offer.eligibility or "true"})]
    named = sorted(known.topics.intersection(offer.topics))
    if named:
        # The first need counts half, each further one half of what is left.
        points = weights.needs * (1 - 0.5 ** len(named))
        reasons.append(Reason(Code.NEEDS_NAMED, points, {"count": len(named)}, {"topics": ", ".join(named)}))
    if known.stage is not None and known.stage in offer.stages:
        reasons.append(Reason(Code.STAGE_SUITS, weights.stage, words={"stage": known.stage}))
    rate = (answers.accepted + weights.accepted) / (answers.shown + weights.accepted + weights.other)
    numbers = {"accepted": answers.accepted, "shown": answers.shown, "rate": rate}
    reasons.append(Reason(Code.PAST_ANSWERS, weights.answers * rate, numbers))
    return sum(reason.points or 0.0 for reason in reasons), tuple(reasons)


_Reached = tuple[tuple[Reason, ...], Channel | None, str | None, Window | None]


def _reached(offer: Offer, known: Known, experience: Experience) -> _Reached | None:
    """None: the customer may be reached on no channel."""
    if not offer.needs_contact:
        return (Reason(Code.NO_CONTACT_NEEDED),), None, None, None
    wanted = (Channel.PHONE,) if offer.step is Step.CALL else offer.channels or REACHING
    allowed = [channel for channel in wanted if _reachable(channel, offer.purpose, known)]
    if not allowed:
        return None
    # Where the customer answers most; else the one that comes first.
    channel = max(allowed, key=lambda one: (_answers_on(one, known), -wanted.index(one)))
    answers = _answers_on(channel, known)
    words = {"channel": channel.value}
    why = (
        Reason(Code.CHANNEL_ANSWERED, numbers={"answers": answers}, words=words)
        if answers
        else Reason(Code.CHANNEL_ALLOWED, words=words)
    )
    there = [one for one in known.contacts if one.channel is channel]
    places = [one for one in there if one.open]
    touchpoint = max(places, key=lambda one: (one.count, one.touchpoint)).touchpoint if places else None
    window = best_window(there, experience.hours.get(channel, {}))
    when = (
        Reason(Code.BEST_TIME, numbers={"from": window.start, "to": window.end, "n": window.n})
        if window is not None
        else Reason(Code.BEST_TIME_UNKNOWN, numbers={"n": answers, "needed": FEWEST_ANSWERS})
    )
    return (why, when), channel, touchpoint, window


def _answers_on(channel: Channel, known: Known) -> int:
    return sum(one.count for one in known.contacts if one.channel is channel)


def _reachable(channel: Channel, purpose: ConsentPurpose, known: Known) -> bool:
    """Allowed, and somewhere: at an address that is known, or where the customer comes or said so."""
    permission = known.permission(channel, purpose)
    if not permission.allowed:
        return False
    if channel in ADDRESS_FIELDS:
        return bool(permission.addresses)
    return permission.reason is ContactReason.GRANTED or _answers_on(channel, known) > 0


def best_window(own: Sequence[Contacts], everybody: Mapping[int, int]) -> Window | None:
    """The hours in which the customer answers most, smoothed towards all customers at that channel."""
    n = sum(one.count for one in own)
    if n < FEWEST_ANSWERS:
        return None
    # One answer in each hour beforehand: an hour in which nobody came yet is not impossible.
    of_all = sum(everybody.values()) + 24
    density = [
        sum(one.hours.get(hour, 0) for one in own) + _SMOOTHING * (everybody.get(hour, 0) + 1) / of_all
        for hour in range(24)
    ]

    def fitness(first: int) -> tuple[float, float, int]:
        """Of several with the same answers the one that has most in its middle."""
        return round(sum(density[first : first + WINDOW_HOURS]), 9), density[first + WINDOW_HOURS // 2], -first

    start = max(range(24 - WINDOW_HOURS + 1), key=fitness)
    return Window(start, start + WINDOW_HOURS, n)
