"""Measures and judges enquiries by the calendars and policies of today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chassis.caller import service_caller
from services.feedback.calendar.domain.hours import Calendars
from services.feedback.calendar.holidays import holiday_of
from services.feedback.calendar.repository import MongoCalendarRepository
from services.feedback.enquiry.domain import levels
from services.feedback.enquiry.domain.facts import Enquiry
from services.feedback.policy.repository import MongoPolicyRepository
from services.feedback.policy.ruling import Policies

# They hold for all enquiries, whoever may see them.
_CALLER = service_caller("feedback")


@dataclass(frozen=True, slots=True)
class Rules:
    """As they were read."""

    calendars: Calendars
    policies: Policies
    now: datetime

    def judged(self, enquiry: Enquiry) -> Enquiry:
        return levels.judged(enquiry, self.calendars, self.policies.of, self.now)


class Judging:
    def __init__(
        self, calendars: MongoCalendarRepository, policies: MongoPolicyRepository, now: Callable[[], datetime]
    ) -> None:
        self._calendars = calendars
        self._policies = policies
        self._now = now

    async def rules(self) -> Rules:
        """Those of today. Outside of the write's own transaction: it must not see them as they were when it began."""
        calendars = await self._calendars.all(_CALLER)
        return Rules(Calendars(calendars, holiday_of), Policies(await self._policies.all(_CALLER)), self._now())
