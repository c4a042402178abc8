"""Takes an e-mail: as a message of the enquiry it belongs to, or as a new enquiry."""

import re
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any

from google.protobuf.message import Message as ProtoMessage
from rundblick.customers.v1 import customer_pb2, reference_pb2, touchpoint_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller, service_caller
from chassis.idempotency import Response, Writes
from chassis.mongo import Database, Session, in_transaction
from chassis.times import to_timestamp
from services.feedback.enquiry.changes import Changes
from services.feedback.enquiry.domain.facts import LONGEST_LABEL, Enquiry
from services.feedback.enquiry.opening import Opening
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.mail.deliveries import Deliveries
from services.feedback.mail.domain import SOURCE, Author, Company, Mail, Mailbox, Spoken, Taken, named_enquiry, spoken
from services.feedback.mail.filing import Filing
from services.feedback.mail.repository import MongoMailRepository

_CALLER = service_caller("feedback")
_AUTHORS = {author: pb.AuthorKind.Value(f"AUTHOR_KIND_{author.value}") for author in Author}
_ANSWERED = re.compile(r"^((re|aw|antw|fwd?|wg)(\[\d+\])?:\s*)+", re.IGNORECASE)
_NO_SUBJECT = "-"
_LONGEST_NAMES = 5_000
_TIMEOUT = 30.0


class Outcome(Enum):
    """LEFT_OUT: it belongs to no conversation, and nobody wrote it, or it did not leave the company."""

    OPENED = "OPENED"
    ADDED = "ADDED"
    KNOWN = "KNOWN"
    LEFT_OUT = "LEFT_OUT"


class Taking:
    """opening, changes: over the writes they are given."""

    def __init__(
        self,
        database: Database,
        mails: MongoMailRepository,
        enquiries: MongoEnquiryRepository,
        customers: CustomersClient,
        deliveries: Deliveries,
        filing: Filing,
        opening: Callable[[Writes], Opening],
        changes: Callable[[Writes], Changes],
    ) -> None:
        self._database = database
        self._mails = mails
        self._enquiries = enquiries
        self._customers = customers
        self._deliveries = deliveries
        self._filing = filing
        self._opening = opening
        self._changes = changes

    async def take(self, mail: Mail, company: Company, touchpoint: str) -> Outcome:
        """touchpoint: its key; made when it is new. Again it changes nothing. DomainError: why it cannot be taken."""
        if await self._mails.known(_CALLER, mail.id):
            return Outcome.KNOWN
        await self._deliveries.came_back(mail.undelivered)
        said, enquiry = spoken(mail, company), await self._enquiry(mail)
        if enquiry is None and (said.author is Author.SYSTEM or said.internal or said.customer is None):
            return Outcome.LEFT_OUT
        customer = await self._resolve(said.customer if enquiry is None else None, touchpoint)
        source = SOURCE if enquiry is None else enquiry.source
        kept, refused = await self._filing.keep(_CALLER, mail.attachments, source)
        message = _message(mail, said, touchpoint, kept, refused)
        once = _Once(self._database, self._mails, self._enquiries, mail)
        try:
            if enquiry is not None:
                add = pb.AddMessageRequest(enquiry_id=enquiry.id, message=message)
                await self._changes(once).add_message(_CALLER, add)
                return Outcome.ADDED
            await self._opening(once).open(_CALLER, _request(mail, message, touchpoint, customer))
        except _KnownMeanwhile:
            return Outcome.KNOWN
        return Outcome.OPENED

    async def _enquiry(self, mail: Mail) -> Enquiry | None:
        """By mails it answers, by an id it names, by mails that answer it or the same; by what we sent ourselves."""
        answered = (*mail.references, *mail.undelivered)
        related = await self._mails.related(_CALLER, [mail.id, *answered])
        enquiries = {taken.id: taken.enquiry for taken in related}
        named = named_enquiry(mail)
        for id in (*(enquiries.get(one) for one in answered), named, *enquiries.values()):
            if id is not None and (present := await self._present(id)) is not None:
                return present
        sent_for = await self._deliveries.enquiry_of(answered)
        return await self._present(sent_for) if sent_for is not None else None

    async def _present(self, id: str) -> Enquiry | None:
        """Where its messages are today. None: there is no such enquiry."""
        found = (await self._enquiries.of_ids(_CALLER, [id])).get(id)
        while found is not None and found.merged_into is not None:
            found = (await self._enquiries.of_ids(_CALLER, [found.merged_into])).get(found.merged_into)
        return found

    async def _resolve(self, customer: Mailbox | None, touchpoint: str) -> str | None:
        """Both are there from now on. The customer's address, when the customer is known by it."""
        person = [] if customer is None else [_customer(customer)]
        found = await self._customers.resolve(
            _CALLER, SOURCE, customers=person, touchpoints=[_touchpoint(touchpoint)], timeout=_TIMEOUT
        )
        return customer.address if customer is not None and customer.address in found.customers else None


