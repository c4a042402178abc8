"""What others must learn of feedback: contacts, needs and scores for customers, observations for metrics, e-mails."""

from rundblick.customers.v1 import delivery_pb2, interaction_pb2, signal_pb2, touchpoint_pb2
from rundblick.metrics.v1 import event_pb2

from chassis.ids import derived_id, new_id, with_prefix
from chassis.outbox import Entry
from chassis.times import to_timestamp
from services.feedback.enquiry.outgoing import CUSTOMERS, INTERACTIONS, METRICS, SIGNALS
from services.feedback.feedback.domain import SCALES, Feedback, Reply
from services.feedback.feedback.domain.observations import DUPLICATE, Observation, contributions, need
from services.feedback.stream.outgoing import changed
from services.feedback.topic.domain import PREFIX as TOPIC

_EVENTS = "events"


def entries(before: Feedback | None, after: Feedback) -> list[Entry]:
    """before: as the others know it; None: they do not."""
    result = []
    contacts = contacts_of(after)
    told = [] if before is None else contacts_of(before)
    linked = before is not None and before.source_record is None and after.source_record is not None
    news = contacts if linked else [one for one in contacts if one.id not in {known.id for known in told}]
    if news:
        request = interaction_pb2.RecordInteractionsRequest(interactions=news)
        result.append(Entry(CUSTOMERS, after.id, after.version, INTERACTIONS, request.SerializeToString()))
    signals = _signals(after)
    if before is not None:
        known = {one.id: one for one in _signals(before)}
        signals = [one for one in signals if known.get(one.id) != one]
        gone = known.keys() - {one.id for one in _signals(after)}
        signals += [_closed(known[id]) for id in sorted(gone)]
    if signals:
        for one in signals:
            one.version = after.version
        said = signal_pb2.RecordSignalsRequest(signals=signals)
        # Each has its version, so a later one need not wait for it.
        result.append(Entry(CUSTOMERS, new_id("out"), 1, SIGNALS, said.SerializeToString()))
    events = _events(before, after)
    if events:
        payload = event_pb2.IngestEventsRequest(events=events).SerializeToString()
        result.append(Entry(METRICS, after.id, after.version, _EVENTS, payload))
    if before is None:
        result += changed("feedback", after.id, source=after.source, team=after.team, label=after.kind.value)
    return result


def whole(feedback: Feedback) -> list[event_pb2.Event]:
    """All that metrics should know of it today, as if it had never been told."""
    return _events(None, feedback)


def email(feedback: Feedback, reply: Reply, subject: str, language: str) -> delivery_pb2.NewDelivery:
    """Where it goes is decided when it is sent; an answer to what the customer said needs no consent."""
    return delivery_pb2.NewDelivery(
        customer_id=feedback.customer,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        subject=subject,
        text=reply.body,
        language=language,
        reference=feedback.id,
        external_id=reply.id,
    )


def contacts_of(feedback: Feedback) -> list[interaction_pb2.Interaction]:
    """What customers shows of it in the journey. What was said within an enquiry is one of its contacts already."""
    contacts = []
    if feedback.enquiry is None or feedback.solicited:
        contacts.append(
            _contact(
                feedback,
                feedback.id,
                direction=interaction_pb2.DIRECTION_INBOUND,
                occurred_at=to_timestamp(feedback.received_at),
            )
        )
    contacts += [
        _contact(
            feedback,
            reply.id,
            direction=interaction_pb2.DIRECTION_OUTBOUND,
            occurred_at=to_timestamp(reply.at),
            employee_id=reply.author,
        )
        for reply in feedback.replies
    ]
    return contacts


def _contact(feedback: Feedback, said: str, **fields: object) -> interaction_pb2.Interaction:
    return interaction_pb2.Interaction(
        id=with_prefix("int", said),
        customer_id=feedback.customer,
        source_record_id=feedback.source_record,
        touchpoint_id=feedback.touchpoint,
        kind=interaction_pb2.INTERACTION_KIND_MESSAGE,
        team_id=feedback.team,
        source=feedback.source,
        subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_FEEDBACK, id=feedback.id),
        version=feedback.version,
        **fields,  # type: ignore[arg-type]  # direction, occurred_at, employee_id
    )


def _signals(feedback: Feedback) -> list[signal_pb2.Signal]:
    """What matters for the state of its customer, without a version."""
    signals = []
    what = need(feedback)
    if what is not None:
        said = signal_pb2.NeedSignal(
            kind=signal_pb2.NeedKind.Value(f"NEED_KIND_{what}"), topics=feedback.topics, open=feedback.open
        )
        signals.append(_signal(feedback, feedback.id, need=said))
    score = feedback.score
    # Rules compare scores of one scale: others are shown, but say nothing of a customer's state.
    if score is not None and (score.lowest, score.highest) == SCALES[score.kind]:
        given = signal_pb2.ScoreSignal(
            survey=signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{score.kind.value}"), value=score.value
        )
        signals.append(_signal(feedback, with_prefix("sco", feedback.id), score=given))
    return signals


def _signal(feedback: Feedback, id: str, **said: object) -> signal_pb2.Signal:
    return signal_pb2.Signal(
        id=id,
        at=to_timestamp(feedback.received_at),
        source=feedback.source,
        customer_id=feedback.customer,
        source_record_id=feedback.source_record,
        **said,  # type: ignore[arg-type]  # need or score
    )


def _closed(signal: signal_pb2.Signal) -> signal_pb2.Signal:
    """It turned out to be no need."""
    closed = signal_pb2.Signal()
    closed.CopyFrom(signal)
    closed.need.open = False
    return closed


def _events(before: Feedback | None, after: Feedback) -> list[event_pb2.Event]:
    known = contributions(before) if before is not None else {}
    now = contributions(after)
    return [
        event_pb2.Event(
            id=f"{subject}/{name}/{after.version}",
            name=name,
            subject_id=subject,
            source=after.source,
            team_id=after.team,
            owner_id=after.owner,
            before=_observation(known.get((name, subject))),
            after=_observation(now.get((name, subject))),
        )
        for name, subject in dict.fromkeys((*known, *now))
        if known.get((name, subject)) != now.get((name, subject))
    ]


def _observation(observation: Observation | None) -> event_pb2.Observation | None:
    if observation is None:
        return None
    return event_pb2.Observation(
        state=event_pb2.OBSERVATION_STATE_EXCLUDED if observation.excluded else event_pb2.OBSERVATION_STATE_COMPLETE,
        started_at=to_timestamp(observation.at),
        value=observation.value,
        dimensions={
            name: derived_id(TOPIC, said) if name == "topic" else said for name, said in observation.dimensions
        },
        attributes={name: _attribute(value) for name, value in observation.attributes},
        customer_id=observation.customer,
        source_record_id=observation.source_record,
        exclusion_reason=DUPLICATE if observation.excluded else None,
    )


def _attribute(value: str | float | bool) -> event_pb2.Attribute:
    if isinstance(value, bool):
        return event_pb2.Attribute(flag=value)
    return event_pb2.Attribute(text=value) if isinstance(value, str) else event_pb2.Attribute(number=value)
