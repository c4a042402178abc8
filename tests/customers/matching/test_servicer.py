"""Records of the same customer are brought together as they come in, and given back by a split."""

import asyncio
from typing import Any

import grpc
from rundblick.customers.v1 import candidate_pb2, customer_pb2, employee_pb2, reference_pb2
from rundblick.customers.v1 import matching_pb2 as pb

from chassis.caller import Caller
from chassis.mongo import Database
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running

PERSON = customer_pb2.CUSTOMER_KIND_PERSON
ANNA: dict[str, Any] = {"given_name": "Anna", "family_name": "Berg"}


def fields(*, emails: list[str] | None = None, phones: list[str] | None = None, **texts: str) -> Any:
    lists = {
        name: customer_pb2.StringList(values=values)
        for name, values in (("emails", emails), ("phones", phones))
        if values is not None
    }
    return customer_pb2.CustomerFields(**texts, **lists)  # type: ignore[arg-type]  # texts and lists alike


async def brought(
    customers: Running, source: str, said: dict[str, Any], caller: Caller | None = None
) -> dict[str, reference_pb2.CustomerResolution]:
    """One batch of records of a source: by external id, who they are."""
    request = reference_pb2.ResolveReferencesRequest(
        source=source,
        customers=[
            reference_pb2.CustomerReference(external_id=id, kind=PERSON, fields=one) for id, one in said.items()
        ],
    )
    answers = (await customers.call(request, caller)).customers
    return {id: answers[id].value for id in said}


async def one(customers: Running, source: str, id: str, caller: Caller | None = None, **said: Any) -> str:
    return str((await brought(customers, source, {id: fields(**said)}, caller))[id].customer_id)


async def present(customers: Running, id: str) -> customer_pb2.Customer:
    value: customer_pb2.Customer = (
        (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[id]))).answers[id].value
    )
    return value


async def suggested(customers: Running) -> list[tuple[set[str], str]]:
    answer = await customers.call(candidate_pb2.ListDuplicateCandidatesRequest())
    return [({*edge.node.customer_ids}, edge.node.found_by) for edge in answer.edges]


async def test_a_record_that_comes_in_is_attached_to_whom_it_is_and_a_split_gives_it_back(customers: Running) -> None:
    first = await one(customers, "shop", "1", emails=["Anna@x.de"], **ANNA)
    # In one batch with a stranger and with itself under another id.
    said = {
        "7": fields(emails=["anna@X.de"], phones=["+49228123"], **ANNA),
        "8": fields(emails=["ben@x.de"], given_name="Ben", family_name="Berg"),
        "9": fields(phones=["+49228123"], given_name="A.", family_name="BERG"),
    }
    found = await brought(customers, "crm", said)
    assert (found["7"].customer_id, found["9"].customer_id) == (first, first)
    assert found["8"].customer_id != first
    assert [found[id].created for id in said] == [False, True, False]
    customer = await present(customers, first)
    assert {(record.source, record.external_id) for record in customer.source_records} == {
        ("shop", "1"),
        ("crm", "7"),
        ("crm", "9"),
    }
    again = await brought(customers, "crm", said)
    assert [again[id].customer_id for id in said] == [found[id].customer_id for id in said]
    # People part what the rule brought together: nobody brings it up again.
    [record] = [r.id for r in customer.source_records if r.external_id == "9"]
    parted = await customers.call(customer_pb2.SplitCustomerRequest(id=first, source_record_ids=[record]))
    assert parted.split_off.id != first
    assert await suggested(customers) == []


