"""Feedback as a client of the service sends and reads it, beside the running feedback service."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.feedback.v1 import feedback_pb2_grpc, job_pb2_grpc, topic_pb2, topic_pb2_grpc

from chassis.caller import Caller
from chassis.times import to_timestamp
from tests import tokens
from tests.feedback.conftest import Running


@dataclass
class Voices:
    """What customers say. run: the service with customers and metrics."""

    run: Running
    feedback: Any
    topics: Any
    jobs: Any

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        stub = self.topics if type(request).__module__.endswith("topic_pb2") else self.feedback
        metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),) if caller else None
        return await getattr(stub, name)(request, timeout=10, metadata=metadata)

    async def said(self, text: str = "", caller: Caller | None = None, /, **fields: Any) -> pb.Feedback:
        at = fields.pop("received_at", None)
        request = pb.SubmitFeedbackRequest(text=text or None, received_at=to_timestamp(at), **fields)
        answer: pb.SubmitFeedbackResponse = await self.call(request, caller)
        return answer.feedback

    async def of(self, id: str) -> pb.Feedback:
        answer: pb.FeedbackAnswer = (await self.call(pb.BatchGetFeedbackRequest(ids=[id]))).answers[id]
        return answer.value

    async def listed(self, caller: Caller | None = None, /, **filter: Any) -> list[str]:
        answer = await self.call(pb.ListFeedbackRequest(filter=pb.FeedbackFilter(**filter)), caller)
        return [edge.node.id for edge in answer.page.edges]

    async def topic(self, key: str, *, version: int | None = None, **words: Sequence[str]) -> topic_pb2.Topic:
        said = [topic_pb2.TopicWords(language=language, words=some) for language, some in words.items()]
        request = topic_pb2.DefineTopicRequest(key=key, name=key.capitalize(), words=said, version=version)
        answer: topic_pb2.DefineTopicResponse = await self.call(request)
        return answer.topic

    async def imported(self, *batches: pb.ImportFeedbackRequest) -> list[pb.ImportFeedbackResponse]:
        return [answer async for answer in self.feedback.ImportFeedback(iter(batches), timeout=30)]

    async def classified_anew(self) -> None:
        while await self.run.service.listening.classifying.step():
            pass


@pytest.fixture
def voices(feedback: Running) -> Voices:
    return Voices(
        feedback,
        feedback_pb2_grpc.FeedbackServiceStub(feedback.channel),
        topic_pb2_grpc.TopicServiceStub(feedback.channel),
        job_pb2_grpc.JobServiceStub(feedback.channel),
    )
