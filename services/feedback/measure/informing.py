"""Tells those who asked for what a measure brings: who they are, whether they may be written to, and what is there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

import grpc
from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    delivery_pb2,
    touchpoint_pb2,
)
from rundblick.feedback.v1 import measure_pb2 as pb

from chassis.caller import Caller, service_caller
from chassis.calls import call
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import prefix_of
from chassis.mongo import Session
from chassis.outbox import Entry, Outbox
from chassis.page import LARGEST_SIZE, decode_cursor, encode_cursor
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.measure import messages
from services.feedback.measure.domain import (
    PREFIX,
    Asking,
    Measure,
    MeasureNotFound,
    NotDecided,
    Refusal,
    Told,
    text_for,
)
from services.feedback.measure.outgoing import telling
from services.feedback.measure.repository import MongoMeasureRepository
from services.feedback.measure.told import MongoToldRepository

# So many who asked are looked at for one page, and told with one call.
_LOOKED_AT = 200
_TOLD_AT_ONCE = 500
_BATCH = 1000
_TIMEOUT = 5.0


class Informing:
    """customers: a channel; asked on this process's own account."""

    def __init__(
        self,
        measures: MongoMeasureRepository,
        told: MongoToldRepository,
        aliases: MongoAliasRepository,
        customers: grpc.aio.Channel,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._measures = measures
        self._told = told
        self._aliases = aliases
        self._consents = consent_pb2_grpc.ConsentServiceStub(customers)
        self._writes = writes
        self._outbox = outbox
        self._now = now
        self._own = service_caller("feedback")

    async def pages(
        self, caller: Caller, request: pb.BatchListCustomersToInformRequest
    ) -> dict[str, pb.CustomersToInformPage]:
        """Of each measure those who may be written to, or those who may not. InvalidInput: size or cursor."""
        if not 0 <= request.first <= LARGEST_SIZE:
            raise InvalidInput(f"first is 0 to {LARGEST_SIZE}", ("first",))
        measures = await self._measures.of_ids(caller, request.measure_ids)
        most = request.first + _LOOKED_AT
        asking = await self._told.asking(caller, measures.values(), _place(request), most, self._now())
        refusals = await self._refusals(one for some in asking.values() for one in some)
        pages = {}
        for id in request.measure_ids:
            looked_at = asking.get(id, [])
            wanted = [one for one in looked_at if (one.customer in refusals) is request.refused]
            pages[id] = _page(wanted, looked_at, refusals, request.first, more=len(looked_at) == most)
        return pages

    async def inform(self, caller: Caller, request: pb.InformCustomersRequest) -> pb.InformCustomersResponse:
        """MeasureNotFound, NotDecided. InvalidInput: texts or cursor. Unavailable: customers does not answer."""
        texts = messages.texts_from_proto(request.texts)
        measure = (await self._measures.of_ids(caller, [request.measure_id])).get(request.measure_id)
        if measure is None:
            raise MeasureNotFound(request.measure_id, ("measure_id",))
        if not measure.decided:
            raise NotDecided(measure.id)
        now, after = self._now(), _place(request)
        asking = (await self._told.asking(caller, [measure], after, _TOLD_AT_ONCE, now)).get(measure.id, [])
        refusals = await self._refusals(asking)
        may_be_told = [one for one in asking if one.customer not in refusals]

        async def tell(session: Session) -> pb.InformCustomersResponse:
            # Two who tell of the same measure at once: one of them comes after the other, and finds who was told.
            await self._measures.touch(caller, measure.id, session)
            said: list[Told] = []
            entries: list[Entry] = []
            for one in await self._left(caller, measure, may_be_told, session):
                text = text_for(one, texts)
                told = Told(measure.id, one.customer, one.source_record, now, text.language)
                said.append(told)
                entries += telling(told, one.feedback[0], text)
            await self._told.add(caller, said, session)
            await self._outbox.append(session, entries)
            return pb.InformCustomersResponse(
                measure=messages.to_proto(measure),
                informed=list(map(messages.told_to_proto, said)),
                refused=[messages.asking_to_proto(o, refusals[o.customer]) for o in asking if o.customer in refusals],
                next=encode_cursor((asking[-1].customer,)) if len(asking) == _TOLD_AT_ONCE else None,
            )

        done = await self._writes.run(caller, request, pb.InformCustomersResponse, tell)
        self._outbox.wake()
        return done

    async def _left(
        self, caller: Caller, measure: Measure, asking: Sequence[Asking], session: Session
    ) -> Iterable[Asking]:
        """Those who were not told, each customer of today once; no merge comes between until the session commits."""
        present = await self._aliases.hold(caller, {one.source_record: one.customer for one in asking}, session)
        today = {
            (customer := present.get(one.source_record, one.customer)): replace(one, customer=customer)
            for one in reversed(asking)
        }
        told = await self._told.told_of(caller, measure.id, today, session)
        return [one for customer, one in sorted(today.items()) if customer not in told]

    async def _refusals(self, asking: Iterable[Asking]) -> dict[str, Refusal]:
        """Of those who may not be written to, why. As an answer to what they asked it needs no consent of its own."""
        customers = iter(dict.fromkeys(one.customer for one in asking))
        found: dict[str, Refusal] = {}
        while some := list(islice(customers, _BATCH)):
            request = consent_pb2.BatchGetContactPermissionsRequest(
                customer_ids=some,
                channel=touchpoint_pb2.CHANNEL_EMAIL,
                purpose=consent_pb2.CONSENT_PURPOSE_SERVICE,
            )
            answer: Any = await call(self._consents.BatchGetContactPermissions, request, timeout=_TIMEOUT)
            for customer in some:
                refusal = _refusal(answer.answers[customer])
                if refusal is not None:
                    found[customer] = refusal
        return found

    async def learn(self, deliveries: Sequence[delivery_pb2.Delivery]) -> None:
        """Under which ids it goes out."""
        ours = {one.external_id: one.id for one in deliveries if prefix_of(one.reference) == PREFIX}
        await self._told.queued(self._own, ours)


def _place(request: Any) -> str:
    """The customer after whom it goes on."""
    if not request.HasField("after"):
        return ""
    (customer,) = decode_cursor(request.after, [str], "after")
    return str(customer)


def _refusal(answer: consent_pb2.ContactPermissionAnswer) -> Refusal | None:
    if not answer.HasField("value"):
        return Refusal.UNKNOWN
    if not answer.value.allowed:
        return Refusal.OBJECTED
    return None if answer.value.reachable else Refusal.NO_ADDRESS


def _page(
    wanted: Sequence[Asking], looked_at: Sequence[Asking], refusals: Mapping[str, Refusal], first: int, *, more: bool
) -> pb.CustomersToInformPage:
    shown = wanted[:first]
    edges = [
        pb.CustomerToInformEdge(
            cursor=encode_cursor((one.customer,)), node=messages.asking_to_proto(one, refusals.get(one.customer))
        )
        for one in shown
    ]
    page = pb.CustomersToInformPage(edges=edges)
    page.page_info.has_next_page = more or len(wanted) > len(shown)
    # Where nobody more was found it goes on behind all who were looked at.
    last = shown if len(wanted) > len(shown) else looked_at
    if last:
        page.page_info.start_cursor = encode_cursor(((shown or last)[0].customer,))
        page.page_info.end_cursor = encode_cursor((last[-1].customer,))
    return page
