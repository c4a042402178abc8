"""Who is limited to some customers reads and writes the consent of those alone; and who comes first does not matter."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import customer_pb2

from chassis.caller import Caller
from chassis.times import to_timestamp, utc_now
from tests.customers.conftest import Running
from tests.customers.consent.test_servicer import EMAIL, MARKETING, grant, mail, reasons, said
from tests.customers.customer.test_merges import created
from tests.customers.test_rows import CASES, People, people  # noqa: F401  # a fixture


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_consent_is_seen_and_said_of_the_customers_one_sees(
    customers: Running,
    people: People,  # noqa: F811  # the fixture
    ending: str,
    seen: list[str],
) -> None:
    caller, ids = people.caller("ann", ending), list(people.customers.values())
    tokens = {}
    for name, id in people.customers.items():
        request = pb.RecordConsentRequest(statement=said(id, address="a@x.de"), double_opt_in=True)
        tokens[name] = (await customers.call(request)).token
        await grant(customers, id)
    allowed = pb.BatchGetContactPermissionsRequest(customer_ids=ids, channel=EMAIL, purpose=MARKETING)
    answers = (await customers.call(allowed, caller)).answers
    lists = (await customers.call(pb.BatchListConsentsRequest(customer_ids=ids), caller)).lists
    pages = (await customers.call(pb.BatchListConsentEntriesRequest(customer_ids=ids), caller)).pages
    for name, id in people.customers.items():
        sees = name in seen
        assert (answers[id].HasField("value"), bool(lists[id].consents), bool(pages[id].edges)) == (sees,) * 3
        by_key = customer_pb2.ExternalId(source="shop", id=name)
        requests: list[Any] = [
            pb.RecordConsentRequest(statement=said(id)),
            pb.RevokeConsentRequest(statement=said(external_id=by_key)),
            pb.ConfirmConsentRequest(token=tokens[name]),
        ]
        for request in requests:
            if not sees:
                assert (await customers.fault(request, caller)).code == "NOT_FOUND"
            elif not isinstance(request, pb.ConfirmConsentRequest):
                assert (await customers.call(request, caller)).entry.recorded_by == "ann"


async def test_a_reader_says_nothing_and_who_may_write_reads_nothing(customers: Running) -> None:
    one = await created(customers, 1)
    reader, writer = (Caller("a", frozenset({f"customers:{scope}"})) for scope in ("read", "write"))
    for request, allowed, denied in (
        (pb.RecordConsentRequest(statement=said(one.id)), writer, reader),
        (pb.RevokeConsentRequest(statement=said(one.id)), writer, reader),
        (pb.BatchListConsentsRequest(customer_ids=[one.id]), reader, writer),
    ):
        assert await customers.call(request, allowed)
        assert (await customers.refused(request, denied))[0] is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
async def test_what_comes_in_late_counts_as_if_it_had_come_in_time(customers: Running, order: tuple[int, ...]) -> None:
    """By the customer's own id and by that of another system: which of the records comes first makes no difference."""
    one = await created(customers, 1, emails=mail("a@x.de"))
    by_key = customer_pb2.ExternalId(source="crm", id="1")

    def at(days: int) -> Any:
        return to_timestamp(utc_now() - timedelta(days=days))

    requests = [
        pb.RecordConsentRequest(statement=said(external_id=by_key, occurred_at=at(9))),
        pb.RevokeConsentRequest(statement=said(one.id, occurred_at=at(6))),
        pb.RecordConsentRequest(statement=said(external_id=by_key, address="a@x.de", occurred_at=at(3))),
    ]
    for place in order:
        await customers.call(requests[place])
    assert await reasons(customers, one.id) == ["GRANTED"]
    assert await reasons(customers, one.id, at=at(4)) == ["REVOKED"]
    assert await reasons(customers, one.id, at=at(8)) == ["GRANTED"]


async def test_of_two_that_follow_a_link_at_once_one_confirms(customers: Running) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"))
    request = pb.RecordConsentRequest(statement=said(one.id, address="a@x.de"), double_opt_in=True)
    token = (await customers.call(request)).token
    confirm = pb.ConfirmConsentRequest(token=token)
    outcomes = await asyncio.gather(*(customers.call(confirm) for _ in range(5)), return_exceptions=True)
    assert [isinstance(one, pb.ConfirmConsentResponse) for one in outcomes].count(True) == 1
    refusals = [one.code() for one in outcomes if isinstance(one, grpc.aio.AioRpcError)]
    assert refusals == [grpc.StatusCode.ABORTED] * 4


async def test_a_merge_and_a_refusal_at_once_leave_nobody_reachable(customers: Running) -> None:
    """Whichever comes first: the refusal is found, and covers no more than whom it was said for."""
    one, two = await created(customers, 1, emails=mail("a@x.de")), await created(customers, 2)
    await grant(customers, one.id)
    await asyncio.gather(
        customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id])),
        customers.call(pb.RevokeConsentRequest(statement=said(two.id))),
    )
    assert await reasons(customers, one.id, two.id) == ["REVOKED"] * 2
