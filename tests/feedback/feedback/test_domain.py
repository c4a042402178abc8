"""What feedback contributes to figures and needs, whatever happens to it: taken back exactly, never counted twice."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rundblick.customers.v1 import signal_pb2
from rundblick.metrics.v1 import event_pb2

from services.feedback.feedback.domain import (
    Analysed,
    Classification,
    Draft,
    Feedback,
    FeedbackKind,
    FeedbackStatus,
    FeedbackStep,
    Reply,
    Score,
    ScoreKind,
    steps,
)
from services.feedback.feedback.outgoing import entries, whole

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
OTHER = Feedback("fbk_2", "shop", AT, FeedbackKind.WISH)

kinds = st.sampled_from(FeedbackKind)
topics = st.lists(st.sampled_from(("app", "price", "staff")), max_size=2, unique=True).map(
    lambda keys: tuple(sorted(keys))
)
changes = st.one_of(
    st.builds(lambda kind, keys: ("classify", Classification(AT, "emp_1", kind, keys)), kinds, topics),
    topics.map(lambda keys: ("machine", Analysed(FeedbackKind.PROBLEM, topics=keys))),
    st.sampled_from([one for one in FeedbackStatus if one is not FeedbackStatus.DUPLICATE]).map(
        lambda one: ("set", one)
    ),
    st.just(("repeat", None)),
    st.just(("reply", None)),
    st.just(("link", None)),
    st.builds(lambda kind, text: ("correct", Draft("shop", AT, kind, text)), st.none() | kinds, st.sampled_from("abc")),
)


def _done(one: Feedback, what: str, said: Any) -> Feedback:
    if what == "classify":
        return steps.classified(one, said)
    if what == "machine":
        return steps.reclassified(one, said)
    if what == "correct":
        return steps.corrected(one, said, Analysed(FeedbackKind.PRAISE, topics=("price",)))
    if what == "reply":
        return steps.replied(one, Reply("rpl_1", "Thanks.", AT, "emp_1"))
    if what == "link":
        place = {"touchpoint": "tou_1", "channel": "EMAIL", "team": "tea_1"}
        return steps.linked(one, customer="cus_1", source_record="src_1", **place)
    status = FeedbackStatus.DUPLICATE if what == "repeat" else said
    duplicate = OTHER if what == "repeat" else None
    return steps.moved(one, FeedbackStep(status, AT, "emp_1"), duplicate_of=duplicate, owner=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(changes, max_size=8), st.booleans())
def test_what_the_others_were_told_is_what_holds_whatever_happened(happened: list[Any], scored: bool) -> None:
    score = Score(ScoreKind.NPS, 9, 0, 10) if scored else None
    draft = Draft("shop", AT, text="The app is slow.", score=score)
    one = steps.submitted("fbk_1", draft, Analysed(FeedbackKind.PROBLEM, "en", -0.5, ("app",)))
    told: dict[tuple[str, str], event_pb2.Observation] = {}
    signals: dict[str, signal_pb2.Signal] = {}
    before: Feedback | None = None
    people: Classification | None = None
    for what, said in [("submit", None), *happened]:
        after = one if before is None else _done(before, what, said)
        if what == "classify":
            people = said
        assert before is None or after.version == before.version + (after is not before)
        for entry in entries(before, after) if after is not before else ():
            if entry.kind == "events":
                for event in event_pb2.IngestEventsRequest.FromString(entry.payload).events:
                    key = event.name, event.subject_id
                    assert event.before == told.get(key, event_pb2.Observation()), "what is taken back was told"
                    told[key] = event.after
            elif entry.kind == "signals":
                for signal in signal_pb2.RecordSignalsRequest.FromString(entry.payload).signals:
                    assert signal.id not in signals or signals[signal.id].version < signal.version
                    signals[signal.id] = signal
        before = after
    assert before is not None
    holding = {key: said for key, said in told.items() if said != event_pb2.Observation()}
    assert holding == {(event.name, event.subject_id): event.after for event in whole(before)}
    assert all(
        (said.state == event_pb2.OBSERVATION_STATE_EXCLUDED) == bool(before.duplicate_of) for said in holding.values()
    )
    # An open need is known exactly where there is one.
    needs = {FeedbackKind.WISH, FeedbackKind.PROBLEM, FeedbackKind.COMPLAINT}
    assert (signals["fbk_1"].need.open if "fbk_1" in signals else False) == (before.open and before.kind in needs)
    if people is not None:
        assert (before.kind, before.topics) == (people.kind, people.topics), "what people said stays"


def test_a_score_is_known_by_the_customers_state_on_its_usual_scale_alone() -> None:
    def said(score: Score) -> list[str]:
        one = steps.submitted("fbk_1", Draft("shop", AT, score=score), Analysed(FeedbackKind.RATING))
        return [entry.kind for entry in entries(None, one)]

    usual = Score(ScoreKind.CSAT, 4, 1, 5)
    assert said(usual).count("signals") == 1
    assert said(replace(usual, highest=10)).count("signals") == 0
