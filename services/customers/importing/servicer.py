"""Answers ImportService calls."""

from typing import Any

from rundblick.customers.v1 import importing_pb2 as pb
from rundblick.customers.v1 import importing_pb2_grpc

from chassis.batches import item_error
from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.mongo import Database, Session, in_transaction, require_source
from services.customers.batches import LARGEST_BATCH
from services.customers.customer.forms import Forms
from services.customers.importing.domain import Outcome
from services.customers.importing.taking import SpendRows, take_customers, take_touchpoints
from services.customers.reference.resolver import Resolver
from services.customers.spend.recording import SpendRecording
from services.customers.touchpoint.repository import MongoTouchpointRepository


class ImportServicer(importing_pb2_grpc.ImportServiceServicer):
    def __init__(
        self,
        database: Database,
        resolver: Resolver,
        touchpoints: MongoTouchpointRepository,
        spend: SpendRows,
        spending: SpendRecording,
        forms: Forms,
    ) -> None:
        self._forms = forms
        self._database = database
        self._resolver = resolver
        self._touchpoints = touchpoints
        self._spend = spend
        self._spending = spending

    async def ImportRows(self, request: pb.ImportRowsRequest, context: Any) -> pb.ImportRowsResponse:
        caller = current_caller()
        require_source(caller, request.source)
        if not 1 <= len(request.source) <= 100:
            raise InvalidInput("a source has 1 to 100 characters", ("source",))
        if len(request.rows) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} rows", ("rows",))
        rows: dict[str, list[pb.ImportedRow]] = {}
        for row in request.rows:
            rows.setdefault(row.WhichOneof("record") or "", []).append(row)
        if "" in rows:
            raise InvalidInput("a row says nothing", ("rows", str(list(request.rows).index(rows[""][0]))))

        async def take(session: Session) -> Outcome:
            outcome = Outcome()
            if "touchpoint" in rows:
                await take_touchpoints(caller, rows["touchpoint"], self._touchpoints, outcome, session)
            if "spend" in rows:
                await self._spend.take(caller, request.source, rows["spend"], outcome, session)
            return outcome

        outcome = await in_transaction(self._database, take)
        if "customer" in rows:
            await take_customers(caller, request.source, rows["customer"], self._resolver, self._forms, outcome)
        self._spending.told()
        return pb.ImportRowsResponse(
            created=outcome.created,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
            rejected=[
                pb.RejectedImportRow(line=line, error=item_error(fault))
                for line, fault in sorted(outcome.faults.items())
            ],
            left_out=[
                pb.RejectedImportRow(line=line, error=item_error(fault))
                for line, faults in sorted(outcome.left_out.items())
                for fault in faults
            ],
        )
