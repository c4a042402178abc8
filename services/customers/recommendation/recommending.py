"""Gathers what is known of customers, a few commands for all of them, and asks the domain what to offer."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import cache

from chassis.caller import Caller
from services.customers.consent.domain import ConsentPurpose, Ledger, Permission
from services.customers.consent.permissions import Permissions
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.vocabulary import FactsOf
from services.customers.offer.assigning import Assigning, Held
from services.customers.offer.domain import Group, Offer, Result, assigned, group_of
from services.customers.offer.eligibility import Eligibility
from services.customers.offer.repository import MongoOfferRepository, MongoOutcomeRepository
from services.customers.recommendation.domain import Answers, Contacts, Experience, Known, Recommendation, recommend
from services.customers.recommendation.repository import MongoContactRepository
from services.customers.state.domain import Dimension
from services.customers.state.repository import MongoStateRepository
from services.customers.touchpoint.domain import Channel

# What all customers taught changes little from one moment to the next.
_FRESH = timedelta(minutes=10)


class Learning:
    """What all customers taught, read anew every ten minutes: no question pays for it alone."""

    def __init__(
        self, outcomes: MongoOutcomeRepository, contacts: MongoContactRepository, now: Callable[[], datetime]
    ) -> None:
        self._outcomes = outcomes
        self._contacts = contacts
        self._now = now
        self._known = Experience()
        self._of: frozenset[str] = frozenset()
        self._until: datetime | None = None

    async def experience(self, caller: Caller, offers: Iterable[Offer]) -> Experience:
        ids, now = frozenset(offer.id for offer in offers), self._now()
        if self._until is None or now >= self._until or not ids <= self._of:
            counted = await self._outcomes.counted(caller, ids)
            answers = {
                id: Answers(
                    # Who answered was shown it, whether or not somebody said so.
                    shown=max(
                        results.get(Result.SHOWN, 0),
                        results.get(Result.ACCEPTED, 0) + results.get(Result.DECLINED, 0),
                    ),
                    accepted=results.get(Result.ACCEPTED, 0),
                )
                for id, results in counted.items()
            }
            self._known = Experience(answers, await self._contacts.of_all(caller))
            self._of, self._until = ids, now + _FRESH
        return self._known


class Recommending:
    """holdout: the share of customers who are left out, by lot. day: of a moment, where the company is."""

    def __init__(
        self,
        customers: MongoCustomerRepository,
        offers: MongoOfferRepository,
        gathering: Gathering,
        assigning: Assigning,
        eligibility: Eligibility,
        contacts: MongoContactRepository,
        permissions: Permissions,
        states: MongoStateRepository,
        learning: Learning,
        holdout: float,
        day: Callable[[datetime], date],
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._offers = offers
        self._gathering = gathering
        self._assigning = assigning
        self._eligibility = eligibility
        self._contacts = contacts
        self._permissions = permissions
        self._states = states
        self._learning = learning
        self._holdout = holdout
        self._day = day
        self._now = now

    async def recommend(self, caller: Caller, customers: Iterable[str], most: int) -> dict[str, list[Recommendation]]:
        """By the id asked for, present or former; left out is whom the caller does not see."""
        if caller.sources is not None:
            # What suits a customer follows from all that is known of them, and an error from whether there is one.
            return {id: [] for id in customers}
        seen = await self._customers.seen(caller, customers)
        leads = await self._customers.leads_to(caller, seen)
        present = {id: leads.get(id, id) for id in seen}
        wanted = list(dict.fromkeys(present.values()))
        now = self._now()
        facts = await self._gathering.of(caller, wanted, now)
        offers = await self._offers.active(caller)
        if not offers or not facts:
            return {id: [] for id, of in present.items() if of in facts}
        held = await self._assigning.held(caller, facts)
        contacts = await self._contacts.of_customers(caller, facts, self._day(now))
        ledgers = await self._permissions.ledgers(caller, facts)
        stages = await self._stages(caller, facts)
        experience = await self._learning.experience(caller, offers)
        suiting = await self._eligibility.asking(offers)
        found = {
            id: recommend(
                offers,
                self._known(suiting.of(of), of, held[id], contacts.get(id, []), stages.get(id), ledgers[id], now),
                experience,
                now,
                self._day(now),
                most,
            )
            for id, of in facts.items()
            if id in held and id in ledgers
        }
        return {id: found[of] for id, of in present.items() if of in found}

    async def _stages(self, caller: Caller, customers: Iterable[str]) -> dict[str, str]:
        """Of the lifecycle; left out is whom nobody judged yet."""
        states = await self._states.of_customers(caller, customers)
        stage = Dimension.LIFECYCLE_STAGE
        return {id: state.judged[stage].value for id, state in states.items() if stage in state.judged}

    def _known(
        self,
        suiting: frozenset[str],
        facts: FactsOf,
        held: Held,
        contacts: list[Contacts],
        stage: str | None,
        ledger: Ledger,
        now: datetime,
    ) -> Known:
        def group(offer: Offer) -> Group:
            """The one that was drawn; else the one that will be: reading draws nobody."""
            known = assigned(one for one in held.assignments if one.offer == offer.id)
            return known.group if known is not None else group_of(offer.id, held.record, self._holdout)

        # Once for each channel and purpose, not for each offer.
        @cache
        def permission(channel: Channel, purpose: ConsentPurpose) -> Permission:
            return ledger.permission(channel, purpose, now)

        needs = facts.get("needs", {})
        return Known(
            suiting=suiting,
            topics=frozenset((*needs.get("wishes", ()), *needs.get("problems", ()))),
            stage=stage,
            outcomes=held.outcomes,
            contacts=contacts,
            group=group,
            permission=permission,
        )
