"""Campaigns as rows name them: by their id, or by their name where only one has it."""

from collections.abc import Iterable, Mapping

from chassis.caller import Caller
from chassis.errors import NotFound
from chassis.ids import prefix_of
from chassis.mongo import Session
from services.customers.campaign.repository import MongoCampaignRepository


class Campaigns:
    def __init__(self, by_name: Mapping[str, list[str]]) -> None:
        self._by_name = by_name

    @classmethod
    async def named(
        cls, caller: Caller, campaigns: MongoCampaignRepository, said: Iterable[str], session: Session
    ) -> "Campaigns":
        names = {one for one in said if one and prefix_of(one) != "cmp"}
        return cls(await campaigns.of_names(caller, names, session) if names else {})

    def of(self, said: str) -> str:
        """The id. NotFound: none is called so, or several are."""
        found = [said] if prefix_of(said) == "cmp" else self._by_name.get(said, [])
        if len(found) != 1:
            how_many = "is no campaign" if not found else f"are {len(found)} campaigns"
            raise NotFound(f"there {how_many} named {said[:80]}", ("campaign",))
        return found[0]
