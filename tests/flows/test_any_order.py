"""Any facts, merges and splits, told in any order and some of them twice, end in the graph of a recomputation."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc, interaction_pb2, interaction_pb2_grpc
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc
from rundblick.metrics.v1 import kpi_pb2, kpi_pb2_grpc

from tests.databases import Databases
from tests.flows.conftest import Trio, running_trio

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
CUSTOMERS = 4
KINDS = (
    "open",
    "open",
    "answer",
    "ask",
    "resolve",
    "exclude",
    "include",
    "combine",
    "visit",
    "merge",
    "merge",
    "split",
    "tell",
    "tell",
    "fold",
)

_REFUSED = (grpc.StatusCode.ABORTED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)

# (what is done, and numbers that choose whom and when)
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 999), st.integers(0, 999)), min_size=6, max_size=18)


class Story:
    """Does the steps, and remembers what it did, as no service does."""

    def __init__(self, trio: Trio) -> None:
        self._trio = trio
        self._customers = customer_pb2_grpc.CustomerServiceStub(trio.channels["customers"])
        self._interactions = interaction_pb2_grpc.InteractionServiceStub(trio.channels["customers"])
        self._enquiries = enquiry_pb2_grpc.EnquiryServiceStub(trio.channels["feedback"])
        self._kpis = kpi_pb2_grpc.KpiServiceStub(trio.channels["metrics"])
        self.born: list[str] = []
        self.record: dict[str, str] = {}  # external id -> source record
        self.opened: list[tuple[str, str]] = []  # enquiry, external id
        self._excluded: set[str] = set()
        self._combined: dict[str, str] = {}  # duplicate -> the enquiry it was merged into
        self._merged: list[str] = []

    async def begin(self) -> None:
        for number in range(CUSTOMERS):
            request = customer_pb2.CreateCustomerRequest(
                kind=customer_pb2.CUSTOMER_KIND_PERSON,
                fields=customer_pb2.CustomerFields(display_name=f"Name {number}"),
                external_id=customer_pb2.ExternalId(source="crm", id=f"c{number}"),
            )
            customer = (await self._customers.CreateCustomer(request, timeout=10)).customer
            self.born.append(customer.id)
            self.record[f"c{number}"] = customer.source_records[0].id

    async def do(self, kind: str, one: int, two: int) -> None:
        try:
            await getattr(self, f"_{kind}")(one, two)
        except grpc.aio.AioRpcError as error:
            # A step that the present state does not allow is refused, and changes nothing.
            if error.code() not in _REFUSED:
                raise

    def _message(self, minutes: int, author: Any) -> enquiry_pb2.NewMessage:
        message = enquiry_pb2.NewMessage(author_kind=author, body="text")
        message.occurred_at.FromDatetime(NINE + timedelta(minutes=minutes))
        return message

    async def _open(self, one: int, two: int) -> None:
        external = f"c{one % CUSTOMERS}"
        request = enquiry_pb2.OpenEnquiryRequest(
            subject="?",
            customer_external_id=customer_pb2.ExternalId(source="crm", id=external),
            message=self._message(two, enquiry_pb2.AUTHOR_KIND_CUSTOMER),
        )
        enquiry = (await self._enquiries.OpenEnquiry(request, timeout=10)).enquiry
        self.opened.append((enquiry.id, external))

    def _some(self, one: int) -> str:
        return self.opened[one % len(self.opened)][0] if self.opened else "enq_none"

    async def _answer(self, one: int, two: int) -> None:
        message = self._message(two, enquiry_pb2.AUTHOR_KIND_EMPLOYEE)
        request = enquiry_pb2.AddMessageRequest(enquiry_id=self._some(one), message=message)
        await self._enquiries.AddMessage(request, timeout=10)

    async def _ask(self, one: int, two: int) -> None:
        message = self._message(two, enquiry_pb2.AUTHOR_KIND_CUSTOMER)
        request = enquiry_pb2.AddMessageRequest(enquiry_id=self._some(one), message=message)
        await self._enquiries.AddMessage(request, timeout=10)

    async def _resolve(self, one: int, two: int) -> None:
        request = enquiry_pb2.ResolveEnquiryRequest(id=self._some(one))
        request.occurred_at.FromDatetime(NINE + timedelta(minutes=two))
        await self._enquiries.ResolveEnquiry(request, timeout=10)

    async def _exclude(self, one: int, two: int) -> None:
        reason = enquiry_pb2.EXCLUSION_REASON_SPAM
        id = self._some(one)
        await self._enquiries.ExcludeEnquiry(enquiry_pb2.ExcludeEnquiryRequest(id=id, reason=reason), timeout=10)
        self._excluded.add(id)

    async def _include(self, one: int, two: int) -> None:
        id = self._some(one)
        await self._enquiries.IncludeEnquiry(enquiry_pb2.IncludeEnquiryRequest(id=id), timeout=10)
        self._excluded.discard(id)

    async def _combine(self, one: int, two: int) -> None:
        into, duplicate = self._some(one), self._some(two)
        request = enquiry_pb2.MergeEnquiriesRequest(into_id=into, duplicate_ids=[duplicate])
        await self._enquiries.MergeEnquiries(request, timeout=10)
        self._combined[duplicate] = into
        self._excluded.add(duplicate)

    def _told_in(self, enquiry: str) -> str:
        """Where the messages of an enquiry are today."""
        while enquiry in self._combined:
            enquiry = self._combined[enquiry]
        return enquiry

    async def _visit(self, one: int, two: int) -> None:
        fact = interaction_pb2.Interaction(
            customer_id=self.born[one % CUSTOMERS],
            direction=interaction_pb2.DIRECTION_INBOUND,
            kind=interaction_pb2.INTERACTION_KIND_VISIT,
        )
        fact.occurred_at.FromDatetime(NINE + timedelta(minutes=two))
        await self._interactions.RecordInteractions(
            interaction_pb2.RecordInteractionsRequest(interactions=[fact]), timeout=10
        )

    async def _merge(self, one: int, two: int) -> None:
        duplicate = self.born[two % CUSTOMERS]
        request = customer_pb2.MergeCustomersRequest(id=self.born[one % CUSTOMERS], duplicate_ids=[duplicate])
        await self._customers.MergeCustomers(request, timeout=10)

    async def _split(self, one: int, two: int) -> None:
        id = self.born[one % CUSTOMERS]
        customer = (
            (await self._customers.BatchGetCustomers(customer_pb2.BatchGetCustomersRequest(ids=[id]), timeout=10))
            .answers[id]
            .value
        )
        records = [record.id for record in customer.source_records]
        chosen = [record for place, record in enumerate(records) if two >> place & 1]
        request = customer_pb2.SplitCustomerRequest(id=id, source_record_ids=chosen)
        await self._customers.SplitCustomer(request, timeout=10)

    async def _tell(self, one: int, two: int) -> None:
        """Something that is on its way arrives; now and then its sender does not notice and sends it again."""
        waiting = await self._trio.waiting()
        if waiting:
            owner, entry = waiting[one % len(waiting)]
            await self._trio.deliver(owner, entry, again=two % 3 == 0)

    async def _fold(self, one: int, two: int) -> None:
        await self._trio.fold()

    async def check(self) -> None:
        """What each customer shows is what came in for its records, counted here by hand."""
        present = (
            await self._customers.BatchGetCustomers(customer_pb2.BatchGetCustomersRequest(ids=self.born), timeout=10)
        ).answers
        for id in self.born:
            customer = present[id].value
            records = {record.id for record in customer.source_records}
            mine = {enquiry for enquiry, external in self.opened if self.record[external] in records}
            # Asked by the id it was born with, whoever that is today.
            pages = (
                await self._enquiries.BatchListEnquiries(
                    enquiry_pb2.BatchListEnquiriesRequest(customer_ids=[id]), timeout=10
                )
            ).pages
            assert {edge.node.id for edge in pages[id].edges} == mine
            assert {edge.node.customer_id for edge in pages[id].edges} <= {customer.id}
            journey = (
                await self._interactions.BatchListInteractions(
                    interaction_pb2.BatchListInteractionsRequest(customer_ids=[id]), timeout=10
                )
            ).pages[id]
            assert {edge.node.customer_id for edge in journey.edges} <= {customer.id}
            subjects = {e.node.subject.id for e in journey.edges if e.node.HasField("subject")}
            assert subjects == set(map(self._told_in, mine))
            request = kpi_pb2.BatchGetSubjectResultsRequest(
                kind=kpi_pb2.SUBJECT_KIND_CUSTOMER, ids=[id], keys=["enquiries"]
            )
            [result] = (await self._kpis.BatchGetSubjectResults(request, timeout=10)).answers[id].value.results
            assert result.n == len(mine - self._excluded)


async def told(databases: Databases, story: list[tuple[str, int, int]], order: Any) -> None:
    async with running_trio(databases) as trio:
        it = Story(trio)
        await it.begin()
        for step in story:
            await it.do(*step)
        waiting = await trio.waiting()
        for place in order(len(waiting)):
            await trio.deliver(*waiting[place])
            await trio.fold()
        await trio.settle()
        report = await trio.verified()
        assert [f"{d.what} {d.id}: {d.detail}" for d in report.differences] == []
        await it.check()


@pytest.mark.timeout(300)
@given(steps, st.data())
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_story_told_in_any_order_ends_as_recomputed(
    databases: Databases, story: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    def order(count: int) -> list[int]:
        return data.draw(st.permutations(range(count)))

    asyncio.run(told(databases, story, order))


async def test_the_story_that_every_one_knows(trio: Trio) -> None:
    """Two records of one person, merged, written to, and parted again."""
    it = Story(trio)
    await it.begin()
    for step in (("open", 0, 1), ("open", 1, 5), ("merge", 0, 1), ("open", 1, 9), ("answer", 1, 20), ("visit", 1, 7)):
        await it.do(*step)
    await trio.settle()
    await it.check()
    await it.do("split", 0, 2)
    await trio.settle()
    await it.check()
    assert (await trio.verified()).differences == []


async def test_what_was_combined_is_parted_with_its_customers(trio: Trio) -> None:
    """Enquiries of two records of one person become one; then it turns out that they are two."""
    it = Story(trio)
    await it.begin()
    for step in (("open", 0, 1), ("open", 1, 5), ("answer", 1, 20), ("answer", 1, 21), ("merge", 0, 1)):
        await it.do(*step)
    await trio.settle()
    for step in (("combine", 0, 1), ("ask", 0, 30), ("exclude", 0, 0), ("include", 0, 0)):
        await it.do(*step)
    # Out of order: what was told last comes first.
    for owner, entry in reversed(await trio.waiting()):
        await trio.deliver(owner, entry)
    await trio.settle()
    await it.check()
    await it.do("split", 0, 2)
    await trio.settle()
    await it.check()
    assert (await trio.verified()).differences == []
