"""Merge and split: nothing is lost, a split gives everything back, and a dry run says beforehand what would be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidInput, NotFound
from services.customers.customer.domain import (
    Customer,
    CustomerKind,
    golden,
    new_record,
    own_record_says,
    project,
    with_records,
)
from services.customers.customer.domain.merging import Former, Moved, Reason, brought_by, changes, merge, split

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def customer(number: int, sources: tuple[str, ...] = ("crm",), minutes: int = 0, **values: Any) -> Customer:
    id = f"cus_{number}"
    at = NOW + timedelta(minutes=minutes)
    values = {"given_name": f"Name {number}", **values}
    records = [new_record(source, f"{source}-{number}", values, at, id) for source in sources]
    return golden(id, CustomerKind.PERSON, records, owner=None, now=at)


def shown(customer: Customer) -> tuple[Any, ...]:
    """What the graph shows but for how often it changed."""
    return (
        customer.id,
        customer.kind,
        customer.display_name,
        customer.values,
        customer.provenance,
        customer.external_ids,
        customer.owner,
        customer.created_at,
    )


class World:
    """Customers and former ones, as a repository would keep them."""

    def __init__(self, customers: list[Customer]) -> None:
        self.present = {one.id: one for one in customers}
        self.former: dict[str, Former] = {}
        self._steps = 0

    def _of(self, ids: set[str]) -> list[Former]:
        return [former for former in self.former.values() if former.into in ids]

    def _take(self, moved: Moved) -> None:
        for id in moved.gone:
            del self.present[id]
        if moved.revived is not None:
            del self.former[moved.revived]
        self.former |= {former.id: former for former in moved.formers}
        self.present |= {one.id: one for one in moved.customers}

    def _now(self) -> datetime:
        self._steps += 1
        return NOW + timedelta(days=self._steps)

    def merge(self, survivor: str, duplicate: str) -> None:
        ids = {survivor, duplicate}
        self._take(merge(self.present[survivor], [self.present[duplicate]], self._of(ids), self._now()))

    def split(self, id: str, leaving: set[str]) -> None:
        now = self._now()
        self._take(split(self.present[id], self._of({id}), leaving, f"cus_new_{self._steps}", now))

    def split_former(self, former: str) -> None:
        id = self.former[former].into
        self.split(id, set(brought_by(self.present[id], former, self._of({id}))))


def test_of_a_text_the_last_word_holds_and_of_a_list_all() -> None:
    one = customer(1, minutes=5, emails=["a@x.de"], locale="de")
    other = customer(2, minutes=9, emails=["b@x.de", "a@x.de"], family_name="Late")
    [merged] = merge(one, [other], [], NOW).customers
    assert merged.values["emails"] == ["b@x.de", "a@x.de"]
    assert merged.values["given_name"] == "Name 2"
    assert (merged.values["family_name"], merged.values["locale"]) == ("Late", "de")
    why = {change.field: (change.reason, change.before, change.after) for change in changes(one, merged)}
    assert why["emails"] == (Reason.UNITED, ["a@x.de"], ["b@x.de", "a@x.de"])
    assert why["given_name"] == (Reason.REPLACED, "Name 1", "Name 2")
    assert why["family_name"] == (Reason.ADDED, None, "Late")
    assert why["locale"] == (Reason.KEPT, "de", "de")
    assert why["kind"] == (Reason.OWN, "PERSON", "PERSON")


def test_what_people_take_out_of_a_list_stays_out_until_it_is_said_again() -> None:
    one = customer(1, emails=["a@x.de", "old@x.de"])
    edited = with_records(one, own_record_says(one, {"emails": ["a@x.de"]}, NOW + timedelta(hours=1)), NOW)
    assert edited.values["emails"] == ["a@x.de"]
    other = customer(2, minutes=120, emails=["old@x.de"])
    [merged] = merge(edited, [other], [], NOW).customers
    assert merged.values["emails"] == ["old@x.de", "a@x.de"], "the other said it after it was taken out"
    nothing = with_records(merged, own_record_says(merged, {"emails": []}, NOW + timedelta(hours=9)), NOW)
    assert "emails" not in nothing.values
    assert project(nothing.records)[0] == nothing.values


def test_the_owner_goes_along_and_comes_back() -> None:
    mine, theirs = customer(1), customer(2)
    owned = golden("cus_2", CustomerKind.PERSON, theirs.records, owner="emp_1", now=NOW)
    world = World([mine, owned])
    world.merge("cus_1", "cus_2")
    assert world.present["cus_1"].owner == "emp_1"
    world.split_former("cus_2")
    owners: dict[str, str | None] = {id: one.owner for id, one in world.present.items()}
    assert owners == {"cus_1": None, "cus_2": "emp_1"}


def test_a_former_id_leads_to_where_most_of_what_it_brought_is() -> None:
    world = World([customer(1), customer(2, ("crm", "web", "shop")), customer(3)])
    world.merge("cus_2", "cus_3")
    world.merge("cus_1", "cus_2")
    assert {former.id: former.into for former in world.former.values()} == {"cus_2": "cus_1", "cus_3": "cus_1"}
    of_three = {record.id for record in world.present["cus_1"].records if record.home == "cus_3"}
    one_of_two = next(record.id for record in world.present["cus_1"].records if record.home == "cus_2")
    world.split("cus_1", {*of_three, one_of_two})
    assert set(world.present) == {"cus_1", "cus_3"}, "the customer that all those records were is back"
    assert world.former["cus_2"].into == "cus_1", "as much of what it brought stayed as went"


@pytest.mark.parametrize("leaving", [set(), {"all"}, {"src_unknown"}])
def test_some_records_must_go_and_some_must_stay(leaving: set[str]) -> None:
    one = customer(1, ("crm", "web"))
    wanted = {record.id for record in one.records} if leaving == {"all"} else leaving
    with pytest.raises(InvalidInput) as error:
        split(one, [], wanted, "cus_new", NOW)
    assert error.value.path == ("source_records",)


def test_merging_with_itself_is_refused() -> None:
    one = customer(1)
    with pytest.raises(InvalidInput):
        merge(one, [one], [], NOW)
    with pytest.raises(NotFound):
        brought_by(one, "cus_2", [])


sources = st.lists(st.sampled_from(["crm", "web", "shop", "rundblick"]), min_size=1, max_size=3, unique=True)
values = st.fixed_dictionaries(
    {},
    optional={
        "emails": st.lists(st.sampled_from(["a@x.de", "b@x.de", "c@x.de"]), unique=True, max_size=2),
        "locale": st.sampled_from(["de", "en", ""]),
        "display_name": st.sampled_from(["A", "B"]),
    },
)


@st.composite
def customers(draw: st.DrawFn, count: int = 5) -> list[Customer]:
    return [customer(number, tuple(draw(sources)), draw(st.integers(0, 50)), **draw(values)) for number in range(count)]


@given(customers(), st.data())
def test_splitting_in_the_reverse_order_gives_everything_back(all: list[Customer], data: st.DataObject) -> None:
    world = World(all)
    before = {one.id: shown(with_records(one, one.records, NOW, nameless=True)) for one in all}
    merged = []
    for _ in range(data.draw(st.integers(1, 4))):
        survivor, duplicate = data.draw(st.permutations(sorted(world.present)))[:2]
        world.merge(survivor, duplicate)
        merged.append(duplicate)
    for former in reversed(merged):
        world.split_former(former)
    assert {one.id: shown(one) for one in world.present.values()} == before
    assert world.former == {}


@given(customers(), st.data())
def test_any_merges_and_splits_lose_no_record_and_every_id_leads_somewhere(
    all: list[Customer], data: st.DataObject
) -> None:
    world = World(all)
    records = sorted(record.id for one in all for record in one.records)
    for _ in range(data.draw(st.integers(1, 8))):
        many = [id for id, one in world.present.items() if len(one.records) > 1]
        if len(world.present) > 1 and (not many or data.draw(st.booleans())):
            survivor, duplicate = data.draw(st.permutations(sorted(world.present)))[:2]
            world.merge(survivor, duplicate)
        elif many:
            id = data.draw(st.sampled_from(sorted(many)))
            ids = [record.id for record in world.present[id].records]
            world.split(id, set(data.draw(st.permutations(ids))[: data.draw(st.integers(1, len(ids) - 1))]))
    assert sorted(record.id for one in world.present.values() for record in one.records) == records
    for one in world.present.values():
        assert (one.values, one.provenance) == project(one.records), "recomputed from its source records it is the same"
    for former in world.former.values():
        assert former.into in world.present
        assert any(record.id in former.brought for record in world.present[former.into].records)
    assert not set(world.former) & set(world.present)
    assert {one.id for one in all} <= set(world.former) | set(world.present)
