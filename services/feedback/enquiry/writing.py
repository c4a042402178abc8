"""Reads a message that somebody writes: who, where and when."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Unavailable
from chassis.ids import new_id
from chassis.times import from_timestamp
from services.feedback.attachment.taking import require_few
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain.facts import AuthorKind, Enquiry, Message, Visibility
from services.feedback.enquiry.domain.notes import require_notes
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.references import CustomersClient, References


class Writing:
    def __init__(self, customers: CustomersClient, now: Callable[[], datetime]) -> None:
        self._customers = customers
        self._now = now

    def at(self, request: Any) -> datetime:
        """When it happened; now, when the request does not say."""
        if request.HasField("occurred_at"):
            return from_timestamp(request.occurred_at, ("occurred_at",))
        return self._now()

    async def message(self, caller: Caller, enquiry: Enquiry, new: pb.NewMessage, found: References) -> Message:
        """InvalidInput: there is no such author. Forbidden: it is a note, and the caller may not see notes."""
        if new.author_id:
            await self._require_author(caller, new.author_id)
        place = found.places.get(new.touchpoint_key)
        visibility = kind_from_proto(
            messages.VISIBILITY_FROM_PROTO, new.visibility, "visibility", default=Visibility.PUBLIC
        )
        if visibility is Visibility.INTERNAL:
            require_notes(caller)
        require_few(new.attachment_ids, ("attachments",))
        return Message(
            id=new_id("msg"),
            enquiry=enquiry.id,
            author_kind=kind_from_proto(
                messages.AUTHOR_FROM_PROTO, new.author_kind, "author_kind", default=AuthorKind.CUSTOMER
            ),
            visibility=visibility,
            occurred_at=self.at(new),
            source=enquiry.source,
            body=new.body,
            author=new.author_id or None,
            touchpoint=place.touchpoint if place else enquiry.touchpoint,
            channel=place.channel if place else enquiry.channel,
            in_reply_to=new.in_reply_to_id or None,
            connected=new.connected if new.HasField("connected") else None,
            source_record=enquiry.source_record,
            attachments=tuple(new.attachment_ids),
        )

    async def _require_author(self, caller: Caller, id: str) -> None:
        try:
            await self._customers.require_employee(caller, id, ("author",))
        except Unavailable:
            # It was written, whoever is away: facts are not refused for that.
            return
