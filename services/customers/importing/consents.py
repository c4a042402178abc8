"""Takes rows of consent: entries that are added once, with what proves them, and that widen nothing said since."""

from collections.abc import Callable, Sequence
from datetime import datetime

from rundblick.customers.v1 import consent_pb2
from rundblick.customers.v1 import importing_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Conflict, DomainError, InvalidInput, NotFound
from chassis.ids import derived_id
from chassis.mongo import Session
from services.customers.consent import messages
from services.customers.consent.domain import ConsentStatus, Statement
from services.customers.consent.recording import ConsentRecording
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.domain import OWN_SOURCE
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.importing.domain import Outcome
from services.customers.importing.rows import require_external_id
from services.customers.reference.resolver import Asked, Resolver

_SAID = {
    consent_pb2.CONSENT_STATUS_GRANTED: ConsentStatus.GRANTED,
    consent_pb2.CONSENT_STATUS_REVOKED: ConsentStatus.REVOKED,
}


class ConsentRows:
    def __init__(
        self,
        customers: MongoCustomerRepository,
        consents: MongoConsentRepository,
        recording: ConsentRecording,
        resolver: Resolver,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._consents = consents
        self._recording = recording
        self._resolver = resolver
        self._now = now

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        keys = {row.consent.customer_external_id for row in rows}
        found = await self._customers.of_external_ids(caller, source, keys, session)
        # As for every entry: whoever refuses speaks for Rundblick's own record too.
        owners = sorted({customer for customer, _ in found.values()})
        shown = (await self._resolver.resolve_within(caller, Asked(OWN_SOURCE, customer_ids=owners), session)).by_id
        ids = {row.line: derived_id("cns", source, row.consent.external_id) for row in rows}
        known = await self._consents.statements(caller, ids.values(), session)
        for row in rows:
            id = ids[row.line]
            try:
                said = _statement(row.consent, source, self._now())
                if id in known:
                    _require_same(known[id], said)
                    outcome.took(said, said)
                    continue
                key = row.consent.customer_external_id
                if key not in found or found[key][0] not in shown:
                    raise NotFound(f"{source} has no record {key[:80]}", ("customer",))
                await self._recording.record(caller, session, found[key][1].id, said, imported_as=id)
            except DomainError as error:
                outcome.faults[row.line] = error.fault
            else:
                known[id] = said
                outcome.took(None, said)


def _statement(row: pb.ImportedConsent, source: str, now: datetime) -> Statement:
    require_external_id(row.external_id)
    if row.status not in _SAID:
        raise InvalidInput("an entry is GRANTED or REVOKED", ("status",))
    if not row.statement.HasField("occurred_at"):
        raise InvalidInput("when it was said is missing", ("occurred_at",))
    status = _SAID[row.status]
    if status is ConsentStatus.GRANTED and not row.statement.wording_version:
        raise InvalidInput("what was agreed to is missing: the version of the wording", ("wording_version",))
    statement = consent_pb2.ConsentStatement()
    statement.CopyFrom(row.statement)
    statement.source = source
    return messages.statement_from_proto(statement, status, now)


def _require_same(known: Statement, said: Statement) -> None:
    """Conflict: the entry was added before and says something else; what was said is never changed."""
    for field in ("channel", "purpose", "status", "address", "occurred_at", "expires_at"):
        if getattr(known, field) != getattr(said, field):
            raise Conflict("this entry was added before and says something else: add another one", (field,))
