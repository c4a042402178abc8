"""Topics over gRPC: declared, found, and looked for anew in all feedback when they change."""

from typing import Any

import grpc
import pytest
from pymongo.errors import AutoReconnect
from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.feedback.v1 import job_pb2, topic_pb2
from rundblick.metrics.v1 import event_pb2

from chassis.caller import Caller
from chassis.ids import derived_id
from services.feedback.feedback.recording import Recording
from services.feedback.topic import classifying
from tests.callers import partner
from tests.feedback.feedback.conftest import Voices


async def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    code: grpc.StatusCode = caught.value.code()
    return code


async def test_a_changed_topic_is_looked_for_in_all_that_was_said(
    voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifying, "_AT_ONCE", 2)
    said = [
        await voices.said(text)
        for text in (
            "Die Schlussrechnung stimmt nicht.",
            "My invoice is wrong.",
            "Die App stürzt ab.",
            "La factura está equivocada, señor.",
            "Rechnungen kommen zu spät.",
        )
    ]
    corrected = pb.ClassifyFeedbackRequest(id=said[1].id, topics=pb.TopicKeys())
    await voices.call(corrected)
    topic = await voices.topic("invoice", de=["*rechnung"], en=["invoice"])
    assert (topic.id, topic.version) == (derived_id("top", "invoice"), 1)
    await voices.classified_anew()
    assert await voices.listed(topic_keys=["invoice"]) == [said[4].id, said[0].id], "what a person said stays"

    # Killed within a batch, whoever comes next goes on, and nothing is told twice.
    await voices.topic("invoice", de=["app"], en=["invoice"], version=1)
    change, batches = Recording.change, iter((1, 2))

    async def killed(self: Recording, *arguments: Any) -> None:
        await change(self, *arguments)
        if next(batches, None) == 2:
            raise AutoReconnect("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Recording, "change", killed)
        with pytest.raises(AutoReconnect):
            await voices.classified_anew()
    await voices.classified_anew()
    assert await voices.listed(topic_keys=["invoice"]) == [said[2].id]
    mentioned: dict[str, list[tuple[bool, bool]]] = {}
    async for entry in voices.run.database["outbox"].find({"destination": "metrics"}).sort("sequence", 1):
        for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events:
            if event.name == "topic.mentioned":
                assert (event.after if event.HasField("after") else event.before).dimensions["topic"] == topic.id
                steps = mentioned.setdefault(event.subject_id, [])
                steps.append((event.HasField("before"), event.HasField("after")))
    assert mentioned == {
        f"{said[0].id}:invoice": [(False, True), (True, False)],
        f"{said[4].id}:invoice": [(False, True), (True, False)],
        f"{said[2].id}:invoice": [(False, True)],
    }
    jobs = (await voices.jobs.ListJobs(job_pb2.ListJobsRequest(), timeout=10)).edges
    assert [(one.node.state, one.node.subject, one.node.done) for one in jobs] == [
        (job_pb2.JOB_STATE_DONE, "invoice", 5)
    ] * 2

    await voices.call(topic_pb2.ArchiveTopicRequest(key="invoice"))
    await voices.classified_anew()
    assert await voices.listed(topic_keys=["invoice"]) == []
    assert (await voices.call(topic_pb2.ListTopicsRequest())).edges == []
    archived = (await voices.call(topic_pb2.ListTopicsRequest(archived=True))).edges
    assert [(one.node.key, one.node.archived, one.node.version) for one in archived] == [("invoice", True, 3)]


async def test_a_topic_is_declared_once_read_out_loud_and_bad_ones_are_refused(voices: Voices) -> None:
    first = await voices.topic("delivery", de=["*liefer*"])
    assert await voices.topic("delivery", de=["*liefer*"]) == first
    for wrong, code in (
        ({"key": "delivery", "name": "Other"}, grpc.StatusCode.ALREADY_EXISTS),
        ({"key": "delivery", "name": "Other", "version": 7}, grpc.StatusCode.ABORTED),
        ({"key": "Delivery!", "name": "x"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"key": "x", "name": " "}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"key": "x", "name": "x", "words": [{"language": "xx", "words": ["a"]}]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"key": "x", "name": "x", "words": [{"language": "de", "words": ["?"]}]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"key": "x", "name": "x", "words": [{"language": "de"}] * 2}, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        assert await refused(voices.call(topic_pb2.DefineTopicRequest(**wrong))) == code, wrong
    assert await refused(voices.call(topic_pb2.ArchiveTopicRequest(key="none"))) == grpc.StatusCode.NOT_FOUND
    answer = await voices.call(topic_pb2.ReadTextRequest(text="Die Lieferzeit war leider sehr lang."))
    assert (answer.language, list(answer.topic_keys), answer.sentiment < 0) == ("de", ["delivery"], True)
    assert await refused(voices.call(topic_pb2.ReadTextRequest())) == grpc.StatusCode.INVALID_ARGUMENT
    # A partner sees what its feedback is about, and decides nothing.
    assert len((await voices.call(topic_pb2.ListTopicsRequest(), partner("shop"))).edges) == 1
    for caller in (partner("shop"), Caller("a", frozenset({"feedback:read", "feedback:write"}))):
        request = topic_pb2.DefineTopicRequest(key="other", name="Other")
        assert await refused(voices.call(request, caller)) == grpc.StatusCode.PERMISSION_DENIED
