"""Queues deliveries in the transaction of what causes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from chassis.caller import Caller
from chassis.mongo import Session
from services.customers.consent.opt_in import new_token
from services.customers.delivery.domain import Delivery
from services.customers.delivery.repository import END, MongoDeliveryRepository


class Queueing:
    def __init__(self, deliveries: MongoDeliveryRepository) -> None:
        self._deliveries = deliveries
        self.waker = asyncio.Event()

    async def queue(self, caller: Caller, session: Session, said: Sequence[Delivery]) -> dict[str, Delivery]:
        """By the id they came with, as they are kept: what is known by its source and external id stays as it was."""
        known = await self._known(caller, session, said)
        kept: dict[str, Delivery] = {}
        new: dict[str, Delivery] = {}
        for one in said:
            key = _key(one)
            if key is not None and key in known:
                kept[one.id] = known[key]
                continue
            queued = replace(one, owner=caller.employee, team=caller.team)
            if queued.can_be_ended:
                queued = replace(queued, tokens={**queued.tokens, END: new_token()})
            kept[one.id] = new[one.id] = queued
            if key is not None:
                known[key] = queued
        await self._deliveries.add(caller, list(new.values()), session)
        return kept

    def told(self) -> None:
        """After the commit: send now instead of at the next look."""
        self.waker.set()

    async def _known(
        self, caller: Caller, session: Session, said: Sequence[Delivery]
    ) -> dict[tuple[str, str], Delivery]:
        found: dict[tuple[str, str], Delivery] = {}
        keys = [key for one in said if (key := _key(one)) is not None]
        for source in {source for source, _ in keys}:
            external_ids = [id for of, id in keys if of == source]
            there = await self._deliveries.of_external_ids(caller, source, external_ids, session)
            found |= {(source, id): delivery for id, delivery in there.items()}
        return found


def _key(delivery: Delivery) -> tuple[str, str] | None:
    return None if delivery.external_id is None else (delivery.source, delivery.external_id)
