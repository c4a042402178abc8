"""Where topics are kept."""

from collections.abc import Iterable

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.topic.domain import StaleTopic, Topic

BY_KEY: tuple[tuple[str, int], ...] = (("key", ASCENDING),)


class MongoTopicRepository:
    """Topics are the company's own words, and say nothing of a customer."""

    def __init__(self, database: Database) -> None:
        self._topics = database["topics"]

    async def ensure_indexes(self) -> None:
        await self._topics.create_index(list(BY_KEY), name="key", unique=True)

    async def all(self, caller: Caller, session: Session | None = None) -> list[Topic]:
        """Of a company they are some dozens."""
        found = self._topics.find({}, session=session, batch_size=ONE_REPLY).sort(list(BY_KEY))
        return [_from_document(document) async for document in found]

    async def of_ids(self, caller: Caller, ids: Iterable[str]) -> dict[str, Topic]:
        found = self._topics.find({"_id": {"$in": list(ids)}}, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def of_keys(self, caller: Caller, keys: Iterable[str], session: Session | None = None) -> dict[str, Topic]:
        found = self._topics.find({"key": {"$in": list(keys)}}, session=session, batch_size=ONE_REPLY)
        return {document["key"]: _from_document(document) async for document in found}

    async def page(self, caller: Caller, page: Page, *, archived: bool) -> Slice[Topic]:
        condition: Document = {} if archived else {"archived": False}
        documents = await (
            self._topics.find({"$and": [condition, keyset_filter(BY_KEY, page)]})
            .sort(keyset_sort(BY_KEY, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of([_from_document(one) for one in documents], [(one["key"],) for one in documents], page)

    async def put(self, caller: Caller, topic: Topic, session: Session) -> None:
        """StaleTopic: somebody else changed it since it was read."""
        document = _to_document(topic)
        if topic.version == 1:
            await self._topics.insert_one(document, session=session)
            return
        done = await self._topics.replace_one(
            {"_id": topic.id, "version": topic.version - 1}, document, session=session
        )
        if done.matched_count != 1:
            raise StaleTopic(topic.key, topic.version, topic.version - 1)


def _to_document(topic: Topic) -> Document:
    return {
        "_id": topic.id,
        "key": topic.key,
        "name": topic.name,
        "words": {language: list(words) for language, words in topic.words.items()},
        "archived": topic.archived,
        "version": topic.version,
        "source": "rundblick",
        "team": None,
        "owner": None,
    }


def _from_document(document: Document) -> Topic:
    return Topic(
        id=document["_id"],
        key=document["key"],
        name=document["name"],
        words={language: tuple(words) for language, words in document["words"].items()},
        archived=document["archived"],
        version=document["version"],
    )
