"""Holds measures against what they follow from: the feedback they name, and whose source records were told."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.feedback.enquiry.references import CustomersClient
from services.feedback.measure.repository import MongoMeasureRepository
from services.feedback.measure.told import MongoToldRepository


class MeasureCheck:
    def __init__(self, measures: MongoMeasureRepository, told: MongoToldRepository, customers: CustomersClient) -> None:
        self._measures = measures
        self._told = told
        self._customers = customers

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._measures.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        ids = [measure.id for measure in batch]
        for measure, feedback in await self._measures.lost_links(caller, ids):
            checked.differs("link", measure, f"names {feedback}, which is not there")
        told = await self._told.of_measures(caller, ids)
        whose = await self._customers.aliases({one.source_record for one in told})
        for one in told:
            today = whose.get(one.source_record)
            if today != one.customer:
                checked.differs("told", one.measure, f"{one.source_record} belongs to {today}, it shows {one.customer}")
        return checked
