"""Customers in MongoDB: pages that keep to what was asked, by index, whoever asks."""

from typing import Any

import pytest
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.plans import faults_of_winners

PARTNER = partner("shop", "web")


async def created(customers: Running, name: str, source: str, id: str = "1") -> str:
    request = pb.CreateCustomerRequest(
        kind=pb.CUSTOMER_KIND_PERSON,
        fields=pb.CustomerFields(display_name=name),
        external_id=pb.ExternalId(source=source, id=id),
    )
    return str((await customers.call(request)).customer.id)


async def names(customers: Running, caller: Caller | None = None, **fields: Any) -> list[str]:
    answer = await customers.call(pb.ListCustomersRequest(**fields), caller)
    return [edge.node.display_name for edge in answer.edges]


async def test_a_partner_of_two_sources_may_ask_for_one_and_for_none_but_its_own(customers: Running) -> None:
    for source in ("shop", "web", "crm"):
        await created(customers, source, source)
    assert await names(customers, PARTNER) == ["web", "shop"]
    assert await names(customers, PARTNER, filter=pb.CustomerFilter(source="shop")) == ["shop"]
    assert await names(customers, PARTNER, filter=pb.CustomerFilter(source="crm")) == []


@pytest.mark.parametrize("search", ["", " ", "A"])
async def test_the_cursor_of_a_search_leads_on_also_when_nothing_was_searched(customers: Running, search: str) -> None:
    ids = {await created(customers, f"a{number}", "shop", str(number)) for number in range(3)}
    first = await customers.call(pb.ListCustomersRequest(search=search, page=page_pb2.PageRequest(first=2)))
    page = page_pb2.PageRequest(first=2, after=first.page_info.end_cursor)
    rest = await customers.call(pb.ListCustomersRequest(search=search, page=page))
    assert {edge.node.id for edge in [*first.edges, *rest.edges]} == ids


async def test_a_search_finds_what_follows_in_any_script(customers: Running) -> None:
    for name in ("Ada", "Ada\U0001f338", "Ada\uffffx"):
        await created(customers, name, "shop", name)
    assert set(await names(customers, search="ada")) == {"Ada", "Ada\U0001f338", "Ada\uffffx"}


@pytest.mark.parametrize("order", list(pb.CustomerOrder.values()))
async def test_every_list_reads_by_index_whoever_asks(
    customers: Running, database: Database, commands: Commands, order: Any
) -> None:
    for number in range(30):
        await created(customers, f"N{number}", ("shop", "web", "crm")[number % 3], str(number))
    filters = (
        pb.CustomerFilter(),
        pb.CustomerFilter(source="shop"),
        pb.CustomerFilter(kind=pb.CUSTOMER_KIND_PERSON),
        # The few of one owner are sorted by name when they are asked for.
        *([pb.CustomerFilter(owner_id="emp_1")] if order != pb.CUSTOMER_ORDER_DISPLAY_NAME_ASC else []),
        pb.CustomerFilter(source="shop", kind=pb.CUSTOMER_KIND_PERSON),
    )
    for filter in filters:
        for caller in (None, PARTNER):
            with commands.recorded():
                request = pb.ListCustomersRequest(order_by=order, filter=filter, page=page_pb2.PageRequest(last=5))
                await customers.call(request, caller)
            assert 1 <= len(commands.found) <= 2
            assert await faults_of_winners(database, commands) == [], (filter, caller)
