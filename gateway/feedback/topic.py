"""Topics in the graph: what feedback can be about, in the words of the company."""

from typing import Any

import strawberry
from rundblick.feedback.v1 import topic_pb2 as pb
from strawberry import federation

from chassis.ids import derived_id
from gateway.feedback.client import feedback_of
from gateway.shared import Info, Named, Node, PageInfo, UserError, mutate, owned, page_request


@strawberry.type(description="By which words and phrases a topic is found in texts of one language.")
class TopicWords:
    language: str = strawberry.field(description="ISO 639-1: de or en.")
    words: list[str] = strawberry.field(
        description="Words are found in all their forms; a star stands for any letters: liefer*, *rechnung."
    )


async def load_topic(info: Info, id: str) -> Any:
    return await feedback_of(info).topics.load(id)


def _field(get: Any) -> Any:
    return owned(load_topic, get)


def _words(record: pb.Topic) -> list[TopicWords]:
    return [TopicWords(language=one.language, words=list(one.words)) for one in record.words]


@federation.type(keys=["id"], description="What feedback can be about, declared by the company.")
class Topic(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=_field(lambda record: record.key))
    name: str = strawberry.field(resolver=_field(lambda record: record.name))
    words: list[TopicWords] = strawberry.field(resolver=_field(_words))
    archived: bool = strawberry.field(
        resolver=_field(lambda record: record.archived), description="It is found in texts no more."
    )
    version: int = strawberry.field(resolver=_field(lambda record: record.version))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Topic":
        return cls(id=id)


def topic_of(record: pb.Topic) -> Topic:
    return Topic(id=strawberry.ID(record.id), record=record)


def topic_of_key(key: str) -> Topic:
    """The id of a topic follows from its key."""
    return Topic(id=strawberry.ID(derived_id("top", key)))


@strawberry.type
class TopicEdge:
    cursor: str
    node: Topic


@strawberry.type
class TopicConnection:
    edges: list[TopicEdge]
    page_info: PageInfo


@strawberry.type
class TopicQuery:
    @strawberry.field(description="By key; how much each is asked for is its demand.")
    async def topics(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        archived: bool = False,
    ) -> TopicConnection | None:
        client = feedback_of(info)
        request = pb.ListTopicsRequest(page=page_request(first, after, last, before), archived=archived)
        answer: pb.ListTopicsResponse = await client.call(client.stubs.topics.ListTopics, request)
        return TopicConnection(
            edges=[TopicEdge(cursor=edge.cursor, node=topic_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.input
class TopicWordsInput:
    language: str = strawberry.field(description="ISO 639-1: de or en.")
    words: list[str]


@strawberry.input
class DefineTopicInput:
    key: str
    name: str
    words: list[TopicWordsInput]
    version: int | None = strawberry.field(default=None, description="Of the topic that is changed.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveTopicInput:
    key: str
    idempotency_key: str | None = None


@strawberry.type
class DefineTopicPayload:
    user_errors: list[UserError]
    topic: Topic | None = None


@strawberry.type
class ArchiveTopicPayload:
    user_errors: list[UserError]
    topic: Topic | None = None


@strawberry.type
class TopicMutation:
    @strawberry.mutation(description="Feedback is looked through for it, see jobs; what people classified stays.")
    async def define_topic(self, info: Info, input: DefineTopicInput) -> DefineTopicPayload | None:
        client = feedback_of(info)
        request = pb.DefineTopicRequest(
            idempotency_key=input.idempotency_key,
            key=input.key,
            name=input.name,
            words=[pb.TopicWords(language=one.language, words=one.words) for one in input.words],
            version=input.version,
        )

        async def work() -> dict[str, Any]:
            answer: pb.DefineTopicResponse = await client.call(client.stubs.topics.DefineTopic, request)
            return {"topic": topic_of(answer.topic)}

        return await mutate(DefineTopicPayload, work())

    @strawberry.mutation
    async def archive_topic(self, info: Info, input: ArchiveTopicInput) -> ArchiveTopicPayload | None:
        client = feedback_of(info)
        request = pb.ArchiveTopicRequest(idempotency_key=input.idempotency_key, key=input.key)

        async def work() -> dict[str, Any]:
            answer: pb.ArchiveTopicResponse = await client.call(client.stubs.topics.ArchiveTopic, request)
            return {"topic": topic_of(answer.topic)}

        return await mutate(ArchiveTopicPayload, work())
