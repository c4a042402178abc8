"""Answers ImportService calls."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import importing_pb2 as pb
from rundblick.customers.v1 import importing_pb2_grpc

from chassis.batches import item_error
from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Outbox
from services.customers.batches import LARGEST_BATCH
from services.customers.importing.domain import Outcome
from services.customers.importing.rows import Rows


class ImportServicer(importing_pb2_grpc.ImportServiceServicer):
    """kinds: what takes the rows of each, by their field; of one call in this order, as the later name the earlier."""

    def __init__(self, database: Database, kinds: Mapping[str, Rows], outbox: Outbox) -> None:
        self._database = database
        self._kinds = kinds
        self._outbox = outbox

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
            for kind, taking in self._kinds.items():
                if kind in rows:
                    await taking.take(caller, request.source, rows[kind], outcome, session)
            if request.dry_run:
                raise _Undone(outcome)
            return outcome

        try:
            outcome = await in_transaction(self._database, take)
        except _Undone as undone:
            outcome = undone.outcome
        self._outbox.wake()
        return _response(outcome)


class _Undone(Exception):
    """Nothing of the transaction is kept."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def _response(outcome: Outcome) -> pb.ImportRowsResponse:
    return pb.ImportRowsResponse(
        created=outcome.created,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
        rejected=[
            pb.RejectedImportRow(line=line, error=item_error(fault)) for line, fault in sorted(outcome.faults.items())
        ],
        left_out=[
            pb.RejectedImportRow(line=line, error=item_error(fault))
            for line, faults in sorted(outcome.left_out.items())
            for fault in faults
        ],
    )
