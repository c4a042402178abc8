"""Topics as messages, and back."""

from collections.abc import Iterable

from rundblick.feedback.v1 import topic_pb2 as pb

from chassis.errors import InvalidInput
from services.feedback.topic.domain import Topic, Words


def to_proto(topic: Topic) -> pb.Topic:
    return pb.Topic(
        id=topic.id,
        key=topic.key,
        name=topic.name,
        words=[pb.TopicWords(language=language, words=words) for language, words in sorted(topic.words.items())],
        archived=topic.archived,
        version=topic.version,
    )


def words_from_proto(said: Iterable[pb.TopicWords]) -> Words:
    """InvalidInput: a language comes twice."""
    words: dict[str, tuple[str, ...]] = {}
    for one in said:
        if one.language in words:
            raise InvalidInput(f"{one.language} comes twice", ("words", "language"))
        words[one.language] = tuple(dict.fromkeys(word.strip() for word in one.words))
    return words
