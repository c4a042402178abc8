"""What metrics can be told anew: one part of the wiring of the process."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rundblick.metrics.v1 import campaign_pb2, event_pb2
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller
from chassis.mongo import Session
from chassis.outbox import Entry, Outbox
from chassis.retelling import RetellingServicer, Telling, Told
from services.customers.attribution import outgoing as attributions
from services.customers.attribution.domain import Attribution
from services.customers.attribution.repository import MongoCreditRepository
from services.customers.campaign import outgoing as campaigns
from services.customers.campaign.repository import MongoCampaignRepository
from services.customers.customer.merges import ALIASES
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction import outgoing as interactions
from services.customers.interaction.domain import Interaction
from services.customers.interaction.outgoing import EVENTS, METRICS
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.offer import outgoing as offers
from services.customers.offer.repository import MongoAssignmentRepository, MongoOutcomeRepository
from services.customers.opportunity import outgoing as opportunities
from services.customers.opportunity.repository import MongoOpportunityRepository
from services.customers.segment import outgoing as segments
from services.customers.segment.memberships import MongoMembershipRepository
from services.customers.spend import outgoing as spending
from services.customers.spend.domain import Spend
from services.customers.spend.repository import MongoSpendRepository
from services.customers.state import outgoing as states
from services.customers.state.repository import MongoStateRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository

# The ids of the next objects, and all events that they say.
Read = Callable[[Caller, str, int, Session | None], Awaitable[tuple[Sequence[str], Iterable[event_pb2.Event]]]]


def _itself(subject: str) -> str:
    return subject


class Events(Telling):
    """Objects of which metrics learns by events. owner: subject of an event -> id of its object.

    corrected: names of those that say how an object differs from before. What is said once for all has the same id when
    it is said again, and counts once.
    """

    def __init__(self, read: Read, *corrected: str, owner: Callable[[str], str] = _itself) -> None:
        self._read = read
        self._names = frozenset(corrected)
        self._owner = owner

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        ids, events = await self._read(caller, after, size, session)
        request = event_pb2.IngestEventsRequest(events=events)
        payloads = [(EVENTS, request.SerializeToString())] if request.events else []
        return Told(len(ids), payloads, ids[-1] if ids else None)

    def left(self, entry: Entry, after: str, last: str | None) -> bytes | None:
        if entry.kind != EVENTS:
            return entry.payload
        request = event_pb2.IngestEventsRequest.FromString(entry.payload)
        left = [one for one in request.events if not self._covers(one, after, last)]
        if len(left) == len(request.events):
            return entry.payload
        return event_pb2.IngestEventsRequest(events=left).SerializeToString() if left else None

    def _covers(self, event: event_pb2.Event, after: str, last: str | None) -> bool:
        id = self._owner(event.subject_id)
        return event.name in self._names and after < id and (last is None or id <= last)


class _Newest(Telling):
    """What is told with a version of its own: metrics keeps the newest, so what waits may stay."""

    def left(self, entry: Entry, after: str, last: str | None) -> bytes | None:
        return entry.payload


class Plans(_Newest):
    def __init__(self, campaigns: MongoCampaignRepository, attribution: Attribution) -> None:
        self._campaigns = campaigns
        self._attribution = attribution

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        found = await self._campaigns.after(caller, after, size, session)
        request = campaign_pb2.PutPlansRequest(plans=[campaigns.plan(one, self._attribution) for one in found])
        payloads = [(campaigns.PLANS, request.SerializeToString())] if found else []
        return Told(len(found), payloads, found[-1].id if found else None)


class Aliases(_Newest):
    """Whose source records and former golden ids are, where that ever changed."""

    def __init__(self, customers: MongoCustomerRepository) -> None:
        self._customers = customers

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        found = await self._customers.aliases_after(caller, after, size, session)
        moved = [alias_pb2.Alias(id=id, customer_id=whose, version=moves) for id, whose, moves in found if moves]
        payloads = [(ALIASES, alias_pb2.MoveAliasesRequest(aliases=moved).SerializeToString())] if moved else []
        return Told(len(found), payloads, found[-1][0] if found else None)


@dataclass(frozen=True, slots=True)
class Retelling:
    """currency, attribution: by which figures are made today."""

    customers: MongoCustomerRepository
    touchpoints: MongoTouchpointRepository
    interactions: MongoInteractionRepository
    campaigns: MongoCampaignRepository
    credits: MongoCreditRepository
    spend: MongoSpendRepository
    opportunities: MongoOpportunityRepository
    outcomes: MongoOutcomeRepository
    assignments: MongoAssignmentRepository
    states: MongoStateRepository
    memberships: MongoMembershipRepository
    currency: str
    attribution: Attribution

    def servicer(self, outbox: Outbox) -> RetellingServicer:
        return RetellingServicer(outbox, METRICS, self.parts)

    @property
    def parts(self) -> Mapping[str, Telling]:
        return {
            "aliases": Aliases(self.customers),
            "plans": Plans(self.campaigns, self.attribution),
            "stages": Events(self._stages),
            "restated_stages": Events(self._restated),
            "segments": Events(self._segments),
            "interactions": Events(self._interactions, interactions.NAME),
            "attributions": Events(self._credits, attributions.NAME, owner=lambda subject: subject.partition("/")[0]),
            "spend": Events(self._spend, spending.NAME),
            "opportunities": Events(self._opportunities, *opportunities.NAMES),
            "outcomes": Events(self._outcomes),
            "assignments": Events(self._assignments, offers.ASSIGNED),
        }

    async def _interactions(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.interactions.after(caller, after, size, session)
        places = await self._places(caller, found, session)
        return [one.id for one in found], [interactions.whole(one, places) for one in found]

    async def _spend(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.spend.after(caller, after, size, session)
        places = await self._places(caller, found, session)
        return [one.id for one in found], [spending.event(None, one, places, self.currency) for one in found]

    async def _places(
        self, caller: Caller, facts: Sequence[Interaction] | Sequence[Spend], session: Session | None
    ) -> Mapping[str, Touchpoint]:
        ids = {one.touchpoint for one in facts if one.touchpoint is not None}
        return await self.touchpoints.of_ids(caller, ids, session) if ids else {}

    async def _credits(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.credits.after(caller, after, size, session)
        return [one.enquiry for one in found], [event for one in found for event in attributions.told(None, one)]

    async def _opportunities(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.opportunities.after(caller, after, size, session)
        events = [event for one in found for event in opportunities.told(None, one, self.currency)]
        return [one.id for one in found], events

    async def _outcomes(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.outcomes.after(caller, after, size, session)
        return [one.id for one in found], [offers.outcome_event(one, self.currency) for one in found]

    async def _assignments(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.assignments.after(caller, after, size, session)
        events = [event for one in found if (event := offers.assignment_event(None, one)) is not None]
        return [one.id for one in found], events

    async def _stages(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.states.changes_after(caller, after, size, session)
        return [one.id for one in found], states.of_changes(found)

    async def _restated(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.states.restated_after(caller, after, size, session)
        return [one.id for one in found], states.of_restated(found)

    async def _segments(
        self, caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await self.memberships.changes_after(caller, after, size, session)
        return list(found), [segments.event(id, change) for id, change in found.items()]
