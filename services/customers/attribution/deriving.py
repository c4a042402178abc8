"""Follows contacts: derives anew what the enquiries of their customers are credited to, and tells metrics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chassis.caller import Caller, service_caller
from chassis.errors import Fault
from chassis.ids import new_id, prefix_of
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.customers.attribution.domain import Attribution, Contact, Credit, credits_of
from services.customers.attribution.outgoing import Change, entries
from services.customers.attribution.repository import MongoCreditRepository
from services.customers.interaction.domain import Direction, Interaction, SubjectKind
from services.customers.interaction.repository import MongoInteractionRepository

ATTRIBUTION = "attribution"
_CONTACTS = "contacts"


def touched(interactions: Iterable[Interaction]) -> list[Entry]:
    """That attribution must look at these; one entry for all of them."""
    concerned = [one for one in interactions if one.campaign is not None or _enquiry(one) is not None]
    # Of who is not known, the contact alone is known.
    return _looking_at({one.customer or one.id for one in concerned})


def _looking_at(keys: Iterable[str]) -> list[Entry]:
    payload = "\n".join(sorted(keys)).encode()
    return [Entry(ATTRIBUTION, new_id("out"), 1, _CONTACTS, payload)] if payload else []


def _enquiry(interaction: Interaction) -> str | None:
    """That the customer spoke in."""
    subject = interaction.subject
    if subject is None or subject.kind is not SubjectKind.ENQUIRY or interaction.direction is not Direction.INBOUND:
        return None
    return subject.id


def contact_of(interaction: Interaction) -> Contact:
    return Contact(
        id=interaction.id,
        at=interaction.occurred_at,
        source=interaction.source,
        campaign=interaction.campaign,
        enquiry=_enquiry(interaction),
        customer=interaction.customer,
        touchpoint=interaction.touchpoint,
        team=interaction.team,
    )


class Attributing:
    def __init__(
        self,
        database: Database,
        interactions: MongoInteractionRepository,
        credits: MongoCreditRepository,
        outbox: Outbox,
        attribution: Attribution,
    ) -> None:
        self._database = database
        self._interactions = interactions
        self._credits = credits
        self._outbox = outbox
        self._attribution = attribution

    async def follow(self, caller: Caller, keys: Iterable[str]) -> None:
        """keys: customers, and contacts of nobody known."""
        for key in dict.fromkeys(keys):

            async def work(session: Session, key: str = key) -> None:
                known, derived = await self.derived(caller, key, session)
                changes: list[Change] = [
                    (known.get(id), replace(credit, version=known[id].version + 1 if id in known else 1))
                    for id, credit in derived.items()
                    if id not in known or differs(known[id], credit)
                ]
                await self._credits.save(caller, [after for _, after in changes], session)
                await self._outbox.append(session, entries(changes))

            await in_transaction(self._database, work)
        self._outbox.wake()

    async def derived(
        self, caller: Caller, key: str, session: Session | None = None
    ) -> tuple[dict[str, Credit], dict[str, Credit]]:
        """What the enquiries of a customer are credited to: as it is kept, and as it follows from the contacts."""
        whose, interactions = await self._of(caller, key, session)
        contacts = [contact_of(one) for one in interactions]
        known = await self._credits.of_enquiries(caller, {c.enquiry for c in contacts if c.enquiry}, session)
        derived = credits_of(contacts, known, self._attribution)
        if whose is None:
            # One contact of nobody known says nothing against an earlier one, or against the whole journey.
            derived = {
                id: credit
                for id, credit in derived.items()
                if id not in known or (known[id].contact.customer is None and credit.contact.at <= known[id].contact.at)
            }
        return known, derived

    async def _of(self, caller: Caller, key: str, session: Session | None) -> tuple[str | None, list[Interaction]]:
        """Whose contacts to look at, and those; of nobody known the one alone."""
        whose: str | None = key
        alone: list[Interaction] = []
        if prefix_of(key) != "cus":
            alone = list((await self._interactions.of_ids(caller, [key], session)).values())
            # By now it may be known whose it is: then the whole journey counts, whichever was told first.
            whose = next((one.customer for one in alone if one.customer is not None), None)
        return whose, alone if whose is None else await self._interactions.touching(caller, whose, session)

    async def deliver(self, told: Sequence[Entry]) -> Mapping[str, Fault]:
        """As the end of a relay: contacts were recorded."""
        await self.follow(
            service_caller("customers"), [key for entry in told for key in entry.payload.decode().split()]
        )
        return {}

    async def moves(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """Before the contacts of a source record go over to whom it belongs now: both sides are looked at again."""
        shown = (await self._interactions.owners_of_records(caller, [record], session)).get(record, set())
        if shown - {customer}:
            await self.look_at([customer, *(one for one in shown if one is not None)], session)

    async def look_at(self, customers: Iterable[str], session: Session) -> None:
        """Later, when what is done now is committed."""
        await self._outbox.append(session, _looking_at(set(customers)))


def differs(known: Credit, derived: Credit) -> bool:
    return replace(derived, version=known.version) != known
