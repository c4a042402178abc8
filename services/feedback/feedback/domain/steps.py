"""How feedback comes to be and what can be done with it: values in, values or an error out."""

from dataclasses import replace

from chassis.errors import InvalidInput
from services.feedback.feedback.domain.facts import (
    LONGEST_TEXT,
    Analysed,
    Classification,
    Draft,
    DuplicateOfItself,
    Feedback,
    FeedbackStatus,
    FeedbackStep,
    Reply,
    StaleFeedback,
)


def submitted(id: str, draft: Draft, found: Analysed) -> Feedback:
    """found: in its text."""
    said = {name: getattr(draft, name) for name in draft.__slots__ if name != "kind"}
    return Feedback(
        id=id,
        kind=draft.kind or found.kind,
        stated=draft.kind,
        language=found.language,
        sentiment=found.sentiment,
        topics=found.topics,
        **said,
    )


def corrected(feedback: Feedback, draft: Draft, found: Analysed) -> Feedback:
    """What its sender says of it now; what people and other senders said stays, and so does what is not said again."""
    said = replace(
        feedback,
        received_at=draft.received_at,
        stated=draft.kind or feedback.stated,
        text=draft.text or feedback.text,
        score=draft.score or feedback.score,
        customer=feedback.customer or draft.customer,
        source_record=feedback.source_record or draft.source_record,
        touchpoint=draft.touchpoint or feedback.touchpoint,
        channel=draft.channel or feedback.channel,
        enquiry=feedback.enquiry or draft.enquiry,
        team=feedback.team or draft.team,
        service=draft.service or feedback.service,
        solicited=draft.solicited or feedback.solicited,
    )
    analysed = _decided(said, found) if said.text != feedback.text or said.stated != feedback.stated else said
    return feedback if analysed == feedback else replace(analysed, version=feedback.version + 1)


def linked(
    feedback: Feedback,
    *,
    customer: str | None,
    source_record: str | None,
    touchpoint: str | None,
    channel: str | None,
    team: str | None,
) -> Feedback:
    """What was left open when it came in is filled in; what was said since stays."""
    news = feedback
    if source_record is not None and feedback.source_record is None:
        news = replace(news, customer=customer, source_record=source_record)
    if touchpoint is not None and feedback.touchpoint is None:
        news = replace(news, touchpoint=touchpoint, channel=channel)
    if team is not None and feedback.team is None:
        news = replace(news, team=team)
    return feedback if news == feedback else replace(news, version=feedback.version + 1)


def classified(feedback: Feedback, said: Classification) -> Feedback:
    news = replace(
        feedback,
        kind=said.kind or feedback.kind,
        topics=feedback.topics if said.topics is None else tuple(sorted(set(said.topics))),
        sentiment=feedback.sentiment if said.sentiment is None else said.sentiment,
        classifications=(*feedback.classifications, said),
    )
    return replace(news, version=feedback.version + 1)


def reclassified(feedback: Feedback, found: Analysed) -> Feedback:
    """By a machine that knows other topics than before: what people said stays."""
    if feedback.topics_said or found.topics == feedback.topics:
        return feedback
    return replace(feedback, topics=found.topics, version=feedback.version + 1)


def replied(feedback: Feedback, reply: Reply) -> Feedback:
    """Whoever answers has seen it."""
    if not reply.body.strip():
        raise InvalidInput("a reply says something", ("body",))
    if len(reply.body) > LONGEST_TEXT:
        raise InvalidInput(f"a reply has at most {LONGEST_TEXT} characters", ("body",))
    steps = feedback.steps
    if feedback.status is FeedbackStatus.NEW:
        steps = (*steps, FeedbackStep(FeedbackStatus.ACKNOWLEDGED, reply.at, reply.author or ""))
    replies = tuple(sorted((*feedback.replies, reply), key=lambda one: (one.at, one.id)))
    return replace(feedback, replies=replies, steps=steps, version=feedback.version + 1)


def moved(feedback: Feedback, step: FeedbackStep, *, duplicate_of: Feedback | None, owner: str | None) -> Feedback:
    """Set to a status; the same one when nothing is new."""
    if (step.status is FeedbackStatus.DUPLICATE) != (duplicate_of is not None):
        raise InvalidInput("a duplicate, and nothing else, names what it repeats", ("duplicate_of_id",))
    repeats = None
    if duplicate_of is not None:
        # What is counted is the first of them: a chain has one end.
        repeats = duplicate_of.duplicate_of or duplicate_of.id
        if feedback.id in (repeats, duplicate_of.id):
            raise DuplicateOfItself(feedback.id, duplicate_of.id)
    owner = owner or feedback.owner
    if (step.status, repeats, owner) == (feedback.status, feedback.duplicate_of, feedback.owner):
        return feedback
    steps = feedback.steps if step.status is feedback.status and repeats is None else (*feedback.steps, step)
    return replace(feedback, steps=steps, duplicate_of=repeats, owner=owner, version=feedback.version + 1)


def repeats(feedback: Feedback, other: str) -> Feedback:
    """What it repeats turned out to repeat that."""
    return replace(feedback, duplicate_of=other, version=feedback.version + 1)


def delivered(feedback: Feedback, reply: str, delivery: str) -> Feedback:
    """The reply goes out under that id; the same one when that is known."""
    replies = tuple(replace(one, delivery=delivery) if one.id == reply else one for one in feedback.replies)
    return feedback if replies == feedback.replies else replace(feedback, replies=replies, version=feedback.version + 1)


def require_version(feedback: Feedback, made_from: int | None) -> None:
    """StaleFeedback: somebody else changed it since."""
    if made_from is not None and made_from != feedback.version:
        raise StaleFeedback(feedback.id, feedback.version, made_from)


def _decided(feedback: Feedback, found: Analysed) -> Feedback:
    people = feedback.classifications
    kind = next((one.kind for one in reversed(people) if one.kind is not None), None)
    topics = next((one.topics for one in reversed(people) if one.topics is not None), None)
    sentiment = next((one.sentiment for one in reversed(people) if one.sentiment is not None), None)
    return replace(
        feedback,
        kind=kind or feedback.stated or found.kind,
        language=found.language,
        sentiment=found.sentiment if sentiment is None else sentiment,
        topics=found.topics if topics is None else tuple(sorted(set(topics))),
    )
