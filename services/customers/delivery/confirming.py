"""Asks for the confirmation of a double opt-in by a message with a link, in the words of this house."""

from collections.abc import Callable, Mapping
from datetime import datetime

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import Session
from services.customers.consent.domain import ConsentEntry, ConsentPurpose
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery.carriers import Carriers
from services.customers.delivery.domain import LIFETIME, PREFIX, Delivery
from services.customers.delivery.queueing import Queueing

# Language -> the subject, and the text; no word of advertising may be in them.
_WORDS: Mapping[str, tuple[str, str]] = {
    "en": (
        "Please confirm your consent",
        "Hello,\n\nplease confirm that we may send {what} to this address:\n\n{{{{confirm}}}}\n\n"
        "The link works for seven days. If you did not ask for this, you need do nothing: without your confirmation "
        "you will not hear from us.\n",
    ),
    "de": (
        "Bitte bestätigen Sie Ihre Einwilligung",
        "Guten Tag,\n\nbitte bestätigen Sie, dass wir {what} an diese Adresse senden dürfen:\n\n{{{{confirm}}}}\n\n"
        "Der Link gilt sieben Tage. Wenn Sie das nicht veranlasst haben, brauchen Sie nichts zu tun: Ohne Ihre "
        "Bestätigung erhalten Sie keine Nachrichten.\n",
    ),
}
_WHAT: Mapping[ConsentPurpose, Mapping[str, str]] = {
    ConsentPurpose.MARKETING: {"en": "offers and news", "de": "Angebote und Neuigkeiten"},
    ConsentPurpose.SURVEY: {"en": "questions about your satisfaction", "de": "Fragen zu Ihrer Zufriedenheit"},
    ConsentPurpose.SERVICE: {"en": "messages about our service", "de": "Nachrichten zu unserem Service"},
}


class Confirming:
    """public_url: under which customers reach the gateway. language: for those whose own is not known, de or en."""

    def __init__(
        self,
        queueing: Queueing,
        customers: MongoCustomerRepository,
        carriers: Carriers,
        now: Callable[[], datetime],
        *,
        public_url: str | None,
        language: str,
    ) -> None:
        self._queueing = queueing
        self._customers = customers
        self._carriers = carriers
        self._now = now
        self._public_url = public_url
        self._language = language

    async def hand_over(self, caller: Caller, session: Session, pending: ConsentEntry, token: str) -> str | None:
        """The token, where nobody here carries the channel or there is no address for the link to lead to."""
        if self._public_url is None or pending.said.channel not in await self._carriers.present():
            return token
        now = self._now()
        language = await self._language_of(caller, pending.customer, session)
        subject, text = _WORDS[language]
        delivery = Delivery(
            id=new_id(PREFIX),
            channel=pending.said.channel,
            text=text.format(what=_WHAT[pending.said.purpose][language]),
            source=pending.said.source,
            queued_at=now,
            expires_at=min(pending.said.token_until or now + LIFETIME, now + LIFETIME),
            next_at=now,
            customer=pending.customer,
            source_record=pending.source_record,
            address=pending.said.address,
            subject=subject,
            language=language,
            reference=pending.id,
            tokens={"confirm": token},
        )
        await self._queueing.queue(caller, session, [delivery])
        return None

    async def _language_of(self, caller: Caller, customer: str, session: Session) -> str:
        found = await self._customers.of_ids(caller, [customer], session)
        locale = str(found[customer].values.get("locale") or "") if customer in found else ""
        language = locale.partition("-")[0].lower()
        return language if language in _WORDS else self._language
