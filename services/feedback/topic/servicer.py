"""Answers TopicService calls."""

from typing import Any

from rundblick.feedback.v1 import topic_pb2 as pb
from rundblick.feedback.v1 import topic_pb2_grpc
from rundblick.shared.v1 import page_pb2

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import derived_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.feedback.feedback.domain.facts import LONGEST_TEXT
from services.feedback.feedback.recording import Recording
from services.feedback.topic import messages
from services.feedback.topic.classifying import Classifying
from services.feedback.topic.domain import PREFIX, Topic, TopicNotFound, archived, defined
from services.feedback.topic.repository import MongoTopicRepository


class TopicServicer(topic_pb2_grpc.TopicServiceServicer):
    def __init__(
        self,
        topics: MongoTopicRepository,
        classifying: Classifying,
        recording: Recording,
        writes: Writes,
    ) -> None:
        self._topics = topics
        self._classifying = classifying
        self._recording = recording
        self._writes = writes

    async def BatchGetTopics(self, request: pb.BatchGetTopicsRequest, context: Any) -> pb.BatchGetTopicsResponse:
        found = await self._topics.of_ids(current_caller(), request.ids)
        return pb.BatchGetTopicsResponse(
            answers={
                id: pb.TopicAnswer(value=messages.to_proto(found[id]))
                if id in found
                else pb.TopicAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no {id}"))
                for id in request.ids
            }
        )

    async def ListTopics(self, request: pb.ListTopicsRequest, context: Any) -> pb.ListTopicsResponse:
        part = await self._topics.page(current_caller(), page_of(request.page, [str]), archived=request.archived)
        edges = [
            pb.TopicEdge(cursor=encode_cursor(boundary), node=messages.to_proto(topic))
            for topic, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListTopicsResponse(edges=edges, page_info=page_info(part))

    async def DefineTopic(self, request: pb.DefineTopicRequest, context: Any) -> pb.DefineTopicResponse:
        caller = current_caller()
        said = Topic(
            derived_id(PREFIX, request.key), request.key, request.name.strip(), messages.words_from_proto(request.words)
        )

        async def define(session: Session) -> pb.DefineTopicResponse:
            known = (await self._topics.of_keys(caller, [said.key], session)).get(said.key)
            topic = defined(known, said, request.version if request.HasField("version") else None)
            if topic is not known:
                await self._topics.put(caller, topic, session)
                if known is None or (topic.words, topic.archived) != (known.words, known.archived):
                    await self._classifying.ask(topic, session)
            return pb.DefineTopicResponse(topic=messages.to_proto(topic))

        done = await self._writes.run(caller, request, pb.DefineTopicResponse, define)
        self._classifying.wake()
        return done

    async def ArchiveTopic(self, request: pb.ArchiveTopicRequest, context: Any) -> pb.ArchiveTopicResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveTopicResponse:
            known = (await self._topics.of_keys(caller, [request.key], session)).get(request.key)
            if known is None:
                raise TopicNotFound(request.key)
            topic = archived(known)
            if topic is not known:
                await self._topics.put(caller, topic, session)
                await self._classifying.ask(topic, session)
            return pb.ArchiveTopicResponse(topic=messages.to_proto(topic))

        done = await self._writes.run(caller, request, pb.ArchiveTopicResponse, archive)
        self._classifying.wake()
        return done

    async def ReadText(self, request: pb.ReadTextRequest, context: Any) -> pb.ReadTextResponse:
        if not request.text.strip() or len(request.text) > LONGEST_TEXT:
            raise InvalidInput(f"a text has 1 to {LONGEST_TEXT} characters", ("text",))
        (found,) = await self._recording.analysed(current_caller(), [request.text], None)
        return pb.ReadTextResponse(language=found.language, sentiment=found.sentiment, topic_keys=found.topics)
