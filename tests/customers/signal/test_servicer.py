"""Signals over gRPC: each once, corrected by what is newer, and with their customer through merge and split."""

from datetime import timedelta
from typing import Any

import grpc
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import signal_pb2 as pb

from chassis.caller import service_caller
from chassis.mongo import Database
from chassis.times import to_timestamp, utc_now
from services.customers.wiring import CustomersService
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running
from tests.customers.customer.test_merges import created, follow

_CALLER = service_caller("customers")


def enquiry(id: str, record: str, version: int = 1, **said: Any) -> pb.Signal:
    return pb.Signal(
        id=id,
        version=version,
        at=to_timestamp(utc_now() - timedelta(days=1)),
        source="crm",
        source_record_id=record,
        enquiry=pb.EnquirySignal(**said),
    )


async def facts(database: Database, *customers: str) -> list[dict[str, Any]]:
    found = await CustomersService(database)._judging.gathering.of(_CALLER, customers, utc_now())
    return [dict(found[id]["enquiries"]) for id in customers]


async def test_signals_are_kept_once_and_follow_their_customer(
    customers: Running, database: Database, commands: Commands
) -> None:
    one, two = await created(customers, 1), await created(customers, 2)
    records = [customer.source_records[0].id for customer in (one, two)]
    first = [enquiry("enq_1", records[0], open=True), enquiry("enq_2", records[1], open=True)]
    with commands.recorded():
        await customers.call(pb.RecordSignalsRequest(signals=first))
        await customers.call(pb.RecordSignalsRequest(signals=first))
    assert await commands.unindexed() == []
    newer = [enquiry("enq_1", records[0], 3), enquiry("enq_1", records[0], 2, open=True)]
    await customers.call(pb.RecordSignalsRequest(signals=newer))
    before = await facts(database, one.id, two.id)
    assert [(one["open"], one["total"]) for one in before] == [(0.0, 1.0), (1.0, 1.0)]

    await customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    # Said while the merge is under way: it is the present one's at once.
    await customers.call(pb.RecordSignalsRequest(signals=[enquiry("enq_3", records[1], open=True)]))
    await follow(database)
    [merged] = await facts(database, one.id)
    assert (merged["open"], merged["total"]) == (2.0, 3.0)
    await customers.call(customer_pb2.SplitCustomerRequest(id=one.id, former_id=two.id))
    await follow(database)
    assert [(one["open"], one["total"]) for one in await facts(database, one.id, two.id)] == [(0.0, 1.0), (2.0, 2.0)]


async def test_what_is_no_signal_is_refused_and_the_others_are_taken(customers: Running, database: Database) -> None:
    one = await created(customers, 1)
    record = one.source_records[0].id
    score = pb.Signal(id="fbk_1", at=to_timestamp(utc_now()), source="crm", source_record_id=record)
    wrong = [pb.Signal(), pb.Signal(id="fbk_2", source="crm"), pb.Signal()]
    wrong[0].CopyFrom(score)
    wrong[0].score.CopyFrom(pb.ScoreSignal(survey=pb.SURVEY_KIND_CSAT, value=6))
    wrong[2].CopyFrom(score)
    wrong[2].need.topics.extend(["price"])
    said = [*wrong, enquiry("enq_1", record, open=True)]
    answers = (await customers.call(pb.RecordSignalsRequest(signals=said))).answers
    assert [list(answer.error.path) for answer in answers] == [["score", "value"], ["said"], ["need", "kind"], []]
    assert await database["signals"].count_documents({}) == 1
    code, _ = await customers.refused(pb.RecordSignalsRequest(signals=said), partner("crm"))
    assert code is grpc.StatusCode.PERMISSION_DENIED
