"""Whatever happens in whatever order, who belongs where is what follows from scratch, and metrics was told the same."""

import asyncio
import random
from datetime import timedelta

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import segment_pb2 as pb

from chassis.caller import service_caller
from chassis.times import utc_now
from services.customers.segment.domain import Membership, settled
from tests.customers.segment.serving import Segments

_RULES = {
    "german": ('customer.locale == "de"', 'customer.locale in ["de", "it"]'),
    "foreign": ('customer.locale != "de"', 'needs.wishes[0] == "x" || customer.locale == "fr"'),
    "everybody": ("true", "false"),
}
_LISTS = ("invited", "warned")
_LOCALES = ("de", "fr", "it")


class Life:
    """What happens to a handful of customers and segments, by chance."""

    def __init__(self, segments: Segments, seed: int) -> None:
        self._segments = segments
        self._chance = random.Random(seed)  # noqa: S311  # no secret
        self._customers: list[str] = []
        self._merged: list[tuple[str, str]] = []
        self._defined: dict[str, pb.Segment] = {}

    async def begin(self) -> None:
        for _ in range(5):
            await self._create()
        for key in _LISTS:
            self._defined[key] = await self._segments.define(key)

    async def live(self) -> None:
        """One thing, and now and then the work behind it at the same moment."""
        what = self._chance.choice(
            (self._create, self._speak, self._define, self._archive, self._add, self._remove, self._merge, self._split)
        )
        behind = self._chance.choice((self._segments.judged, self._segments.evaluated, None, None))
        await asyncio.gather(what(), *([behind()] if behind is not None else []))

    async def _create(self) -> None:
        self._customers.append(await self._segments.customer(self._chance.choice(_LOCALES)))

    async def _speak(self) -> None:
        await self._segments.speaks(self._chance.choice(self._customers), self._chance.choice(_LOCALES))

    async def _define(self) -> None:
        key = self._chance.choice([*_RULES, *_LISTS])
        rule = self._chance.choice(_RULES[key]) if key in _RULES else None
        known = self._defined.get(key)
        self._defined[key] = await self._segments.define(key, rule, version=known.version if known else None)

    async def _archive(self) -> None:
        known = self._defined[self._chance.choice(list(self._defined))]
        if known.active:
            request = pb.ArchiveSegmentRequest(id=known.id, version=known.version)
            self._defined[known.fields.key] = (await self._segments.call(request)).segment

    async def _add(self) -> None:
        known = self._defined[self._chance.choice(_LISTS)]
        if known.active:
            await self._segments.add(known.id, *self._chance.sample(self._customers, 2))

    async def _remove(self) -> None:
        known = self._defined[self._chance.choice(_LISTS)]
        if known.active:
            await self._segments.remove(known.id, self._chance.choice(self._customers))

    async def _merge(self) -> None:
        if len(self._customers) > 3:
            one, other = self._chance.sample(self._customers, 2)
            await self._segments.call(customer_pb2.MergeCustomersRequest(id=one, duplicate_ids=[other]))
            self._customers.remove(other)
            self._merged.append((one, other))

    async def _split(self) -> None:
        if self._merged:
            one, other = self._merged.pop()
            if one in self._customers:
                await self._segments.call(customer_pb2.SplitCustomerRequest(id=one, former_id=other))
                self._customers.append(other)


async def memberships(segments: Segments) -> dict[str, set[str]]:
    found = segments.database["segment_memberships"].find()
    return {one["_id"]: {entry["segment"] for entry in one["segments"]} async for one in found}


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_came_of_any_life_is_what_follows_from_scratch(segments: Segments, seed: int) -> None:
    life = Life(segments, seed)
    await life.begin()
    for _ in range(40):
        await life.live()
    await segments.settled()
    assert await segments.differences() == []
    kept = await memberships(segments)
    repository, caller = segments.service._segmenting.memberships, service_caller("customers")
    sizes = {segment: counts for segment, counts in (await repository.sizes(caller)).items() if any(counts)}

    # Metrics puts the histories of merged customers together.
    former: dict[str, list[str]] = {}
    async for one in segments.database["former_customers"].find():
        former.setdefault(one["into"], []).append(one["_id"])
    for customer, belongs in kept.items():
        assert await segments.told(customer, *former.get(customer, ())) == belongs, customer

    for name in ("segment_memberships", "segment_sizes"):
        await segments.database[name].delete_many({})
    ids = [one["_id"] async for one in segments.database["customers"].find()]
    await segments.service._standing.judge(ids)
    assert await memberships(segments) == kept
    assert await repository.counted(caller) == sizes
    assert await repository.sizes(caller) == sizes


