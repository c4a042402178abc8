"""Writes definitions: checks a draft, says what changes, tries it, and keeps it as the next version."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Conflict, InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi import messages
from services.metrics.kpi.catalogue import Catalogue, Catalogues
from services.metrics.kpi.definition import changes, checked
from services.metrics.kpi.domain import Aggregation, BackFill, Kpi, KpiNotFound, Phase, StaleVersion
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.kpi.trial import tried

WRITE = "metrics:write"
_TRIED = 2_000
_LOOKED_AT = 50_000


class Defining:
    def __init__(
        self,
        kpis: MongoKpiRepository,
        events: MongoEventRepository,
        catalogues: Catalogues,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._kpis = kpis
        self._events = events
        self._catalogues = catalogues
        self._writes = writes
        self._now = now

    async def define(self, caller: Caller, request: pb.DefineKpiRequest) -> pb.DefineKpiResponse:
        """InvalidInput: what cannot be. StaleVersion: somebody was faster."""
        catalogue = await self._catalogues.refresh()
        if request.dry_run:
            return await self._dry_run(caller, request, _draft(request, catalogue), catalogue)

        async def define(session: Session) -> pb.DefineKpiResponse:
            # As it stands in this snapshot: whoever defines or archives writes the same stamp, and conflicts.
            catalogue = await self._catalogues.refresh(session)
            draft = _draft(request, catalogue)
            _check_dependents(catalogue, draft)
            before = await self._kpis.newest(caller, draft.key, session)
            after = _next(before, draft, request.version if request.HasField("version") else None)
            changed = list(changes(before, after))
            if before is not None and not changed:
                return self._response(before, [], catalogue)
            fresh = after.counted == after.version
            await self._kpis.add(caller, session, after, fresh=fresh)
            return self._response(after, changed, catalogue)

        response = await self._writes.run(caller, request, pb.DefineKpiResponse, define)
        await self._catalogues.refresh()
        return response

    async def archive(self, caller: Caller, request: pb.ArchiveKpiRequest) -> pb.ArchiveKpiResponse:
        """KpiNotFound. Conflict: another KPI is derived from it."""

        async def archive(session: Session) -> pb.ArchiveKpiResponse:
            catalogue = await self._catalogues.refresh(session)
            derived = [kpi.key for kpi in catalogue.all if request.key in kpi.of]
            if derived:
                raise Conflict(f"{', '.join(derived)} is derived from it: archive that first", ("key",))
            before = await self._kpis.newest(caller, request.key, session)
            if before is None:
                raise KpiNotFound(request.key)
            if request.HasField("version") and request.version != before.version:
                raise StaleVersion(before.key, before.version)
            at = before.archived_at or self._now()
            if before.archived_at is None:
                await self._kpis.archive(caller, session, before.key, before.version, at)
            return pb.ArchiveKpiResponse(kpi=self._proto(replace(before, archived_at=at), catalogue))

        response = await self._writes.run(caller, request, pb.ArchiveKpiResponse, archive)
        await self._catalogues.refresh()
        return response

    async def _dry_run(
        self, caller: Caller, request: pb.DefineKpiRequest, draft: Kpi, catalogue: Catalogue
    ) -> pb.DefineKpiResponse:
        try:
            before = catalogue.newest(draft.key)
        except KpiNotFound:
            before = None
        after = _next(before, draft, request.version if request.HasField("version") else None)
        response = self._response(after, list(changes(before, after)), catalogue)
        if not after.of:
            stored = await self._events.newest(caller, after.event, _LOOKED_AT, _TRIED)
            trial = tried(after, catalogue.registry, map(event_from_bytes, stored), self._now())
            response.trial.CopyFrom(messages.trial_to_proto(trial))
        return response

    def _response(self, kpi: Kpi, changed: list[tuple[str, str, str]], catalogue: Catalogue) -> pb.DefineKpiResponse:
        return pb.DefineKpiResponse(
            kpi=self._proto(kpi, catalogue),
            changes=[pb.DefinitionChange(field=field, before=old, after=new) for field, old, new in changed],
        )

    def _proto(self, kpi: Kpi, catalogue: Catalogue) -> pb.Kpi:
        return messages.kpi_to_proto(kpi, catalogue.sets_of(kpi), self._now())


def _next(before: Kpi | None, draft: Kpi, version: int | None) -> Kpi:
    newest = before.version if before is not None else 0
    if version is not None and version != newest:
        raise StaleVersion(draft.key, newest)
    if before is None:
        return _fresh(draft, 1)
    same = before.counting == draft.counting and before.archived_at is None
    number = before.version + 1
    if not same:
        return _fresh(draft, number)
    return replace(
        draft,
        version=number,
        counted=before.counted,
        phase=before.phase,
        back_fill=before.back_fill,
        counted_from=before.counted_from,
    )


def _draft(request: pb.DefineKpiRequest, catalogue: Catalogue) -> Kpi:
    others = {kpi.key: kpi for kpi in catalogue.all}
    return checked(messages.draft_from_proto(request.draft), catalogue.registry, others)


def _fresh(draft: Kpi, version: int) -> Kpi:
    if draft.of:
        return replace(draft, version=version, counted=version)
    return replace(draft, version=version, counted=version, phase=Phase.WAITING, back_fill=BackFill(new_id("job")))


def _check_dependents(catalogue: Catalogue, draft: Kpi) -> None:
    """InvalidInput: others that are derived from it could not be any more."""
    for kpi in catalogue.all:
        if draft.key not in kpi.of:
            continue
        if draft.of:
            raise InvalidInput(f"{kpi.key} is derived from it, so it cannot be derived itself", ("of",))
        if kpi.aggregation is Aggregation.RATE and draft.aggregation not in (
            Aggregation.SUM,
            Aggregation.MEAN,
            Aggregation.QUANTILE,
        ):
            raise InvalidInput(f"{kpi.key} needs its single values", ("aggregation",))
