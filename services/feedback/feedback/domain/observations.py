"""What a piece of feedback contributes to the business figures, and what it says of its customer's needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.feedback.feedback.domain.facts import Feedback, FeedbackKind

RECEIVED = "feedback.received"
MENTIONED = "topic.mentioned"
ANSWERED = "survey.answered"

DUPLICATE = "DUPLICATE"
# What customers suffer from, in whatever tone they say so.
PROBLEMS = frozenset({FeedbackKind.PROBLEM, FeedbackKind.COMPLAINT})

AttributeValue = str | float | bool


@dataclass(frozen=True, slots=True)
class Observation:
    """excluded: it repeats another one, and only that is counted."""

    at: datetime
    value: float | None
    dimensions: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, AttributeValue], ...]
    customer: str | None
    source_record: str | None
    excluded: bool


# (event name, subject) -> what it contributes
Contributions = Mapping[tuple[str, str], Observation]


def contributions(feedback: Feedback) -> Contributions:
    """Ratings alone are no wish, problem, praise or complaint; their score is a figure of its own."""
    result: dict[tuple[str, str], Observation] = {}
    if feedback.kind is not FeedbackKind.RATING:
        result[RECEIVED, feedback.id] = _observation(feedback, attributes=_attributes(feedback))
    for topic in feedback.topics:
        result[MENTIONED, f"{feedback.id}:{topic}"] = _observation(
            feedback, dimensions=(("topic", topic), ("feedback_kind", feedback.kind.value))
        )
    score = feedback.score
    if score is not None:
        result[ANSWERED, feedback.id] = _observation(
            feedback,
            value=score.value,
            dimensions=(("survey", feedback.survey),) if feedback.survey else (),
            attributes=(
                ("kind", score.kind.value),
                ("lowest", score.lowest),
                ("highest", score.highest),
            ),
        )
    return result


def need(feedback: Feedback) -> str | None:
    """WISH or PROBLEM, as the customer's state knows them; None: it speaks of neither."""
    if feedback.kind is FeedbackKind.WISH:
        return "WISH"
    return "PROBLEM" if feedback.kind in PROBLEMS else None


def _attributes(feedback: Feedback) -> tuple[tuple[str, AttributeValue], ...]:
    return (
        ("kind", feedback.kind.value),
        *((("sentiment", feedback.sentiment),) if feedback.sentiment is not None else ()),
        ("solicited", feedback.solicited),
    )


def _observation(
    feedback: Feedback,
    *,
    value: float | None = None,
    dimensions: tuple[tuple[str, str], ...] = (),
    attributes: tuple[tuple[str, AttributeValue], ...] = (),
) -> Observation:
    pairs = (
        ("source", feedback.source),
        ("touchpoint", feedback.touchpoint),
        ("channel", feedback.channel),
        ("team", feedback.team),
        ("employee", feedback.owner),
        ("service", feedback.service),
    )
    return Observation(
        at=feedback.received_at,
        value=value,
        dimensions=(*((name, said) for name, said in pairs if said), *dimensions),
        attributes=attributes,
        customer=feedback.customer,
        source_record=feedback.source_record,
        excluded=feedback.duplicate_of is not None,
    )
