"""Takes rows: looks up what they name, and stores each where its like is stored."""

from collections.abc import Sequence

from rundblick.customers.v1 import importing_pb2 as pb
from rundblick.customers.v1.spend_pb2 import RecordSpendRequest

from chassis.caller import Caller
from chassis.errors import DomainError, NotFound
from chassis.ids import new_id
from chassis.mongo import Session
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.customer.forms import Forms
from services.customers.importing.domain import Outcome
from services.customers.importing.naming import Campaigns
from services.customers.importing.rows import require_external_id
from services.customers.reference.messages import customer_key
from services.customers.reference.resolver import Asked, Resolver
from services.customers.spend import messages as spends
from services.customers.spend.domain import PREFIX, Spend
from services.customers.spend.recording import SpendRecording
from services.customers.touchpoint import messages as touchpoints
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class CustomerRows:
    def __init__(self, resolver: Resolver, forms: Forms) -> None:
        self._resolver = resolver
        self._forms = forms

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        """Known again by their external id; of two rows with one the later holds."""
        asked = Asked(source)
        form = await self._forms.of(caller, (row.customer.fields for row in rows))
        lines: dict[str, int] = {}
        for row in rows:
            try:
                # Only looked up is nobody: a row that says nothing but an external id is a customer too.
                row.customer.fields.SetInParent()
                key = customer_key(row.customer, form)
            except DomainError as error:
                outcome.faults[row.line] = error.fault
            else:
                asked.customers[key.external_id] = key
                lines[key.external_id] = row.line
        found = await self._resolver.resolve_within(caller, asked, session)
        for external_id, resolved in found.customers.items():
            outcome.count(created=resolved.created, changed=resolved.changed)
            if resolved.left_out:
                outcome.left_out[lines[external_id]] = list(resolved.left_out)
        for (_, external_id), fault in found.faults.items():
            outcome.faults[lines[external_id]] = fault


class TouchpointRows:
    def __init__(self, touchpoints: MongoTouchpointRepository) -> None:
        self._touchpoints = touchpoints

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        """Each is created, or becomes what its row says; of two rows with one key the later holds."""
        found = await self._touchpoints.of_keys(caller, {row.touchpoint.key for row in rows}, session)
        for row in rows:
            try:
                before = found.get(row.touchpoint.key)
                after = _touchpoint(row.touchpoint, before)
            except DomainError as error:
                outcome.faults[row.line] = error.fault
                continue
            if before is None:
                await self._touchpoints.add(caller, [after], session)
            elif after != before:
                await self._touchpoints.save(caller, after, session)
            found[after.key] = after
            outcome.took(before, after)


def _touchpoint(said: pb.ImportedTouchpoint, before: Touchpoint | None) -> Touchpoint:
    new = said.touchpoint
    return Touchpoint(
        id=before.id if before is not None else new_id("tou"),
        key=said.key,
        name=new.name,
        channel=touchpoints.kind_from_proto(touchpoints.CHANNEL_FROM_PROTO, new.channel, "channel"),
        nature=touchpoints.kind_from_proto(touchpoints.NATURE_FROM_PROTO, new.nature, "nature"),
        control=touchpoints.kind_from_proto(touchpoints.CONTROL_FROM_PROTO, new.control, "control"),
        active_from=touchpoints.date_from_proto(said.active_from, "active_from"),
        active_to=touchpoints.date_from_proto(said.active_to, "active_to"),
    )


class SpendRows:
    def __init__(
        self, recording: SpendRecording, campaigns: MongoCampaignRepository, touchpoints: MongoTouchpointRepository
    ) -> None:
        self._recording = recording
        self._campaigns = campaigns
        self._touchpoints = touchpoints

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        """Known again by their external id; campaigns are named by their id or their name."""
        keys = {row.spend.touchpoint_key for row in rows if row.spend.touchpoint_key}
        places = await self._touchpoints.of_keys(caller, keys, session) if keys else {}
        campaigns = await Campaigns.named(caller, self._campaigns, (row.spend.campaign for row in rows), session)
        for row in rows:
            try:
                said = _spend(row.spend, source, places, campaigns)
                before, after = await self._recording.record(caller, said, session)
            except DomainError as error:
                outcome.faults[row.line] = error.fault
            else:
                outcome.took(before, after)


def _spend(row: pb.ImportedSpend, source: str, places: dict[str, Touchpoint], campaigns: Campaigns) -> Spend:
    require_external_id(row.spend.external_id)
    touchpoint = campaign = None
    if row.touchpoint_key:
        if row.touchpoint_key not in places:
            raise NotFound(f"there is no touchpoint {row.touchpoint_key[:80]}", ("touchpoint",))
        touchpoint = places[row.touchpoint_key].id
    if row.campaign:
        campaign = campaigns.of(row.campaign)
    said = RecordSpendRequest()
    said.CopyFrom(row.spend)
    said.campaign_id, said.touchpoint_id, said.source = campaign or "", touchpoint or "", source
    return spends.from_proto(said, new_id(PREFIX))
