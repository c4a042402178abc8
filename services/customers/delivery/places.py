"""At which touchpoint something was sent: one for each channel, made when it is needed first."""

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.mongo import Session
from services.customers.touchpoint.domain import Channel, Control, Nature, Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class Places:
    def __init__(self, touchpoints: MongoTouchpointRepository) -> None:
        self._touchpoints = touchpoints
        self._caller = service_caller("customers")

    async def of(self, channel: Channel, session: Session) -> str:
        """Its id; a company may rename it, its key stays."""
        key = f"deliveries:{channel.value.lower()}"
        found = await self._touchpoints.of_keys(self._caller, [key], session)
        if key in found:
            return found[key].id
        nature = Nature.PHYSICAL if channel is Channel.LETTER else Nature.DIGITAL
        name = f"Deliveries by {channel.value.lower().replace('_', ' ')}"
        made = Touchpoint(new_id("tou"), key, name, channel, nature, Control.OWNED)
        await self._touchpoints.add(self._caller, [made], session)
        return made.id