class _KnownMeanwhile(Exception):
    """Somebody else took the same mail a moment ago."""


class _Once(Writes):
    """Writes what one mail says once and for ever: by its Message-ID, where others go by an idempotency key."""

    def __init__(
        self, database: Database, mails: MongoMailRepository, enquiries: MongoEnquiryRepository, mail: Mail
    ) -> None:
        super().__init__(database)
        self._of = database
        self._mails = mails
        self._enquiries = enquiries
        self._mail = mail

    async def run(
        self,
        caller: Caller,
        request: ProtoMessage,
        response: type[Response],
        work: Callable[[Session], Coroutine[Any, Any, Response]],
    ) -> Response:
        """_KnownMeanwhile: it was written before."""

        async def once(session: Session) -> Response:
            if await self._mails.known(caller, self._mail.id, session):
                raise _KnownMeanwhile
            done = await work(session)
            await self._mails.add(caller, await self._taken(caller, done, session), session)
            return done

        return await in_transaction(self._of, once)

    async def _taken(self, caller: Caller, done: Any, session: Session) -> Taken:
        enquiry = done.enquiry
        if isinstance(done, pb.AddMessageResponse):
            message = done.message.id
        else:
            [first] = (await self._enquiries.messages_of(caller, [enquiry.id], session))[enquiry.id]
            message = first.id
        return Taken(
            self._mail.id,
            enquiry.id,
            message,
            self._mail.references,
            self._mail.at,
            team=enquiry.team_id or None,
            owner=enquiry.assignee_id or None,
        )


def _message(mail: Mail, said: Spoken, touchpoint: str, kept: list[str], refused: list[str]) -> pb.NewMessage:
    """kept: ids of files; refused: names of those that are not kept, so that it is known that they were there."""
    names = "\n".join(f"[{name}]" for name in refused)
    return pb.NewMessage(
        author_kind=_AUTHORS[said.author],
        visibility=pb.VISIBILITY_INTERNAL if said.internal else pb.VISIBILITY_PUBLIC,
        touchpoint_key=touchpoint,
        body="\n\n".join(filter(None, (mail.text, names[:_LONGEST_NAMES]))),
        occurred_at=to_timestamp(mail.at),
        attachment_ids=kept,
    )


def _request(mail: Mail, message: pb.NewMessage, touchpoint: str, customer: str | None) -> pb.OpenEnquiryRequest:
    request = pb.OpenEnquiryRequest(
        source=SOURCE,
        external_id=mail.id if len(mail.id) <= LONGEST_LABEL else None,
        touchpoint_key=touchpoint,
        subject=_ANSWERED.sub("", mail.subject).strip() or _NO_SUBJECT,
        opened_at=message.occurred_at,
        message=message,
    )
    if customer is not None:
        request.customer_external_id.CopyFrom(customer_pb2.ExternalId(source=SOURCE, id=customer))
    return request


def _customer(mailbox: Mailbox) -> reference_pb2.CustomerReference:
    """Known by the address; the name is what they call themselves."""
    return reference_pb2.CustomerReference(
        external_id=mailbox.address,
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
        fields=customer_pb2.CustomerFields(
            display_name=mailbox.name or mailbox.address, emails=customer_pb2.StringList(values=[mailbox.address])
        ),
    )


def _touchpoint(key: str) -> reference_pb2.TouchpointReference:
    new = reference_pb2.NewTouchpoint(
        name="E-mail",
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
        control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
    )
    return reference_pb2.TouchpointReference(key=key, create=new)
