"""Merges duplicates into the enquiry that is kept, in one transaction, and tells the others."""

from collections.abc import Callable
from datetime import datetime

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from chassis.idempotency import Writes
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from chassis.times import from_timestamp
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain.facts import EnquiryNotFound
from services.feedback.enquiry.domain.merging import Merging, merge, require_few
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.repository import MongoEnquiryRepository


class Merger:
    def __init__(
        self,
        enquiries: MongoEnquiryRepository,
        attachments: MongoAttachmentRepository,
        judging: Judging,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._enquiries = enquiries
        self._attachments = attachments
        self._judging = judging
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def merge(self, caller: Caller, request: pb.MergeEnquiriesRequest) -> pb.MergeEnquiriesResponse:
        into, duplicates = request.into_id, list(dict.fromkeys(request.duplicate_ids))
        require_few(into, duplicates)
        at = from_timestamp(request.occurred_at, ("occurred_at",)) if request.HasField("occurred_at") else self._now()

        async def work(session: Session) -> pb.MergeEnquiriesResponse:
            found = await self._enquiries.of_ids(caller, [into, *duplicates], session)
            for id in (into, *duplicates):
                if id not in found:
                    raise EnquiryNotFound(id, ("into_id",) if id == into else ("duplicate_ids",))
                require_source(caller, found[id].source)
            conversations = await self._enquiries.messages_of(caller, list(found), session)
            merging = merge(found[into], [found[id] for id in duplicates], conversations, at, caller.employee)
            if merging.merged:
                merging = merging.judged((await self._judging.rules()).judged)
                await self._save(caller, merging, found[into].version, session)
                told = entries(found[into], merging.kept, merging.moved, conversations[into])
                told += [entry for before, after in merging.merged for entry in entries(before, after, ())]
                await self._outbox.append(session, told)
            now, after = self._now(), {one.id: one for _, one in merging.merged}
            return pb.MergeEnquiriesResponse(
                enquiry=messages.to_proto(merging.kept, now),
                duplicates=[messages.to_proto(after.get(id, found[id]), now) for id in duplicates],
            )

        done = await self._writes.run(caller, request, pb.MergeEnquiriesResponse, work)
        self._outbox.wake()
        return done

    async def _save(self, caller: Caller, merging: Merging, version: int, session: Session) -> None:
        await self._enquiries.save(caller, merging.kept, session, made_from=version)
        for _, after in merging.merged:
            await self._enquiries.save(caller, after, session)
        ids = [after.id for _, after in merging.merged]
        await self._enquiries.move_messages(caller, ids, merging.kept, session)
        await self._attachments.move(caller, ids, merging.kept.id, session)
