"""Holds memberships against what follows from the facts, and sizes against the memberships."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.segment.domain import Membership
from services.customers.segment.judging import SegmentJudge
from services.customers.segment.memberships import MongoMembershipRepository


class SegmentCheck:
    def __init__(
        self,
        customers: MongoCustomerRepository,
        memberships: MongoMembershipRepository,
        gathering: Gathering,
        judge: SegmentJudge,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._memberships = memberships
        self._gathering = gathering
        self._judge = judge
        self._now = now

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._customers.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1] if len(batch) == size else None)
        known = await self._memberships.of_customers(caller, batch)
        await self._hold(caller, {id: known.get(id) or Membership(id) for id in batch}, checked)
        if after is not None and checked.next is None:
            await self._hold_sizes(caller, checked)
        return checked

    async def _hold(self, caller: Caller, known: dict[str, Membership], checked: Checked) -> None:
        # Facts are windows of time: each is asked as of when it was judged. Whom nobody judged yet belongs nowhere.
        asked: defaultdict[datetime, dict[str, Membership]] = defaultdict(dict)
        now = self._now()
        for id, one in known.items():
            asked[one.judged_at or now][id] = one
        for at, some in asked.items():
            follows = await self._judge.follows(caller, await self._gathering.of(caller, list(some), at))
            for id, (belongs, faults) in follows.items():
                if belongs != some[id].since.keys() or faults != some[id].faults:
                    detail = f"follows to be in {sorted(belongs)}, is in {sorted(some[id].since)}"
                    checked.differs("membership", id, detail)

    async def _hold_sizes(self, caller: Caller, checked: Checked) -> None:
        kept, counted = await self._memberships.sizes(caller), await self._memberships.counted(caller)
        for segment in sorted(kept.keys() | counted.keys()):
            is_kept, follows = kept.get(segment, (0, 0)), counted.get(segment, (0, 0))
            if is_kept != follows:
                checked.differs("size", segment, f"follows to be {follows}, is {is_kept}")
