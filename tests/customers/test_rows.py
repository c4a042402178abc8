"""Whoever is limited to their own customers, or their team's, sees those and no others, whichever way they ask."""

from dataclasses import dataclass

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, employee_pb2, interaction_pb2

from chassis.caller import Caller
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running
from tests.customers.interaction.test_servicer import fact

SCOPES = ("customers:read", "customers:write", "customers:personal", "interactions:write")


@dataclass
class People:
    """Ann and Ben sell, Cleo is in service; each owns the customer of their name, nobody the last one."""

    team: str
    employees: dict[str, str]
    customers: dict[str, str]

    def caller(self, name: str, ending: str, *, team: bool = True) -> Caller:
        limited = {
            scope + ending if scope.startswith(("customers:read", "customers:write")) else scope for scope in SCOPES
        }
        return Caller(name, frozenset(limited), employee=self.employees[name], team=self.team if team else None)


@pytest.fixture
async def people(customers: Running) -> People:
    employees, owned, team = {}, {}, ""
    for name, key in (("ann", "sales"), ("ben", "sales"), ("cleo", "service")):
        made = (await customers.call(employee_pb2.CreateEmployeeRequest(display_name=name, team_key=key))).employee
        employees[name], team = made.id, team or made.team_id
    for name in ("ann", "ben", "cleo", "nobody"):
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=customer_pb2.CustomerFields(display_name=f"of {name}"),
            owner_id=employees.get(name, ""),
            external_id=customer_pb2.ExternalId(source="shop", id=name),
        )
        owned[name] = (await customers.call(request)).customer.id
    facts = [fact(id, minute) for minute, id in enumerate(owned.values())]
    await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=facts))
    return People(team, employees, owned)


CASES = [(":own", ["ann"]), (":team", ["ann", "ben"]), ("", ["ann", "ben", "cleo", "nobody"])]


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_by_id_in_the_list_and_by_another_systems_id(
    customers: Running, people: People, ending: str, seen: list[str]
) -> None:
    caller = people.caller("ann", ending)
    ids = list(people.customers.values())
    answers = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=ids), caller)).answers
    names = {name for name, id in people.customers.items() if answers[id].HasField("value")}
    listed = (await customers.call(customer_pb2.ListCustomersRequest(), caller)).edges
    searched = (await customers.call(customer_pb2.ListCustomersRequest(search="of"), caller)).edges
    assert names == set(seen)
    assert {edge.node.id for edge in listed} == {people.customers[name] for name in seen}
    assert {edge.node.id for edge in searched} == {people.customers[name] for name in seen}
    for name in people.customers:
        request = customer_pb2.FindCustomerRequest(external_id=customer_pb2.ExternalId(source="shop", id=name))
        if name in seen:
            assert (await customers.call(request, caller)).customer.id == people.customers[name]
        else:
            assert (await customers.refused(request, caller))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_a_journey_is_seen_by_whoever_sees_the_customer(
    customers: Running, people: People, ending: str, seen: list[str]
) -> None:
    caller = people.caller("ann", ending)
    ids = list(people.customers.values())
    pages = (await customers.call(interaction_pb2.BatchListInteractionsRequest(customer_ids=ids), caller)).pages
    assert {name for name, id in people.customers.items() if pages[id].edges} == set(seen)
    everybody = (await customers.call(interaction_pb2.BatchListInteractionsRequest(customer_ids=ids))).pages
    facts = {name: everybody[id].edges[0].node.id for name, id in people.customers.items()}
    request = interaction_pb2.BatchGetInteractionsRequest(ids=list(facts.values()))
    answers = (await customers.call(request, caller)).answers
    assert {name for name, id in facts.items() if answers[id].HasField("value")} == set(seen)


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_what_is_not_seen_is_not_changed_as_if_it_did_not_exist(
    customers: Running, people: People, ending: str, seen: list[str]
) -> None:
    caller = people.caller("ann", ending)
    for name, id in people.customers.items():
        fields = customer_pb2.CustomerFields(display_name=f"now of {name}")
        for request in (
            customer_pb2.UpdateCustomerRequest(id=id, fields=fields),
            customer_pb2.MergeCustomersRequest(id=id, duplicate_ids=[people.customers["ann"]], dry_run=True),
        ):
            if name in seen:
                if request.id != people.customers["ann"] or isinstance(request, customer_pb2.UpdateCustomerRequest):
                    await customers.call(request, caller)
            else:
                refused = await customers.refused(request, caller)
                gone = customer_pb2.UpdateCustomerRequest(id=f"cus_{NOBODY}", fields=fields)
                unknown = await customers.refused(gone, caller)
                assert refused[0] is unknown[0] is grpc.StatusCode.NOT_FOUND
                assert refused[1].replace(id, "") == unknown[1].replace(f"cus_{NOBODY}", "")


async def test_customers_go_along_when_their_owner_changes_teams(customers: Running, people: People) -> None:
    lead = people.caller("ann", ":team")
    cleo = people.employees["cleo"]
    await customers.call(employee_pb2.UpdateEmployeeRequest(id=cleo, team_key="sales"))
    listed = (await customers.call(customer_pb2.ListCustomersRequest(), lead)).edges
    assert people.customers["cleo"] in {edge.node.id for edge in listed}
    await customers.call(employee_pb2.UpdateEmployeeRequest(id=cleo, team_key="service"))
    listed = (await customers.call(customer_pb2.ListCustomersRequest(), lead)).edges
    assert people.customers["cleo"] not in {edge.node.id for edge in listed}


async def test_who_is_limited_creates_customers_of_their_own(customers: Running, people: People) -> None:
    caller = people.caller("ann", ":own")
    fields = customer_pb2.CustomerFields(display_name="New")
    for owner in ("", people.employees["ben"]):
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=fields, owner_id=owner
        )
        assert (await customers.refused(request, caller))[0] is grpc.StatusCode.PERMISSION_DENIED
    request.owner_id = people.employees["ann"]
    assert (await customers.call(request, caller)).customer.owner_id == people.employees["ann"]


@pytest.mark.parametrize("ending", [":own", ":team"])
async def test_limits_cost_no_whole_collection(
    customers: Running, people: People, commands: Commands, ending: str
) -> None:
    caller = people.caller("ann", ending)
    ids = list(people.customers.values())
    with commands.recorded():
        await customers.call(customer_pb2.BatchGetCustomersRequest(ids=ids), caller)
        await customers.call(customer_pb2.ListCustomersRequest(), caller)
        await customers.call(interaction_pb2.BatchListInteractionsRequest(customer_ids=ids), caller)
    assert await commands.unindexed() == []
