"""People decide which of two customers are one; pairs follow merges, and a run of the linkage finds them."""

from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import candidate_pb2 as pb
from rundblick.customers.v1 import customer_pb2
from rundblick.shared.v1 import verification_pb2
from rundblick.shared.v1.page_pb2 import PageRequest

from chassis.caller import Caller, service_caller
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, in_transaction
from chassis.outbox import Outbox
from chassis.times import utc_now
from services.customers.candidate.domain import Agreement, Reason, Side, found_pair
from services.customers.candidate.job import Found, Looking
from services.customers.candidate.linking import linked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.identifying import Identifying
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running
from tests.customers.customer.test_merges import follow

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:splink", "ignore::DeprecationWarning:duckdb")

PROCESS = service_caller("customers")


async def created(customers: Running, name: str, city: str = "Bonn") -> customer_pb2.Customer:
    given, family = name.split()
    fields = customer_pb2.CustomerFields(
        given_name=given,
        family_name=family,
        addresses=customer_pb2.PostalAddressList(
            values=[customer_pb2.PostalAddress(lines=["Am Markt 1"], city=city, postal_code=f"5{len(city)}111")]
        ),
    )
    request = customer_pb2.CreateCustomerRequest(kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=fields)
    made: customer_pb2.Customer = (await customers.call(request)).customer
    return made


def identifying_in(database: Database) -> Identifying:
    return Identifying(database, MongoCustomerRepository(database), Writes(database), Outbox(database), utc_now)


async def suggest(database: Database, score: float, *two: customer_pb2.Customer) -> str:
    sides = [Side(one.id, one.source_records[0].id) for one in two]
    reasons = [Reason("name", Agreement.SIMILAR, 3.5)]
    found = found_pair(new_id("dup"), sides[0], sides[1], score, reasons, "linkage", utc_now())
    finding = identifying_in(database).finding
    await in_transaction(database, lambda session: finding.record(PROCESS, [found], session))
    return found.id


async def decide(customers: Running, id: str, **said: Any) -> pb.DecideDuplicateResponse:
    response: pb.DecideDuplicateResponse = await customers.call(pb.DecideDuplicateRequest(id=id, **said))
    return response


async def listed(customers: Running, **said: Any) -> list[str]:
    answer = await customers.call(pb.ListDuplicateCandidatesRequest(**said))
    return [edge.node.id for edge in answer.edges]


async def differences(customers: Running) -> list[str]:
    request = verification_pb2.CheckBatchRequest(part="duplicates", after="", size=100)
    return [one.id for one in (await customers.call(request)).differences]


async def test_people_merge_or_dismiss_and_what_they_said_stays(customers: Running, database: Database) -> None:
    one, two, three = [await created(customers, name) for name in ("Anna Berg", "Anne Berg", "Eva See")]
    likely, less = await suggest(database, 0.95, two, one), await suggest(database, 0.91, one, three)
    commands = Commands(database)
    with commands.recorded():
        assert await listed(customers) == [likely, less]
    assert await commands.unindexed() == []
    assert len(commands.found) <= 2
    assert await listed(customers, minimum_score=0.93) == [likely]
    assert (await customers.fault(pb.ListDuplicateCandidatesRequest(minimum_score=2))).path == ("minimum_score",)
    page = await customers.call(pb.ListDuplicateCandidatesRequest(page=PageRequest(first=1)))
    after = page.page_info.end_cursor
    assert await listed(customers, page=PageRequest(first=1, after=after)) == [less]
    assert await listed(customers, page=PageRequest(last=1)) == [less]

    wrong: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"id": likely}, ("decision",)),
        ({"id": likely, "decision": pb.DUPLICATE_DECISION_MERGE, "keep_id": three.id}, ("keep",)),
        ({"id": f"dup_{NOBODY}", "decision": pb.DUPLICATE_DECISION_MERGE}, ("id",)),
    ]
    for said, path in wrong:
        assert (await customers.fault(pb.DecideDuplicateRequest(**said))).path == path
    assert await listed(customers) == [likely, less]

    steward = Caller("sue", frozenset({"identity:read", "identity:write"}), employee=f"emp_{NOBODY}")
    merge = pb.DecideDuplicateRequest(
        id=likely, decision=pb.DUPLICATE_DECISION_MERGE, keep_id=two.id, idempotency_key="k"
    )
    done, again = [await customers.call(merge, steward) for _ in range(2)]
    assert done == again
    assert done.customer.id == two.id
    assert {record.id for record in done.customer.source_records} == {c.source_records[0].id for c in (one, two)}
    assert list(done.candidate.customer_ids) == [two.id, two.id]
    assert done.candidate.decided_by_id == steward.employee
    await follow(database)
    # The other pair followed the one who was merged.
    answers = (await customers.call(pb.BatchGetDuplicateCandidatesRequest(ids=[less, f"dup_{NOBODY}"]))).answers
    assert list(answers[less].value.customer_ids) == [two.id, three.id]
    assert answers[f"dup_{NOBODY}"].HasField("error")
    assert (await decide(customers, less, decision=pb.DUPLICATE_DECISION_DISMISS)).candidate.status == (
        pb.DUPLICATE_STATUS_DISMISSED
    )
    assert await listed(customers) == []
    again_found = await suggest(database, 0.99, three, await read(customers, two.id))
    assert await listed(customers) == []
    assert await database["duplicate_candidates"].count_documents({"_id": again_found}) == 0
    conflict = pb.DecideDuplicateRequest(id=likely, decision=pb.DUPLICATE_DECISION_DISMISS)
    assert (await customers.refused(conflict))[0] is grpc.StatusCode.ABORTED
    # People part them again: then they are two, and it stays so.
    await customers.call(customer_pb2.SplitCustomerRequest(id=two.id, former_id=one.id))
    await follow(database)
    answers = (await customers.call(pb.BatchGetDuplicateCandidatesRequest(ids=[likely]))).answers
    assert answers[likely].value.status == pb.DUPLICATE_STATUS_DISMISSED
    assert {*answers[likely].value.customer_ids} == {one.id, two.id}
    assert await differences(customers) == []
    await database["duplicate_candidates"].update_one({"_id": less}, {"$set": {"customers.0": f"cus_{NOBODY}"}})
    assert await differences(customers) == [less]


