"""The lot over a real service: who is drawn when, what converts, and what merges and splits leave of it."""

from typing import Any

from rundblick.customers.v1 import customer_pb2, recommendation_pb2, touchpoint_pb2
from rundblick.customers.v1 import opportunity_pb2 as sales
from rundblick.shared.v1 import verification_pb2

from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.offer.serving import Offering, offering


async def assignments(database: Database) -> dict[str, Any]:
    """By the golden id it shows."""
    return {one["customer"]: one async for one in database["offer_assignments"].find({})}


async def differences(customers: Offering) -> list[str]:
    found = []
    for part in ("assignments", "outcomes"):
        request = verification_pb2.CheckBatchRequest(part=part, size=100, after="")
        found += [one.detail for one in (await customers.call(request)).differences]
    return found


async def counted(customers: Offering) -> dict[tuple[str, bool], int]:
    """What metrics adds up: events forwards and back."""
    sums: dict[tuple[str, bool], int] = {}
    for event in await customers.events("offer.assigned"):
        for sign, side in ((-1, "before"), (1, "after")):
            if event.HasField(side):  # type: ignore[arg-type]
                said = getattr(event, side)
                key = (said.dimensions["group"], said.attributes["converted"].flag)
                sums[key] = sums.get(key, 0) + sign
    return {key: n for key, n in sums.items() if n}


async def test_everybody_whom_it_suits_is_drawn_once_and_counts_in_that_group(
    database: Database, commands: Commands
) -> None:
    async with offering(database, holdout=0.5) as customers:
        made = [await customers.customer("shop", str(n)) for n in range(12)]
        await customers.judged()
        await customers.swept()
        offer = await customers.define("care", eligibility='customer.kind == "PERSON"')
        await customers.outcome("care", made[0].id, "CONVERTED")
        await customers.judged()
        assert await assignments(database) == {}
        # A new offer is held against everybody, whether or not anything happens with them.
        await customers.swept()
        drawn = await assignments(database)
        # Who had it before says nothing of what it brings.
        assert set(drawn) == {one.id for one in made[1:]}
        groups = {id: one["group"] for id, one in drawn.items()}
        assert len(await customers.events("offer.assigned")) == 11
        await customers.outcome("care", made[1].id, "ACCEPTED")
        await customers.outcome("care", made[2].id, "CONVERTED")
        await customers.outcome("care", made[2].id, "CONVERTED")
        await customers.judged()
        assert await counted(customers) == {
            key: n
            for group in set(groups.values())
            for key, n in {
                (group, False): sum(g == group for id, g in groups.items() if id != made[2].id),
                (group, True): int(groups[made[2].id] == group),
            }.items()
            if n
        }
        assert await differences(customers) == []

        for one in made[1:]:
            await customers.consent(one.id, touchpoint_pb2.CHANNEL_LETTER)
        request = recommendation_pb2.BatchRecommendRequest(customer_ids=[one.id for one in made[3:]], first=3)
        with commands.recorded():
            answers = (await customers.call(request)).answers
        found = {id: [r.offer_id for r in answer.value.recommendations] for id, answer in answers.items()}
        assert found == {one.id: [offer.id] if groups[one.id] == "TREATED" else [] for one in made[3:]}
        # A dozen kinds of things are known of customers: that many commands, whatever the number of customers.
        assert len(commands.found) <= 20
        assert not {name for name, _ in commands.found} & {"insert", "update", "delete"}
        assert await commands.unindexed() == []
        # Reading draws nobody, and the judge later finds what reading said.
        assert {id: one["group"] for id, one in (await assignments(database)).items()} == groups

        await database["offer_assignments"].update_one({"_id": drawn[made[2].id]["_id"]}, {"$set": {"counts": False}})
        assert len(await differences(customers)) == 1


async def test_after_a_merge_the_older_draw_counts_and_a_split_gives_both_back(database: Database) -> None:
    async with offering(database, holdout=0.5) as customers:
        first = await customers.customer("shop", "1")
        await customers.define("care")
        await customers.judged()
        second = await customers.customer("fair", "2")
        await customers.judged()
        await customers.outcome("care", second.id, "CONVERTED")
        await customers.judged()
        drawn = await assignments(database)
        apart = await counted(customers)
        assert sum(apart.values()) == 2

        merged = customer_pb2.MergeCustomersRequest(id=second.id, duplicate_ids=[first.id])
        await customers.call(merged)
        await customers.judged()
        # The customer converted after the first draw, and counts once, in its group.
        assert await counted(customers) == {(drawn[first.id]["group"], True): 1}
        assert {one["customer"] async for one in database["offer_assignments"].find({})} == {second.id}

        split = customer_pb2.SplitCustomerRequest(id=second.id, former_id=first.id)
        await customers.call(split)
        await customers.judged()
        assert await counted(customers) == apart


async def test_an_opportunity_that_is_won_for_an_offer_converts_until_it_is_reopened(database: Database) -> None:
    async with offering(database) as customers:
        ann = await customers.customer()
        offer = await customers.define("care")
        await customers.consent(ann.id, touchpoint_pb2.CHANNEL_LETTER)
        await customers.judged()
        fields = sales.OpportunityFields(title="Care for Ann", offer_id=offer.id)
        chance = (await customers.call(sales.CreateOpportunityRequest(customer_id=ann.id, fields=fields))).opportunity

        async def moved(stage: Any, **said: Any) -> tuple[dict[tuple[str, bool], int], int]:
            nonlocal chance
            request = sales.MoveOpportunityRequest(id=chance.id, version=chance.version, stage=stage, **said)
            chance = (await customers.call(request)).opportunity
            await customers.judged()
            asked = recommendation_pb2.BatchRecommendRequest(customer_ids=[ann.id], first=1)
            left = (await customers.call(asked)).answers[ann.id].value.recommendations
            assert await differences(customers) == []
            return await counted(customers), len(left)

        assert await moved(sales.OPPORTUNITY_STAGE_PROPOSAL) == ({("TREATED", False): 1}, 1)
        assert await moved(sales.OPPORTUNITY_STAGE_CLOSED_WON) == ({("TREATED", True): 1}, 0)
        assert await moved(sales.OPPORTUNITY_STAGE_PROPOSAL, reopen=True) == ({("TREATED", False): 1}, 1)
