"""Imports of feedback: batch by batch, once each, bad rows singly refused; and what follows from them."""

from datetime import UTC, datetime
from typing import Any

from rundblick.customers.v1 import customer_pb2, reference_pb2, signal_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import verification_pb2

from chassis.times import to_timestamp
from tests.feedback.feedback.conftest import Voices

AT = to_timestamp(datetime(2026, 3, 2, 9, tzinfo=UTC))
NPS = signal_pb2.SURVEY_KIND_NPS


def row(id: str, text: str = "", **fields: Any) -> pb.ImportedFeedback:
    given = {"received_at": AT, "customer_external_id": "c9", **fields}
    return pb.ImportedFeedback(external_id=id, text=text, **{name: said for name, said in given.items() if said})


def batch(*rows: pb.ImportedFeedback, number: int = 1) -> pb.ImportFeedbackRequest:
    nine = reference_pb2.CustomerReference(
        external_id="c9",
        fields=customer_pb2.CustomerFields(display_name="Nine"),
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
    )
    return pb.ImportFeedbackRequest(batch=number, source="reviews", feedback=rows, customers=[nine])


def counts(answer: pb.ImportFeedbackResponse) -> tuple[int, int, int]:
    return answer.created, answer.changed, answer.unchanged


async def test_rows_are_taken_once_corrected_and_singly_refused_and_what_follows_is_held_against_them(
    voices: Voices,
) -> None:
    run = voices.run
    await voices.topic("app", en=["app"])
    good = [
        row("r1", "The app crashes all the time."),
        row("r2", "Please add a dark mode to the app."),
        row("r3", score=pb.Score(kind=NPS, value=9)),
        row("r4", "Great service!", customer_external_id=None),
    ]
    bad = [
        row("r5", "x", customer_external_id="nobody"),
        row("r1", "Twice."),
        row("", "Nameless."),
        row("r6", "When?", received_at=None),
        row("r7"),
    ]
    (answer,) = await voices.imported(batch(*good, *bad))
    assert (answer.batch, counts(answer)) == (1, (4, 0, 0))
    assert [one.external_id for one in answer.rejected] == ["r5", "r1", "", "r6", "r7"]
    again, corrected = await voices.imported(
        batch(*good, number=2),
        batch(good[0], row("r2", "Great app!"), row("r4", "Great service!"), number=3),
    )
    assert (again.batch, counts(again), counts(corrected)) == (2, (0, 0, 4), (0, 2, 1))
    kinds = {edge.node.external_id: edge.node.kind for edge in (await voices.call(pb.ListFeedbackRequest())).page.edges}
    assert kinds == {
        "r1": pb.FEEDBACK_KIND_PROBLEM,
        "r2": pb.FEEDBACK_KIND_PRAISE,
        "r3": pb.FEEDBACK_KIND_RATING,
        "r4": pb.FEEDBACK_KIND_PRAISE,
    }
    events = [
        event
        async for entry in run.database["outbox"]
        .find({"destination": "metrics"})
        .sort([("aggregate", 1), ("sequence", 1)])
        for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events
    ]
    told: dict[tuple[str, str], Any] = {}
    for event in events:
        before = told.get((event.name, event.subject_id), event_pb2.Observation())
        assert event.before == before, "what is taken back is what was told"
        told[event.name, event.subject_id] = event.after
    assert sorted(name for name, _ in told) == [
        *["feedback.received"] * 3,
        "survey.answered",
        *["topic.mentioned"] * 2,
    ]
    signals = [
        signal
        async for entry in run.database["outbox"].find({"destination": "customers", "kind": "signals"}).sort("_id", 1)
        for signal in signal_pb2.RecordSignalsRequest.FromString(entry["payload"]).signals
    ]
    # What was said anew to be praise is no wish any more.
    assert [(one.WhichOneof("said"), one.need.kind, list(one.need.topics), one.need.open) for one in signals] == [
        ("need", signal_pb2.NEED_KIND_PROBLEM, ["app"], True),
        ("need", signal_pb2.NEED_KIND_WISH, ["app"], True),
        ("score", 0, [], False),
        ("need", signal_pb2.NEED_KIND_WISH, ["app"], False),
    ]
    await run.delivered()
    assert await run.database["outbox"].count_documents({}) == 0, "the others took all of it"
    request = verification_pb2.CheckBatchRequest(part="feedback", size=100)
    checked = await run.verification.CheckBatch(request, timeout=10)
    assert (checked.examined, list(checked.differences), checked.totals["contacts"]) == (4, [], 4)
    await run.database["feedback"].update_one({"external_id": "r1"}, {"$set": {"topics": [], "source_record": "src_x"}})
    checked = await run.verification.CheckBatch(request, timeout=10)
    assert sorted({one.what for one in checked.differences}) == ["customer", "journey", "topics"]
