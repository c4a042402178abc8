"""Recomputes waits and promises from messages, and holds journeys and golden ids against what customers says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rundblick.customers.v1 import interaction_pb2

from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.verification import Checked
from services.feedback.enquiry.domain.facts import Enquiry, Message
from services.feedback.enquiry.domain.waits import derive
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.outgoing import interactions_of
from services.feedback.enquiry.rederiving import differences
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository

# Of an interaction as customers keeps it; whose it is, is compared with the records of today.
_TOLD = ("touchpoint_id", "direction", "kind", "occurred_at", "source", "subject", "source_record_id")


class EnquiryCheck:
    def __init__(
        self, database: Database, enquiries: MongoEnquiryRepository, judging: Judging, customers: CustomersClient
    ) -> None:
        self._database = database
        self._enquiries = enquiries
        self._judging = judging
        self._customers = customers

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        async def read(session: Session) -> tuple[list[Enquiry], dict[str, list[Message]]]:
            batch = await self._enquiries.some(caller, after, size, session)
            return batch, await self._enquiries.messages_of(caller, [e.id for e in batch], session)

        batch, conversations = await in_transaction(self._database, read)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        rules = await self._judging.rules()
        for enquiry in batch:
            derived = replace(enquiry, derived=derive(enquiry, conversations[enquiry.id]))
            for detail in differences(enquiry, rules.judged(derived)):
                checked.differs("waits", enquiry.id, detail)
        await self._check_owners(caller, batch, checked)
        await self._check_journeys(caller, batch, conversations, checked)
        return checked

    async def _check_owners(self, caller: Caller, batch: Sequence[Enquiry], checked: Checked) -> None:
        records = {enquiry.source_record for enquiry in batch if enquiry.source_record}
        whose = await self._customers.aliases(records)
        for enquiry in batch:
            if enquiry.source_record and whose.get(enquiry.source_record) != enquiry.customer:
                today = whose.get(enquiry.source_record, "nobody")
                checked.differs(
                    "customer", enquiry.id, f"{enquiry.source_record} belongs to {today}, it shows {enquiry.customer}"
                )

    async def _check_journeys(
        self,
        caller: Caller,
        batch: Sequence[Enquiry],
        conversations: Mapping[str, Sequence[Message]],
        checked: Checked,
    ) -> None:
        expected = [one for enquiry in batch for one in interactions_of(enquiry, conversations[enquiry.id])]
        found = await self._customers.interactions([one.id for one in expected])
        checked.totals["contacts"] = len(expected)
        for one in expected:
            if one.id not in found:
                checked.differs("journey", one.subject.id, f"has no interaction {one.id}")
                continue
            wrong = [name for name in _TOLD if _field(one, name) != _field(found[one.id], name)]
            if one.HasField("customer_id") and one.customer_id != found[one.id].customer_id:
                wrong.append("customer_id")
            if wrong:
                checked.differs("journey", one.id, f"differs from its message in {', '.join(wrong)}")


def _field(interaction: interaction_pb2.Interaction, name: str) -> object:
    return getattr(interaction, name)