async def test_a_pick_goes_where_its_record_goes(segments: Segments) -> None:
    ann, twin = await segments.customer("de"), await segments.customer("de", source="fair")
    invited, german = await segments.define("invited"), await segments.define("german", 'customer.locale == "de"')
    elsewhere = await segments.define("elsewhere", '!("shop" in customer.sources)')
    await segments.add(invited.id, twin)
    await segments.settled()
    assert await segments.told(twin) == {invited.id, german.id, elsewhere.id}
    await segments.call(customer_pb2.MergeCustomersRequest(id=ann, duplicate_ids=[twin]))
    await segments.judged()
    assert await segments.segments(ann) == await segments.segments(twin) == {invited.id, german.id}
    assert await segments.members(invited.id) == [ann]
    assert ((await segments.get(invited.id)).size, (await segments.get(german.id)).size) == (1, 1)
    assert await segments.told(ann, twin) == {invited.id, german.id}, "the last word is that of who stays"
    await segments.call(customer_pb2.SplitCustomerRequest(id=ann, former_id=twin))
    await segments.judged()
    assert await segments.segments(ann) == {german.id}
    assert await segments.segments(twin) == {invited.id, german.id, elsewhere.id}
    assert (await segments.told(ann), await segments.told(twin)) == ({german.id}, await segments.segments(twin))
    assert await segments.remove(invited.id, twin) == 1
    assert await segments.differences() == []


async def test_an_evaluation_goes_on_where_a_kill_left_it(segments: Segments) -> None:
    """A walk that begins anew asks nobody twice, and what changes during it waits for the next."""
    ids = sorted([await segments.customer("de") for _ in range(3)])
    first = await segments.define("german", 'customer.locale == "de"')
    jobs = segments.database["jobs"]
    left = {"state": "RUNNING", "after": ids[1], "done": 2, "total": 3, "started_at": utc_now()}
    await jobs.update_one({"subject_id": first.id}, {"$set": left})
    second = await segments.define("everybody", "true")
    evaluating = segments.service._segmenting.evaluating
    assert await evaluating.step()
    job = await jobs.find_one({"subject_id": first.id})
    assert job is not None
    assert (job["state"], job["done"]) == ("DONE", 3)
    assert await segments.members(first.id) == ids[2:]
    assert (await segments.get(second.id)).HasField("evaluation")
    await segments.evaluated()
    assert await segments.members(second.id) == ids


async def test_two_judgements_at_once_do_not_pass_each_other(segments: Segments) -> None:
    customer = await segments.customer("de")
    german = await segments.define("german", 'customer.locale == "de"')
    await segments.settled()
    standing = segments.service._standing
    for locale in ("fr", "de", "fr", "de"):
        await asyncio.gather(segments.speaks(customer, locale), *(standing.judge([customer]) for _ in range(3)))
        await segments.judged()
        assert await segments.segments(customer) == ({german.id} if locale == "de" else set())
    with pytest.raises(grpc.aio.AioRpcError):
        await segments.add(german.id, customer)


async def test_the_self_check_names_what_does_not_follow(segments: Segments) -> None:
    ann, ben = await segments.customer("de"), await segments.customer("fr")
    german = await segments.define("german", 'customer.locale == "de"')
    assert sorted(await segments.differences()) == [("membership", ann)], "nobody asked her yet"
    await segments.settled()
    assert await segments.differences() == []
    entry = {"segment": german.id, "since": utc_now()}
    await segments.database["segment_memberships"].update_one({"_id": ben}, {"$push": {"segments": entry}})
    assert sorted(await segments.differences()) == sorted([("membership", ben), ("size", german.id)])


_SEGMENTS = st.sets(st.sampled_from(["seg_a", "seg_b", "seg_c"]))


@given(st.lists(_SEGMENTS, min_size=1, max_size=6))
def test_changes_lead_from_one_membership_to_the_next(steps: list[set[str]]) -> None:
    began = utc_now()
    one, seen = Membership("cus_1"), set[str]()
    for day, belongs in enumerate(steps):
        before = one
        one, changes = settled(one, belongs, (), began + timedelta(days=day))
        assert {change.segment for change in changes} == before.since.keys() ^ belongs
        for change in changes:
            (seen.add if change.member else seen.discard)(change.segment)
        assert seen == one.since.keys() == belongs
        assert all(one.since[segment] == before.since[segment] for segment in belongs & before.since.keys())
