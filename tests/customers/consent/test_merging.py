"""A merge never widens consent, whoever said what when, and a split gives back what it was."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.customers.consent.domain import ConsentEntry, ConsentPurpose, ConsentStatus, Ledger, Permission
from services.customers.customer.domain import SourceRecord, new_record
from services.customers.touchpoint.domain import Channel
from tests.customers.consent.said import NOW, entry, on, statement

ADDRESSES = ("a@x.de", "b@x.de", "c@x.de")
MARKETING, SERVICE = ConsentPurpose.MARKETING, ConsentPurpose.SERVICE


@dataclass
class World:
    """Customers as the sets of their source records; entries hang on records, whosever those are."""

    records: dict[str, SourceRecord]
    whose: dict[str, str]
    entries: list[ConsentEntry] = field(default_factory=list)

    def customers(self) -> list[str]:
        return sorted(set(self.whose.values()))

    def of(self, customer: str) -> list[str]:
        return sorted(record for record, owner in self.whose.items() if owner == customer)

    def ledger(self, customer: str) -> Ledger:
        mine = self.of(customer)
        return Ledger([self.records[id] for id in mine], [one for one in self.entries if one.source_record in mine])

    def say(self, record: str, said: Any) -> None:
        covers = frozenset(self.of(self.whose[record]))
        self.entries.append(entry(len(self.entries), record, said, covers))

    def merge(self, survivor: str, duplicate: str) -> None:
        self.whose |= dict.fromkeys(self.of(duplicate), survivor)


def permission(world: World, customer: str, purpose: ConsentPurpose) -> Permission:
    return world.ledger(customer).permission(Channel.EMAIL, purpose, on(50))


def refused(world: World, customer: str, purpose: ConsentPurpose) -> bool:
    return any(
        one.status is ConsentStatus.REVOKED and one.address is None and one.purpose is purpose
        for one in world.ledger(customer).consents(on(50))
    )


words = st.builds(
    statement,
    st.sampled_from([ConsentStatus.GRANTED, ConsentStatus.GRANTED, ConsentStatus.REVOKED]),
    st.integers(0, 9),
    address=st.sampled_from([None, *ADDRESSES]),
    purpose=st.sampled_from([MARKETING, SERVICE]),
)
ending = words.map(lambda said: said if said.status is ConsentStatus.REVOKED else replace(said, expires_at=on(40)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to four customers of one to three records each, which say addresses, or take one out."""
    records: dict[str, SourceRecord] = {}
    whose: dict[str, str] = {}
    for customer in range(draw(st.integers(2, 4))):
        for number in range(draw(st.integers(1, 3))):
            id = f"src_{customer}_{number}"
            emails = draw(st.lists(st.sampled_from(ADDRESSES), max_size=2, unique=True))
            record = replace(new_record("crm", id, {"emails": emails}, NOW, f"cus_{customer}"), id=id)
            taken_out = [a for a in draw(st.lists(st.sampled_from(ADDRESSES), max_size=1)) if a not in emails]
            if taken_out:
                record = replace(record, retracted={"emails": taken_out}, since={"emails": on(draw(st.integers(0, 9)))})
            records[id], whose[id] = record, f"cus_{customer}"
    return World(records, whose)


@given(worlds(), st.data())
def test_a_merge_never_allows_what_one_refused_or_nobody_granted_and_a_split_restores(
    world: World, data: st.DataObject
) -> None:
    said = data.draw(st.lists(st.tuples(st.sampled_from(sorted(world.records)), words | ending), max_size=8))
    for record, word in said:
        world.say(record, word)
    while len(world.customers()) > 1:
        survivor, duplicate = data.draw(st.permutations(world.customers()))[:2]
        before = {id: world.ledger(id) for id in (survivor, duplicate)}
        standing = {
            purpose: [(refused(world, id, purpose), permission(world, id, purpose)) for id in (survivor, duplicate)]
            for purpose in (MARKETING, SERVICE)
        }
        left = dict(world.whose)
        world.merge(survivor, duplicate)
        for purpose, sides in standing.items():
            merged = permission(world, survivor, purpose)
            if any(no for no, _ in sides):
                assert not merged.allowed
            if merged.allowed:
                assert any(one.allowed for _, one in sides)
            if merged.reason.value == "GRANTED":
                assert set(merged.addresses) <= {a for _, one in sides for a in one.addresses}
        # Undone, it is as it was; then it goes on merged, and more is said of the merged customer.
        merged_whose, world.whose = world.whose, left
        assert {id: world.ledger(id) for id in (survivor, duplicate)} == before
        world.whose = merged_whose
        for word in data.draw(st.lists(words, max_size=2)):
            world.say(data.draw(st.sampled_from(world.of(survivor))), word)


@given(worlds(), st.data())
def test_in_whatever_order_entries_come_in_the_customer_stands_the_same(world: World, data: st.DataObject) -> None:
    said = data.draw(
        st.lists(st.tuples(st.sampled_from(sorted(world.records)), words | ending), min_size=2, max_size=8)
    )
    for record, word in said:
        world.say(record, word)
    # All of them one customer in the end.
    world.whose = dict.fromkeys(world.whose, "cus_0")
    ledger = world.ledger("cus_0")
    mixed = replace(ledger, entries=data.draw(st.permutations(ledger.entries)))
    for at in (on(5), on(50)):
        assert mixed.consents(at) == ledger.consents(at)
        for purpose in (MARKETING, SERVICE):
            one, other = (each.permission(Channel.EMAIL, purpose, at) for each in (mixed, ledger))
            assert one == other


@given(st.data())
def test_numbers_given_in_another_order_change_nothing_that_counts(data: st.DataObject) -> None:
    """Ids come with the order of arrival: whoever came first must not decide."""
    records = [replace(new_record("crm", "a", {"emails": list(ADDRESSES)}, NOW, "cus_0"), id="src_a")]
    said = data.draw(st.lists(words | ending, min_size=2, max_size=8))

    def outcome(order: list[int]) -> list[Any]:
        ledger = Ledger(records, [entry(place, "src_a", said[number]) for place, number in enumerate(order)])
        allowed = [ledger.permission(Channel.EMAIL, purpose, on(50)) for purpose in (MARKETING, SERVICE)]
        views = [(c.purpose, c.status, c.address, c.since, c.expires_at) for c in ledger.consents(on(50))]
        return [*((p.allowed, p.reason, set(p.addresses), p.since) for p in allowed), views]

    order = list(range(len(said)))
    assert outcome(data.draw(st.permutations(order))) == outcome(order)
