"""Records what came of an offer: whose it is is settled, and others are told of it, in the write's own transaction."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import InvalidInput, NotFound
from chassis.ids import prefix_of
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.offer.domain import PREFIX, Offer, OfferNotFound, Outcome, OutcomeTaken, check_moment
from services.customers.offer.outgoing import of_outcome
from services.customers.offer.repository import MongoOfferRepository, MongoOutcomeRepository
from services.customers.reference.resolver import Resolver
from services.customers.standing.outgoing import changed
from services.customers.touchpoint.repository import MongoTouchpointRepository


class OutcomeRecording:
    """currency: in which figures add up."""

    def __init__(
        self,
        offers: MongoOfferRepository,
        outcomes: MongoOutcomeRepository,
        customers: MongoCustomerRepository,
        touchpoints: MongoTouchpointRepository,
        resolver: Resolver,
        outbox: Outbox,
        currency: str,
        now: Callable[[], datetime],
    ) -> None:
        self._offers = offers
        self._outcomes = outcomes
        self._customers = customers
        self._touchpoints = touchpoints
        self._resolver = resolver
        self._outbox = outbox
        self._currency = currency
        self._now = now

    async def offer(self, caller: Caller, named: str) -> Offer:
        """By its id or its key. OfferNotFound."""
        if prefix_of(named) == PREFIX:
            found = await self._offers.of_ids(caller, [named])
        else:
            found = await self._offers.of_keys(caller, [named])
        if named not in found:
            raise OfferNotFound(named, ("offer",))
        return found[named]

    async def whose(self, caller: Caller, customer: str | None, external_id: tuple[str, str] | None) -> str:
        """The source record that is meant.

        InvalidInput: not exactly one of both is given. NotFound: the caller knows no such customer.
        """
        if (customer is None) == (external_id is None):
            raise InvalidInput("name a customer by id or by external id", ("customer_id",))
        if external_id is not None:
            source, key = external_id
            found = await self._customers.of_external_ids(caller, source, [key])
            if key not in found:
                raise NotFound(f"{source} has no record {key}", ("external_id",))
            return found[key][1].id
        own = await self._resolver.own_records(caller, [customer or ""])
        if customer not in own:
            raise CustomerNotFound(customer or "", ("customer_id",))
        return own[customer]

    def check(self, caller: Caller, said: Outcome) -> None:
        """Before anything is looked for. InvalidInput: it lies in the future. Forbidden: it is another's source."""
        require_source(caller, said.source)
        check_moment(said.at, self._now())

    async def record(self, caller: Caller, session: Session, said: Outcome) -> Outcome:
        """As it is kept. OutcomeTaken: the external id belongs to another. NotFound: the touchpoint."""
        holders = await self._customers.customers_of_records(caller, [said.source_record], session, hold=True)
        outcome = replace(said, customer=holders[said.source_record])
        if outcome.touchpoint is not None:
            place = (await self._touchpoints.of_ids(caller, [outcome.touchpoint], session)).get(outcome.touchpoint)
            if place is None:
                raise NotFound(f"there is no touchpoint {outcome.touchpoint[:80]}", ("touchpoint_id",))
            outcome = replace(outcome, channel=outcome.channel or place.channel)
        if outcome.external_id is not None:
            known = await self._outcomes.of_external_id(caller, outcome.source, outcome.external_id, session)
            if known is not None and known.says_the_same(outcome):
                return known
            if known is not None:
                raise OutcomeTaken(outcome.source, outcome.external_id)
        await self._outcomes.add(caller, outcome, session)
        await self._outbox.append(session, [of_outcome(outcome, self._currency), *changed([outcome.customer])])
        return outcome

    def told(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        self._outbox.wake()
