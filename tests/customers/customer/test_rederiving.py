"""Who was stored before there were keys, or by older rules, is found after they were derived anew."""

from typing import Any

import grpc
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.shared.v1 import page_pb2, verification_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.matching.test_servicer import ANNA, one


async def found(customers: Running, text: str) -> list[str]:
    answer = await customers.call(pb.ListCustomersRequest(search=text, page=page_pb2.PageRequest(first=10)))
    return [edge.node.id for edge in answer.edges]


async def differences(customers: Running) -> set[str]:
    checked = await customers.call(verification_pb2.CheckBatchRequest(part="customers", size=100))
    return {difference.id for difference in checked.differences}


async def rederived(customers: Running, **said: Any) -> dict[str, list[str]]:
    """One customer at a time, from where the last one ended."""
    changes: dict[str, list[str]] = {}
    after = ""
    while True:
        answer = await customers.call(pb.RederiveCustomersRequest(after=after, size=1, **said))
        changes |= {change.customer_id: list(change.details) for change in answer.changes}
        if not answer.HasField("next_after"):
            return changes
        after = answer.next_after


async def test_documents_without_keys_are_found_again(
    customers: Running, database: Database, commands: Commands
) -> None:
    anna = await one(customers, "shop", "1", emails=["anna@x.de"], **ANNA)
    ben = await one(customers, "shop", "2", emails=["ben@x.de"], given_name="Ben", family_name="Zorn")
    as_of_old = {"$unset": {"folded_name": 1, "filed": 1, "terms": 1, "near": 1}}
    await database["customers"].update_many({"_id": anna}, as_of_old)
    await database["source_records"].update_many({"customer": anna}, {"$unset": {"keys": 1}})
    await database["source_records"].update_many({"customer": ben}, {"$set": {"keys": ["e:BEN@X.DE"]}})
    assert await found(customers, "berg") == []
    assert await one(customers, "crm", "1", emails=["anna@x.de"], **ANNA) != anna, "nobody knows her"
    assert await differences(customers) == {anna, ben}

    assert (await rederived(customers, dry_run=True)).keys() == {anna, ben}
    assert await found(customers, "Berg Anna") != [anna]
    with commands.recorded():
        changes = await rederived(customers)
    assert await commands.unindexed() == []
    assert changes.keys() == {anna, ben}
    assert not any("anna" in detail or "x.de" in detail for details in changes.values() for detail in details)
    assert await rederived(customers) == {}
    assert await differences(customers) == set()
    assert anna in await found(customers, "berg")
    assert await one(customers, "fair", "1", emails=["ben@x.de"], given_name="Ben", family_name="Zorn") == ben


async def test_only_who_looks_after_the_system_may_have_it_done(customers: Running) -> None:
    code, _ = await customers.refused(pb.RederiveCustomersRequest(size=1), Caller("x", frozenset({"customers:write"})))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert (await customers.refused(pb.RederiveCustomersRequest(size=0)))[0] is grpc.StatusCode.INVALID_ARGUMENT