async def read(customers: Running, id: str) -> customer_pb2.Customer:
    answers = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[id]))).answers
    value: customer_pb2.Customer = answers[id].value
    return value


async def test_pairs_about_the_same_two_become_one_and_one_that_came_too_late_is_not_kept(
    customers: Running, database: Database
) -> None:
    one, two, three = [await created(customers, name) for name in ("Anna Berg", "Anne Berg", "Eva See")]
    first, second = await suggest(database, 0.95, one, three), await suggest(database, 0.97, two, three)
    await customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    await follow(database)
    assert await listed(customers) == [second]
    assert await database["duplicate_candidates"].count_documents({"_id": first}) == 0
    # It was found among customers as they were before.
    await suggest(database, 0.99, two, three)
    assert await listed(customers) == [second]


async def look(database: Database, merge_above: float | None = None, most: int = 10) -> Found:
    looking = Looking(
        database,
        MongoCustomerRepository(database),
        identifying_in(database),
        lambda rows: linked(rows, 0.9),
        utc_now,
        merge_above=merge_above,
        most=most,
    )
    return await looking.run(PROCESS)


async def test_a_run_finds_pairs_forgets_what_is_no_longer_likely_and_merges_what_is_certain(
    customers: Running, database: Database
) -> None:
    names = ("Anna Bergmann", "Anna Bergman", "Ulf Bergmann", "Eva Seefeld", "Ewa Seefeld", "Tom Rot")
    anna, anna2, ulf, eva, eva2, _ = [await created(customers, name, "Bonn" + name[-1] * 2) for name in names]
    found = await look(database)
    assert (found.customers, found.merged) == (6, 0)
    for_people = await customers.call(pb.ListDuplicateCandidatesRequest())
    pairs = {frozenset(edge.node.customer_ids): edge.node for edge in for_people.edges}
    assert frozenset((eva.id, eva2.id)) in pairs
    assert not any(ulf.id in pair for pair in pairs)
    assert {reason.field for reason in pairs[frozenset((eva.id, eva2.id))].reasons} >= {"given_name", "family_name"}
    assert (found.new, found.pairs) == (len(pairs), len(pairs))

    assert (await look(database)).new == 0
    [kept] = [node.id for pair, node in pairs.items() if eva.id in pair]
    nowhere = customer_pb2.PostalAddressList()
    fields = customer_pb2.CustomerFields(given_name="Maria", family_name="Hof", addresses=nowhere)
    await customers.call(customer_pb2.UpdateCustomerRequest(id=eva2.id, fields=fields))
    assert (await look(database)).forgotten == 1
    assert kept not in await listed(customers)

    other = await suggest(database, 0.95, anna, anna2)
    dismissed = (
        other
        if await database["duplicate_candidates"].count_documents({"_id": other})
        else pairs[frozenset((anna.id, anna2.id))].id
    )
    await decide(customers, dismissed, decision=pb.DUPLICATE_DECISION_DISMISS)
    twins = [await created(customers, "Zoe Ahrens", "Köln") for _ in range(3)]
    found = await look(database, merge_above=0.9, most=1)
    # At most so many in a run; what people dismissed is not merged at all.
    assert found.merged == 1
    assert (await read(customers, anna2.id)).id == anna2.id
    assert len({(await read(customers, one.id)).id for one in twins}) == 2
    await follow(database)
    assert (await look(database, merge_above=0.9)).merged == 1
    await follow(database)
    assert {(await read(customers, one.id)).id for one in twins} == {twins[0].id}
    by = await database["duplicate_candidates"].distinct("decided_by", {"status": "MERGED"})
    assert PROCESS.subject in by
    assert await differences(customers) == []
