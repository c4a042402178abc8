"""Where attachments are kept: what they are as documents, their bytes in GridFS, both under the same id."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from gridfs.errors import NoFile
from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, open_bucket
from services.feedback.attachment.domain import KEPT_UNTAKEN, Attachment, State

_BYTES = "attachment_bytes"
_IS_SET: Document = {"$exists": True}
# Beginnings and ends of an attachment's life, that nobody sees.
_UNSEEN = (State.UPLOADING.value, State.REMOVING.value)


class MongoAttachmentRepository:
    """A document is there before the first byte and after the last one: no bytes are ever without one."""

    def __init__(self, database: Database) -> None:
        self._attachments = database["attachments"]
        self._bucket = open_bucket(database, _BYTES)
        self._bytes = database[f"{_BYTES}.files"]

    async def ensure_indexes(self) -> None:
        await self._attachments.create_index(
            "enquiry", name="enquiry", partialFilterExpression={"enquiry": {"$gt": ""}}
        )
        await self._attachments.create_index(
            "untaken_since", name="untaken", partialFilterExpression={"untaken_since": _IS_SET}
        )
        await self._attachments.create_index(
            "scan_after", name="unscanned", partialFilterExpression={"scan_after": _IS_SET}
        )

    async def begin(self, caller: Caller, attachment: Attachment) -> None:
        await self._attachments.insert_one(_to_document(attachment))

    async def put(self, caller: Caller, attachment: Attachment, parts: AsyncIterator[bytes]) -> int:
        """Take in the bytes; answers how many there were. What `parts` raises leaves nothing behind in GridFS."""
        async with self._bucket.open_upload_stream_with_id(attachment.id, attachment.name) as stream:
            size = 0
            async for part in parts:
                size += len(part)
                await stream.write(part)
        return size

    async def finish(self, caller: Caller, attachment: Attachment) -> None:
        await self._attachments.replace_one({"_id": attachment.id}, _to_document(attachment))

    async def of_ids(self, caller: Caller, ids: Iterable[str], *, notes: bool) -> dict[str, Attachment]:
        """notes: those of internal notes too."""
        taken: Document = {"enquiry": {"$gt": ""}, **of_sources(caller)}
        if not notes:
            taken["internal"] = False
        own = {"enquiry": None, "uploader": caller.subject}
        found = self._attachments.find(
            {"_id": {"$in": list(ids)}, "state": {"$nin": list(_UNSEEN)}, "$or": [taken, own]}, batch_size=ONE_REPLY
        )
        return {document["_id"]: _from_document(document) async for document in found}

    async def bytes_of(self, caller: Caller, id: str) -> AsyncIterator[bytes]:
        stream = await self._bucket.open_download_stream(id)
        while part := await stream.readchunk():
            yield part

    async def take(
        self,
        caller: Caller,
        ids: Sequence[str],
        source: str,
        enquiry: str,
        message: str,
        session: Session,
        **marks: bool,
    ) -> set[str]:
        """Those that the message has from now on: brought by the same caller, of its source, and nobody else's yet."""
        condition = {
            "_id": {"$in": list(ids)},
            "source": source,
            "uploader": caller.subject,
            "enquiry": None,
            "state": {"$nin": list(_UNSEEN)},
        }
        there = self._attachments.find(condition, {"_id": 1}, session=session, batch_size=ONE_REPLY)
        found = {document["_id"] async for document in there}
        await self._attachments.update_many(
            {"_id": {"$in": list(found)}},
            {"$set": {"enquiry": enquiry, "message": message, **marks}, "$unset": {"untaken_since": 1}},
            session=session,
        )
        return found

    async def move(self, caller: Caller, enquiries: Sequence[str], into: str, session: Session) -> None:
        """What belongs to messages that moved goes with them."""
        await self._attachments.update_many(
            {"enquiry": {"$in": list(enquiries)}}, {"$set": {"enquiry": into}}, session=session
        )

    async def some(self, caller: Caller, after: str | None, size: int, session: Session) -> list[Attachment]:
        """The next ones in the order of their ids; without a place to start any, by chance."""
        if after is None:
            chosen = self._attachments.aggregate([{"$sample": {"size": size}}], session=session)
            return [_from_document(document) for document in await chosen.to_list(size)]
        found = self._attachments.find({"_id": {"$gt": after}}, session=session).sort("_id", ASCENDING)
        return [_from_document(document) for document in await found.limit(size).to_list(size)]

    async def sizes(self, caller: Caller, ids: Sequence[str], session: Session) -> dict[str, int]:
        """How many bytes are there of each."""
        found = self._bytes.find({"_id": {"$in": list(ids)}}, {"length": 1}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document["length"] async for document in found}

    async def unscanned(self, caller: Caller, now: datetime, limit: int) -> list[str]:
        """What the scanner is to look at now, the longest waiting first."""
        found = self._attachments.find({"scan_after": {"$lte": now}}, {"_id": 1}).sort("scan_after", ASCENDING)
        return [document["_id"] for document in await found.limit(limit).to_list(limit)]

    async def postpone(self, caller: Caller, id: str, until: datetime) -> None:
        await self._attachments.update_one({"_id": id, "scan_after": _IS_SET}, {"$set": {"scan_after": until}})

    async def judge(self, caller: Caller, id: str, state: State) -> None:
        """What the scanner said. The bytes of what is infected go, before anybody is told that it was scanned."""
        if state is State.INFECTED:
            await self._drop_bytes(id)
        await self._attachments.update_one(
            {"_id": id, "scan_after": _IS_SET}, {"$set": {"state": state.value}, "$unset": {"scan_after": 1}}
        )

    async def remove_untaken(self, caller: Caller, now: datetime, limit: int) -> int:
        """What no message took in time, whole or begun; answers how many there were."""
        due = self._attachments.find({"untaken_since": {"$lte": now - KEPT_UNTAKEN}}, {"_id": 1}).limit(limit)
        removed = 0
        for document in await due.to_list(limit):
            removed += await self.remove(caller, document["_id"])
        return removed

    async def remove(self, caller: Caller, id: str) -> bool:
        """Of what no message took. Killed at any line, it is done again."""
        untaken = {"_id": id, "untaken_since": _IS_SET}
        marked = await self._attachments.update_one(
            untaken, {"$set": {"state": State.REMOVING.value}, "$unset": {"scan_after": 1}}
        )
        if not marked.matched_count:
            return False
        await self._drop_bytes(id)
        await self._attachments.delete_one(untaken)
        return True

    async def _drop_bytes(self, id: str) -> None:
        # Of an upload that was cut off there are parts alone, which go all the same.
        with suppress(NoFile):
            await self._bucket.delete(id)


def _to_document(attachment: Attachment) -> Document:
    document: dict[str, Any] = {
        "_id": attachment.id,
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "state": attachment.state.value,
        "source": attachment.source,
        "team": attachment.team,
        "owner": attachment.owner,
        "uploader": attachment.uploader,
        "uploaded_at": attachment.uploaded_at,
        "enquiry": attachment.enquiry,
        "message": attachment.message,
        "internal": attachment.internal,
    }
    if attachment.enquiry is None:
        document["untaken_since"] = attachment.uploaded_at
    if attachment.state in (State.PENDING, State.UNSCANNED):
        document["scan_after"] = attachment.uploaded_at
    return document


def _from_document(document: Document) -> Attachment:
    return replace(
        Attachment(
            id=document["_id"],
            name=document["name"],
            content_type=document["content_type"],
            source=document["source"],
            uploader=document["uploader"],
            uploaded_at=document["uploaded_at"],
        ),
        state=State(document["state"]),
        size=document["size"],
        team=document["team"],
        owner=document["owner"],
        enquiry=document["enquiry"],
        message=document["message"],
        internal=document["internal"],
    )
