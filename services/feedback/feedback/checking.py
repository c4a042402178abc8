"""Holds feedback against what follows from it: topics and needs against its text and kind, owners against customers."""

from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.verification import Checked
from services.feedback.enquiry.references import CustomersClient
from services.feedback.feedback.domain import Feedback, steps
from services.feedback.feedback.outgoing import contacts_of
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository

_TOLD = ("touchpoint_id", "direction", "kind", "occurred_at", "source", "subject", "source_record_id")


class FeedbackCheck:
    """While topics are looked for anew, what was not reached yet differs."""

    def __init__(
        self, database: Database, feedback: MongoFeedbackRepository, recording: Recording, customers: CustomersClient
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._recording = recording
        self._customers = customers

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        async def read(session: Session) -> tuple[list[Feedback], dict[str, Feedback]]:
            batch = await self._feedback.some(caller, after, size, session)
            repeated = {one.duplicate_of for one in batch if one.duplicate_of}
            return batch, await self._feedback.of_ids(caller, repeated, session) if repeated else {}

        batch, repeated = await in_transaction(self._database, read)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        for one in batch:
            end = repeated.get(one.duplicate_of or "")
            if one.duplicate_of and (end is None or end.duplicate_of is not None):
                checked.differs("duplicate", one.id, f"repeats {one.duplicate_of}, which is not the first of them")
        await self._check_topics(caller, batch, checked)
        await self._check_owners(batch, checked)
        await self._check_journeys(batch, checked)
        return checked

    async def _check_topics(self, caller: Caller, batch: list[Feedback], checked: Checked) -> None:
        found = await self._recording.analysed(caller, [one.text for one in batch], None)
        for one, said in zip(batch, found, strict=True):
            wanted = steps.reclassified(one, said)
            if wanted is not one:
                checked.differs("topics", one.id, f"{list(one.topics)} becomes {list(wanted.topics)}")

    async def _check_owners(self, batch: list[Feedback], checked: Checked) -> None:
        records = {one.source_record for one in batch if one.source_record}
        whose = await self._customers.aliases(records) if records else {}
        for one in batch:
            if one.source_record and whose.get(one.source_record) != one.customer:
                today = whose.get(one.source_record, "nobody")
                checked.differs("customer", one.id, f"{one.source_record} belongs to {today}, it shows {one.customer}")

    async def _check_journeys(self, batch: list[Feedback], checked: Checked) -> None:
        expected = [contact for one in batch for contact in contacts_of(one)]
        found = await self._customers.interactions([one.id for one in expected])
        checked.totals["contacts"] = len(expected)
        for one in expected:
            if one.id not in found:
                checked.differs("journey", one.subject.id, f"has no interaction {one.id}")
                continue
            wrong = [name for name in _TOLD if getattr(one, name) != getattr(found[one.id], name)]
            if one.HasField("customer_id") and one.customer_id != found[one.id].customer_id:
                wrong.append("customer_id")
            if wrong:
                checked.differs("journey", one.id, f"differs from what was said in {', '.join(wrong)}")
