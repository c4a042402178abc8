"""Where it is kept which mails were taken, how far mailboxes are read, and what could not be taken."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.mail.domain import SOURCE, Parked, Position, Taken

ORDER = (("_id", ASCENDING),)


class MongoMailRepository:
    """Of a mail itself nothing is kept but its ids: its text is in the message that it became."""

    def __init__(self, database: Database) -> None:
        self._mails = database["mails"]
        self._positions = database["mailboxes"]
        self._parked = database["parked_mails"]

    async def ensure_indexes(self) -> None:
        await self._mails.create_index([("references", ASCENDING)], name="references")

    async def related(self, caller: Caller, ids: Sequence[str]) -> list[Taken]:
        """Mails that have one of these Message-IDs, or refer to one of them; the oldest first."""
        wanted = {"$or": [{"_id": {"$in": list(ids)}}, {"references": {"$in": list(ids)}}]}
        documents = self._mails.find({"$and": [wanted, of_sources(caller)]}, batch_size=ONE_REPLY)
        found = [_from_document(document) async for document in documents]
        return sorted(found, key=lambda taken: taken.at)

    async def known(self, caller: Caller, id: str, session: Session | None = None) -> bool:
        found = await self._mails.find_one({"_id": id, **of_sources(caller)}, {"_id": 1}, session=session)
        return found is not None

    async def add(self, caller: Caller, taken: Taken, session: Session) -> None:
        await self._mails.insert_one(_to_document(taken), session=session)

    async def position(self, caller: Caller, mailbox: str) -> Position:
        found = await self._positions.find_one({"_id": mailbox})
        return Position(mailbox) if found is None else Position(mailbox, found["validity"], found["uid"])

    async def reached(self, caller: Caller, position: Position) -> None:
        news = {"validity": position.validity, "uid": position.uid}
        await self._positions.update_one({"_id": position.mailbox}, {"$set": news}, upsert=True)

    async def park(self, caller: Caller, parked: Parked) -> None:
        document = {
            "_id": parked.id,
            "mailbox": parked.mailbox,
            "validity": parked.validity,
            "uid": parked.uid,
            "why": parked.why,
            "at": parked.at,
            "source": SOURCE,
            "team": None,
            "owner": None,
        }
        await self._parked.replace_one({"_id": parked.id}, document, upsert=True)

    async def unpark(self, caller: Caller, parked: Parked) -> None:
        await self._parked.delete_one({"_id": parked.id})

    async def parked(self, caller: Caller, page: Page) -> Slice[Parked]:
        documents = await (
            self._parked.find({"$and": [of_sources(caller), keyset_filter(ORDER, page)]})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of(list(map(_parked, documents)), [(document["_id"],) for document in documents], page)

    async def parked_of(self, caller: Caller, ids: Iterable[str] | None) -> list[Parked]:
        """ids: None, all."""
        wanted = {} if ids is None else {"_id": {"$in": list(ids)}}
        documents = self._parked.find({**wanted, **of_sources(caller)}, batch_size=ONE_REPLY)
        return [_parked(document) async for document in documents]


def _to_document(taken: Taken) -> Document:
    return {
        "_id": taken.id,
        "enquiry": taken.enquiry,
        "message": taken.message,
        "references": list(taken.references),
        "at": taken.at,
        "source": SOURCE,
        "team": taken.team,
        "owner": taken.owner,
    }


def _from_document(document: Mapping[str, Any]) -> Taken:
    return Taken(
        id=document["_id"],
        enquiry=document["enquiry"],
        message=document["message"],
        references=tuple(document["references"]),
        at=document["at"],
        team=document["team"],
        owner=document["owner"],
    )


def _parked(document: Mapping[str, Any]) -> Parked:
    return Parked(document["mailbox"], document["validity"], document["uid"], document["why"], document["at"])