async def test_who_sees_some_customers_only_gets_one_of_their_own_and_people_are_told(customers: Running) -> None:
    said: dict[str, Any] = {"kind": PERSON, "fields": fields(emails=["anna@x.de"], **ANNA)}
    first, second = [(await customers.call(customer_pb2.CreateCustomerRequest(**said))).customer for _ in range(2)]
    assert second.id == first.id
    assert len(second.source_records) == 2
    theirs = await one(customers, "shop", "1", partner("shop"), emails=["anna@x.de"], **ANNA)
    assert await suggested(customers) == [({first.id, theirs}, "email-and-name")]
    made = await customers.call(employee_pb2.CreateEmployeeRequest(display_name="Ann"))
    ann = Caller("ann", frozenset({"customers:write:own"}), employee=made.employee.id)
    mine = await customers.call(customer_pb2.CreateCustomerRequest(**said, owner_id=made.employee.id), ann)
    assert mine.customer.id not in (first.id, theirs)
    refused = await customers.refused(candidate_pb2.ListDuplicateCandidatesRequest(), partner("shop"))
    assert refused[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_several_or_a_changed_record_are_suggested_and_families_are_not(customers: Running) -> None:
    one_, two = await one(customers, "a", "1", emails=["a@x.de"], **ANNA), await one(customers, "a", "2", **ANNA)
    ben = await one(customers, "a", "3", emails=["a@x.de"], given_name="Ben", family_name="Berg")
    assert await suggested(customers) == []
    # The second says its address later: who is known already is merged by people alone.
    await one(customers, "a", "2", emails=["a@x.de"], **ANNA)
    assert await suggested(customers) == [({one_, two}, "email-and-name")]
    third = await one(customers, "b", "1", emails=["A@x.de"], **ANNA)
    assert third not in (one_, two, ben)
    pairs = [pair for pair, _ in await suggested(customers)]
    assert len(pairs) == 3
    assert {one_, third} in pairs
    assert {two, third} in pairs


async def test_rules_and_blocks_are_defined_and_hold_at_once(customers: Running, database: Database) -> None:
    def rule(**said: Any) -> pb.DefineMatchRuleRequest:
        fields: dict[str, Any] = {
            "key": "phone",
            "identifiers": [pb.MatchIdentifier(kind=pb.MATCH_IDENTIFIER_KIND_PHONE)],
            "priority": 1,
            "limit": 2,
            "mode": pb.MATCH_MODE_ATTACH,
        }
        return pb.DefineMatchRuleRequest(**{**fields, **said})

    wrong = pb.MatchIdentifier(kind=pb.MATCH_IDENTIFIER_KIND_ATTRIBUTE)
    fault = await customers.fault(rule(identifiers=[*rule().identifiers, wrong]))
    assert fault.path == ("identifiers", "1", "of")
    assert (await customers.fault(rule(mode=0))).path == ("mode",)
    assert await database["match_rules"].count_documents({}) == 0
    request = rule(idempotency_key="k")
    defined = [(await customers.call(request)).rule for _ in range(2)]
    assert defined[0] == defined[1]
    code, _ = await customers.refused(rule())
    assert code is grpc.StatusCode.ALREADY_EXISTS

    first = await one(customers, "a", "1", phones=["+49228123"], given_name="Anna")
    assert await one(customers, "b", "1", phones=["+49228123"]) == first
    # Three records would share it: beyond the limit nobody is merged.
    third = await one(customers, "c", "1", phones=["+49228123"])
    assert await suggested(customers) == [({first, third}, "phone")]
    blocked = await customers.call(pb.BlockValueRequest(value="+4922*", blocked=True))
    assert (blocked.value, blocked.blocked) == ("+4922*", True)
    fourth = await one(customers, "d", "1", phones=["+49228123"])
    assert fourth not in (first, third)
    assert len(await suggested(customers)) == 1
    await customers.call(pb.BlockValueRequest(value="Noreply@", blocked=False))
    values = (await customers.call(pb.ListBlockedValuesRequest())).values
    assert "+4922*" in values
    assert "noreply@" not in values

    archived = (await customers.call(pb.ArchiveMatchRuleRequest(key="phone", version=1))).rule
    assert (archived.enabled, archived.version) == (False, 2)
    shipped = await customers.call(pb.ArchiveMatchRuleRequest(key="email-and-name", version=0))
    assert shipped.rule.version == 1
    listed = {r.key: r.enabled for r in (await customers.call(pb.ListMatchRulesRequest())).rules}
    assert listed == {
        "phone": False,
        "email-and-name": False,
        "phone-and-name": True,
        "email": True,
        "name-and-postal-code": True,
    }
    reader = Caller("r", frozenset({"identity:read"}))
    assert (await customers.refused(rule(key="x"), reader))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_looking_for_whom_a_batch_may_be_costs_the_same_for_few_and_many(
    customers: Running, database: Database
) -> None:
    await brought(customers, "a", {str(n): fields(emails=[f"a{n}@x.de"], **ANNA) for n in range(26)})
    counts = []
    for numbers in (range(1), range(1, 26)):
        said = {f"{n}": fields(emails=[f"a{n}@x.de"], given_name="Eva", family_name="See") for n in numbers}
        commands = Commands(database)
        with commands.recorded():
            await brought(customers, "b", said)
        counts.append(len([command for name, command in commands.found if name in ("find", "aggregate")]))
        assert await commands.unindexed() == []
    assert counts[0] == counts[1]
    held = await database["match_keys"].find_one({})
    assert held is not None
    assert b"x.de" not in held["_id"]
    # Two who come in at the same moment are one.
    for number in range(4):
        both: dict[str, Any] = {"emails": [f"twin{number}@x.de"], "given_name": "Tom", "family_name": "Rot"}
        found = await asyncio.gather(*(one(customers, source, f"t{number}", **both) for source in ("a", "b", "c")))
        assert len({(await present(customers, id)).id for id in found}) == 1
    # By a blocked value nobody is attached.
    for email in ("noreply@x.de", "test@x.de"):
        nobody: dict[str, Any] = {"emails": [email], "given_name": "Max", "family_name": "Muster"}
        assert await one(customers, "a", email, **nobody) != await one(customers, "b", email, **nobody)
