"""References: keys of other systems become ids, made once, written only when something is new."""

import asyncio
from typing import Any

import grpc
from rundblick.customers.v1 import customer_pb2, touchpoint_pb2
from rundblick.customers.v1 import reference_pb2 as pb

from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running


def customer(id: str, name: str | None = "Somebody") -> pb.CustomerReference:
    fields = customer_pb2.CustomerFields(display_name=name) if name else None
    return pb.CustomerReference(external_id=id, fields=fields, kind=customer_pb2.CUSTOMER_KIND_PERSON)


def touchpoint(key: str, *, create: bool = True) -> pb.TouchpointReference:
    new = pb.NewTouchpoint(
        name=key,
        channel=touchpoint_pb2.CHANNEL_PHONE,
        nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
        control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
    )
    return pb.TouchpointReference(key=key, create=new if create else None)


def request(**fields: Any) -> pb.ResolveReferencesRequest:
    return pb.ResolveReferencesRequest(source="shop", **fields)


def everything() -> pb.ResolveReferencesRequest:
    return request(
        customers=[customer(str(number)) for number in range(5)],
        touchpoints=[touchpoint("phone"), touchpoint("desk")],
        teams=[pb.TeamReference(key="night", create_name="Night")],
    )


async def test_what_is_new_is_made_and_what_is_known_is_found(customers: Running, commands: Commands) -> None:
    first = await customers.call(everything())
    assert all(answer.value.created for answer in first.customers.values())
    with commands.recorded():
        again = await customers.call(everything())
    assert {name for name, _ in commands.found} == {"find"}, "nothing is written for what is known"
    assert await commands.unindexed() == []
    assert {id: answer.value.customer_id for id, answer in again.customers.items()} == {
        id: answer.value.customer_id for id, answer in first.customers.items()
    }
    assert not any(answer.value.created for answer in again.customers.values())
    assert again.touchpoints == first.touchpoints
    assert again.teams == first.teams


async def test_callers_who_ask_at_once_get_the_same(customers: Running) -> None:
    answers = await asyncio.gather(*(customers.call(everything()) for _ in range(6)))
    assert (
        len({tuple(sorted((k, v.value.customer_id) for k, v in answer.customers.items())) for answer in answers}) == 1
    )
    assert len({answer.touchpoints["phone"].value.id for answer in answers}) == 1
    assert len({answer.teams["night"].team_id for answer in answers}) == 1


async def test_news_of_a_known_record_move_the_customer_one_version_on(customers: Running) -> None:
    first = await customers.call(request(customers=[customer("1", "Old")]))
    changed = await customers.call(request(customers=[customer("1", "New")]))
    assert changed.customers["1"].value.source_record_id == first.customers["1"].value.source_record_id
    id = first.customers["1"].value.customer_id
    answer = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[id]))).answers[id]
    assert (answer.value.display_name, answer.value.version) == ("New", 2)


async def test_one_bad_reference_does_not_fail_the_others(customers: Running) -> None:
    bad = customer("bad")
    bad.fields.locale = "no locale"
    half = customer("half")
    half.fields.emails.values.extend(["nonsense", "half@example.org"])
    half.fields.phones.values.append("call me")
    answer = await customers.call(
        request(
            customers=[customer("good"), bad, half, customer("unknown", None)],
            touchpoints=[touchpoint("phone", create=False), touchpoint("desk")],
            teams=[pb.TeamReference(key="nobody")],
        )
    )
    assert answer.customers["good"].value.created
    assert answer.customers["bad"].error.code == "INVALID"
    assert answer.customers["half"].value.created
    assert [list(one.path) for one in answer.customers["half"].value.left_out] == [
        ["fields", "emails", "0"],
        ["fields", "phones", "0"],
    ]
    assert "unknown" in answer.customers["unknown"].error.message
    assert answer.touchpoints["phone"].error.code == "INVALID"
    assert answer.touchpoints["desk"].value.id
    assert answer.teams["nobody"].error.code == "INVALID"


async def test_a_golden_id_gets_the_record_of_our_own(customers: Running) -> None:
    id = (await customers.call(request(customers=[customer("1")]))).customers["1"].value.customer_id
    asked = request(customer_ids=[id, f"cus_{NOBODY}"])
    first, second = await asyncio.gather(customers.call(asked), customers.call(asked))
    assert first.customers_by_id[id].value.source_record_id == second.customers_by_id[id].value.source_record_id
    assert first.customers_by_id[f"cus_{NOBODY}"].error.code == "INVALID"


async def test_a_partner_makes_customers_of_its_source_and_nothing_of_the_companys(customers: Running) -> None:
    outside = partner("shop")
    answer = await customers.call(everything(), outside)
    assert answer.customers["1"].value.created
    assert answer.touchpoints["phone"].error.code == "INVALID"
    other = pb.ResolveReferencesRequest(source="other", customers=[customer("1")])
    assert (await customers.refused(other, outside))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_for_whom_another_process_asks_limits_what_is_found_and_never_widens_it(customers: Running) -> None:
    id = (await customers.call(request(customers=[customer("1")]))).customers["1"].value.customer_id
    shop, fair = (pb.SourceLimit(sources=[source]) for source in ("shop", "fair"))
    known = await customers.call(request(customer_ids=[id], limit=shop))
    assert known.customers_by_id[id].value.customer_id == id
    hidden = pb.ResolveReferencesRequest(source="fair", customer_ids=[id], limit=fair)
    assert (await customers.call(hidden)).customers_by_id[id].error.code == "INVALID"
    nobody = request(customer_ids=[id], limit=pb.SourceLimit())
    assert (await customers.refused(nobody))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert (await customers.refused(request(limit=fair)))[0] is grpc.StatusCode.PERMISSION_DENIED
    wider = pb.ResolveReferencesRequest(source="fair", limit=pb.SourceLimit(sources=["shop", "fair"]))
    assert (await customers.refused(wider, partner("shop")))[0] is grpc.StatusCode.PERMISSION_DENIED
