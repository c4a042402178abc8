"""Says of contacts that went out whether they were allowed; recorded they are all the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.caller import service_caller
from chassis.mongo import Session
from services.customers.consent.domain import Ledger
from services.customers.consent.permissions import Permissions
from services.customers.interaction.domain import Direction, Interaction
from services.customers.touchpoint.domain import Touchpoint

_NOTHING_SAID = Ledger((), ())


async def judged(
    permissions: Permissions, contacts: Sequence[Interaction], touchpoints: Mapping[str, Touchpoint], session: Session
) -> dict[str, Interaction]:
    """Those that went out to somebody for a purpose, by their ids, each with its violation or without.

    For whom nobody knows yet it is said once it is known.
    """
    outbound = [one for one in contacts if one.direction is Direction.OUTBOUND and one.customer is not None]
    asked = [(one, one.purpose) for one in outbound if one.purpose is not None]
    if not asked:
        return {}
    # By all that was said, whoever records it: what a partner does not see counts too.
    customers = {one.customer for one, _ in asked if one.customer is not None}
    ledgers = await permissions.ledgers(service_caller("customers"), customers, session)
    found = {}
    for one, purpose in asked:
        touchpoint = touchpoints.get(one.touchpoint or "")
        ledger = ledgers.get(one.customer or "", _NOTHING_SAID)
        permission = ledger.permission(touchpoint.channel if touchpoint else None, purpose, one.occurred_at)
        found[one.id] = replace(one, violation=None if permission.allowed else permission)
    return found
