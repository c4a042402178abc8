"""Answers SignalService calls."""

from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import signal_pb2 as pb
from rundblick.customers.v1 import signal_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import DomainError, InvalidInput
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Outbox
from services.customers.batches import LARGEST_BATCH
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.signal import messages
from services.customers.signal.domain import Signal
from services.customers.signal.repository import MongoSignalRepository
from services.customers.standing.outgoing import changed


class SignalServicer(signal_pb2_grpc.SignalServiceServicer):
    def __init__(
        self, database: Database, signals: MongoSignalRepository, customers: MongoCustomerRepository, outbox: Outbox
    ) -> None:
        self._database = database
        self._signals = signals
        self._customers = customers
        self._outbox = outbox

    async def RecordSignals(self, request: pb.RecordSignalsRequest, context: Any) -> pb.RecordSignalsResponse:
        caller = current_caller()
        if len(request.signals) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} signals", ("signals",))
        answers: list[pb.SignalAnswer] = []
        said: dict[str, Signal] = {}
        for message in request.signals:
            try:
                signal = messages.from_proto(message)
                require_source(caller, signal.source)
            except DomainError as error:
                answers.append(pb.SignalAnswer(error=item_error(error.fault)))
            else:
                answers.append(pb.SignalAnswer())
                known = said.get(signal.id)
                said[signal.id] = signal if known is None or signal.version >= known.version else known

        async def record(session: Session) -> None:
            known = await self._signals.of_ids(caller, said, session)
            news = [one for id, one in said.items() if id not in known or known[id].version < one.version]
            news = await self._given(caller, news, known, session)
            await self._signals.save(caller, news, session)
            concerned = {one.customer for one in news if one.customer is not None}
            await self._outbox.append(session, changed(concerned))

        await in_transaction(self._database, record)
        self._outbox.wake()
        return pb.RecordSignalsResponse(answers=answers)

    async def _given(
        self, caller: Caller, news: list[Signal], known: dict[str, Signal], session: Session
    ) -> list[Signal]:
        """Each to the customer its record belongs to today; what is corrected stays with its record."""
        news = [
            replace(one, source_record=known[one.id].source_record or one.source_record) if one.id in known else one
            for one in news
        ]
        records = {one.source_record for one in news if one.source_record is not None}
        # Held: a merge that comes between would be followed before this is there to be found.
        present = await self._customers.customers_of_records(caller, records, session, hold=True) if records else {}
        leads = await self._customers.leads_to(caller, {one.customer for one in news if one.customer}, session)
        return [
            replace(one, customer=present.get(one.source_record or "") or leads.get(one.customer or "", one.customer))
            for one in news
        ]
