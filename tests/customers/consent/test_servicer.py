"""Consent over gRPC: entries are kept for good, merges and splits are followed at once, tokens confirm once."""

from datetime import timedelta
from typing import Any

import pytest
from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import customer_pb2, interaction_pb2, touchpoint_pb2
from rundblick.shared.v1 import page_pb2, verification_pb2

from chassis.caller import Caller, service_caller
from chassis.mongo import Database
from chassis.times import to_timestamp, utc_now
from services.customers.consent.domain import ConsentPurpose
from services.customers.touchpoint.domain import Channel
from services.customers.wiring import CustomersService
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Clock, Running
from tests.customers.customer.test_merges import created, follow

EMAIL, SMS, LETTER = touchpoint_pb2.CHANNEL_EMAIL, touchpoint_pb2.CHANNEL_SMS, touchpoint_pb2.CHANNEL_LETTER
MARKETING, SERVICE = pb.CONSENT_PURPOSE_MARKETING, pb.CONSENT_PURPOSE_SERVICE
SHOP = partner("shop")


def said(customer: str | None = None, **fields: Any) -> pb.ConsentStatement:
    return pb.ConsentStatement(customer_id=customer, **{"channel": EMAIL, "purpose": MARKETING, **fields})


async def grant(customers: Running, customer: str, caller: Caller | None = None, **fields: Any) -> pb.ConsentEntry:
    request = pb.RecordConsentRequest(statement=said(customer, **fields))
    entry: pb.ConsentEntry = (await customers.call(request, caller)).entry
    return entry


async def revoke(customers: Running, customer: str, caller: Caller | None = None, **fields: Any) -> pb.ConsentEntry:
    request = pb.RevokeConsentRequest(statement=said(customer, **fields))
    entry: pb.ConsentEntry = (await customers.call(request, caller)).entry
    return entry


async def permissions(
    customers: Running, *ids: str, caller: Caller | None = None, **fields: Any
) -> list[pb.ContactPermission]:
    request = pb.BatchGetContactPermissionsRequest(
        customer_ids=ids, **{"channel": EMAIL, "purpose": MARKETING, **fields}
    )
    answers = (await customers.call(request, caller)).answers
    return [answers[id].value for id in ids]


async def reasons(customers: Running, *ids: str, **fields: Any) -> list[str]:
    found = await permissions(customers, *ids, **fields)
    return [pb.ContactReason.Name(one.reason).removeprefix("CONTACT_REASON_") for one in found]


async def history(customers: Running, id: str, caller: Caller | None = None, **page: Any) -> pb.ConsentEntryPage:
    request = pb.BatchListConsentEntriesRequest(customer_ids=[id], page=page_pb2.PageRequest(**page))
    found: pb.ConsentEntryPage = (await customers.call(request, caller)).pages[id]
    return found


def mail(address: str) -> customer_pb2.StringList:
    return customer_pb2.StringList(values=[address])


async def test_what_is_said_is_kept_with_its_evidence_and_read_both_ways(
    customers: Running, database: Database
) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"))
    began = utc_now()
    evidence: dict[str, Any] = {"wording_version": "2026-01", "ip_address": "2001:db8::1", "source": "web"}
    first = await grant(
        customers, one.id, address="a@x.de", occurred_at=to_timestamp(began - timedelta(days=2)), **evidence
    )
    external = customer_pb2.ExternalId(source="crm", id="1")
    second = (await customers.call(pb.RevokeConsentRequest(statement=said(external_id=external, channel=SMS)))).entry
    assert (first.wording_version, first.ip_address, first.source) == tuple(evidence.values())
    assert (first.recorded_by, first.customer_id) == ("development", one.id)
    assert first.source_record_id != second.source_record_id == one.source_records[0].id, "of the identifier used"
    assert second.recorded_at.ToDatetime() >= began.replace(tzinfo=None)

    whole = await history(customers, one.id)
    assert [edge.node for edge in whole.edges] == [second, first]
    newest = await history(customers, one.id, first=1)
    assert newest.page_info.has_next_page
    assert [e.node for e in (await history(customers, one.id, first=1, after=newest.edges[0].cursor)).edges] == [first]
    assert [e.node for e in (await history(customers, one.id, last=1)).edges] == [first]

    request = pb.BatchListConsentsRequest(customer_ids=[one.id, f"cus_{NOBODY}"])
    lists = (await customers.call(request)).lists
    assert [(c.channel, c.status, c.address) for c in lists[one.id].consents] == [
        (EMAIL, pb.CONSENT_STATUS_GRANTED, "a@x.de"),
        (SMS, pb.CONSENT_STATUS_REVOKED, ""),
    ]
    assert not lists[f"cus_{NOBODY}"].consents
    [permission] = await permissions(customers, one.id)
    assert (permission.allowed, permission.address, permission.since) == (True, "a@x.de", first.occurred_at)
    kept = await database["consent_entries"].find_one({"_id": first.id})
    assert kept is not None
    assert {"source", "team", "owner"} <= kept.keys()


async def test_bad_input_is_told_with_its_field_and_changes_nothing(customers: Running, database: Database) -> None:
    one = await created(customers, 1)
    unknown, later = f"cus_{NOBODY}", to_timestamp(utc_now() + timedelta(hours=1))
    external = customer_pb2.ExternalId(source="crm", id="nobody")
    cases: list[tuple[pb.ConsentStatement, str, str]] = [
        (said(one.id, channel=0), "INVALID", "channel"),
        (said(one.id, purpose=0), "INVALID", "purpose"),
        (said(one.id, address="nobody"), "INVALID", "address"),
        (said(one.id, address="+4930", channel=LETTER), "INVALID", "address"),
        (said(one.id, source="s" * 101), "INVALID", "source"),
        (said(one.id, occurred_at=later), "INVALID", "occurred_at"),
        (said(one.id, wording_version=""), "INVALID", "wording_version"),
        (said(one.id, ip_address="home"), "INVALID", "ip_address"),
        (said(one.id, external_id=external), "INVALID", "customer_id"),
        (said(), "INVALID", "customer_id"),
        (said(unknown), "NOT_FOUND", "customer_id"),
        (said(external_id=external), "NOT_FOUND", "external_id"),
    ]
    for statement, code, field in cases:
        for request in (pb.RecordConsentRequest(statement=statement), pb.RevokeConsentRequest(statement=statement)):
            fault = await customers.fault(request)
            assert (fault.code, fault.path) == (code, (field,)), statement
    past = said(one.id, expires_at=to_timestamp(utc_now() - timedelta(days=1)))
    assert (await customers.fault(pb.RecordConsentRequest(statement=past))).path == ("expires_at",)
    assert (await customers.fault(pb.RecordConsentRequest(statement=said(one.id), double_opt_in=True))).path == (
        "address",
    )
    assert (await customers.fault(pb.BatchGetContactPermissionsRequest(customer_ids=[one.id]))).path == ("channel",)
    assert await database["consent_entries"].count_documents({}) == 0
    assert (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[one.id]))).answers[one.id].value == one


async def test_a_merge_is_followed_before_anything_is_delivered_and_a_split_gives_back(
    customers: Running, database: Database
) -> None:
    one, two = await created(customers, 1, emails=mail("a@x.de")), await created(customers, 2, emails=mail("b@x.de"))
    three = await created(customers, 3, emails=mail("c@x.de"))
    await grant(customers, one.id, address="a@x.de")
    refusal = await revoke(customers, two.id)
    await grant(customers, three.id)
    before = await permissions(customers, one.id, two.id, three.id)
    assert [(p.allowed, p.address) for p in before] == [(True, "a@x.de"), (False, ""), (True, "c@x.de")]

    await customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[three.id]))
    await grant(customers, one.id, channel=SMS)
    [merged] = await permissions(customers, three.id)
    assert (merged.allowed, merged.address) == (True, "c@x.de"), "an old id answers the present customer"
    await customers.call(customer_pb2.MergeCustomersRequest(id=one.id, duplicate_ids=[two.id]))
    assert await reasons(customers, one.id, two.id, three.id) == ["REVOKED"] * 3, (
        "at once, though nothing was delivered"
    )

    wrong = await customers.call(verification_pb2.CheckBatchRequest(part="consents", size=100))
    assert [difference.id for difference in wrong.differences if difference.id == refusal.id] == [refusal.id]
    assert len((await history(customers, one.id)).edges) == 2
    await follow(database)
    checked = await customers.call(verification_pb2.CheckBatchRequest(part="consents", size=100))
    assert (checked.examined, list(checked.differences)) == (4, [])
    assert {edge.node.customer_id for edge in (await history(customers, two.id)).edges} == {one.id}

    for id in (two.id, three.id):
        await customers.call(customer_pb2.SplitCustomerRequest(id=one.id, former_id=id))
    assert await permissions(customers, one.id, two.id, three.id) == before
    await follow(database)
    assert len((await history(customers, two.id)).edges) == 1


async def test_a_double_opt_in_counts_once_confirmed_and_a_token_confirms_once(
    customers: Running, database: Database, clock: Clock
) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"))

    async def asked(key: str) -> pb.RecordConsentResponse:
        request = pb.RecordConsentRequest(
            idempotency_key=key, statement=said(one.id, address="a@x.de"), double_opt_in=True
        )
        answer: pb.RecordConsentResponse = await customers.call(request)
        return answer

    first, again = await asked("one"), await asked("one")
    assert first.entry == again.entry
    assert first.token
    assert not again.HasField("token"), "what is kept for a repetition does not hold it"
    assert await reasons(customers, one.id) == ["PENDING"]
    everything = [str(d) for name in ("consent_entries", "idempotency") async for d in database[name].find()]
    assert first.token not in "".join(everything)

    confirm = pb.ConfirmConsentRequest(token=first.token, ip_address="192.0.2.1")
    confirmed = (await customers.call(confirm)).entry
    assert (confirmed.confirms_id, confirmed.ip_address, confirmed.address) == (first.entry.id, "192.0.2.1", "a@x.de")
    assert await reasons(customers, one.id) == ["GRANTED"]
    for request, code in (
        (confirm, "CONFLICT"),
        (pb.ConfirmConsentRequest(token="guessed"), "NOT_FOUND"),
        (pb.ConfirmConsentRequest(), "NOT_FOUND"),
    ):
        fault = await customers.fault(request)
        assert (fault.code, fault.path) == (code, ("token",))

    late, withdrawn = await asked("late"), await asked("withdrawn")
    await revoke(customers, one.id)
    assert (await customers.fault(pb.ConfirmConsentRequest(token=withdrawn.token))).code == "CONFLICT"
    clock.ahead = timedelta(days=8)
    assert "expired" in (await customers.fault(pb.ConfirmConsentRequest(token=late.token))).message
    assert await reasons(customers, one.id) == ["REVOKED"]


async def test_a_contact_that_went_out_without_permission_is_recorded_with_why(
    customers: Running, database: Database
) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"), source="shop")
    await grant(customers, one.id, occurred_at=to_timestamp(utc_now() - timedelta(days=2)))
    await revoke(customers, one.id, occurred_at=to_timestamp(utc_now() - timedelta(days=1)))
    place = touchpoint_pb2.CreateTouchpointRequest(
        key="mail",
        name="Mail",
        channel=EMAIL,
        nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
        control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
    )
    touchpoint = (await customers.call(place)).touchpoint.id

    def sent(hours: float, purpose: Any = MARKETING, **fields: Any) -> interaction_pb2.Interaction:
        given = {
            "customer_id": one.id,
            "touchpoint_id": touchpoint,
            "direction": interaction_pb2.DIRECTION_OUTBOUND,
            "kind": interaction_pb2.INTERACTION_KIND_CAMPAIGN,
            "source": "shop",
            **fields,
        }
        at = to_timestamp(utc_now() - timedelta(hours=hours))
        return interaction_pb2.Interaction(occurred_at=at, purpose=purpose, **given)

    facts = [
        sent(30),
        sent(1),
        sent(60),
        sent(1, SERVICE),
        sent(30, touchpoint_id=None),
        sent(1, None),
        sent(1, direction=interaction_pb2.DIRECTION_INBOUND),
        sent(1, customer_id=None),
    ]
    answers = (await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=facts))).answers
    assert all(answer.HasField("value") for answer in answers)
    kept = [pb.ContactReason.Name(a.value.violation.reason)[len("CONTACT_REASON_") :] for a in answers]
    assert kept == ["UNSPECIFIED", "REVOKED", "NO_CONSENT", "UNSPECIFIED", "CHANNEL_UNKNOWN", *["UNSPECIFIED"] * 3]
    request = interaction_pb2.BatchGetInteractionsRequest(ids=[answer.value.id for answer in answers])
    read = (await customers.call(request)).answers
    assert [read[answer.value.id].value for answer in answers] == [answer.value for answer in answers]
    told = (await customers.call(request, SHOP)).answers[answers[1].value.id].value
    assert (told.purpose, told.HasField("violation")) == (MARKETING, False), "it would tell what others know"

    mended = answers[1].value
    mended.version, mended.purpose = 2, SERVICE
    mended.ClearField("violation")
    corrected = await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=[mended]))
    assert not corrected.answers[0].value.HasField("violation"), "a correction is judged anew"


async def test_a_partner_sees_and_says_what_its_own_sources_did(customers: Running) -> None:
    shared = await created(customers, 1, source="shop", emails=mail("a@x.de"))
    fair = await created(customers, 2, source="fair", emails=mail("f@x.de"))
    await grant(customers, fair.id, source="fair", address="f@x.de")
    await revoke(customers, fair.id, source="fair", channel=SMS)
    unknown = f"cus_{NOBODY}"
    for request in (
        pb.BatchGetContactPermissionsRequest(customer_ids=[fair.id, unknown], channel=EMAIL, purpose=SERVICE),
        pb.BatchListConsentsRequest(customer_ids=[fair.id, unknown]),
        pb.BatchListConsentEntriesRequest(customer_ids=[fair.id, unknown]),
    ):
        answer = str(await customers.call(request, SHOP))
        assert answer.count(fair.id) == answer.count(unknown)
        assert "f@x.de" not in answer
    for make in (pb.RecordConsentRequest, pb.RevokeConsentRequest):
        seen, unseen = [
            await customers.fault(make(statement=said(id, source="shop")), SHOP) for id in (fair.id, unknown)
        ]
        assert (seen.code, seen.path) == (unseen.code, unseen.path)
        assert seen.message.replace(fair.id, "") == unseen.message.replace(unknown, "")
        assert (await customers.fault(make(statement=said(shared.id)), SHOP)).code == "FORBIDDEN"

    await customers.call(customer_pb2.MergeCustomersRequest(id=fair.id, duplicate_ids=[shared.id]))
    mine = await grant(customers, shared.id, SHOP, source="shop", address="a@x.de")
    assert [e.node.id for e in (await history(customers, shared.id, SHOP)).edges] == [mine.id]
    [permission] = await permissions(customers, shared.id, caller=SHOP)
    assert (permission.allowed, permission.address) == (True, "a@x.de")
    await revoke(customers, shared.id)
    await grant(customers, shared.id, SHOP, source="shop", address="a@x.de")
    assert (await permissions(customers, shared.id, caller=SHOP))[0].allowed, "by all that it knows"
    assert await reasons(customers, shared.id) == ["REVOKED"], "it lifts no refusal that others heard"
    await grant(customers, shared.id, source="shop", channel=SMS)
    recorders = [edge.node.recorded_by for edge in (await history(customers, shared.id, SHOP)).edges]
    assert recorders == ["", "partner", "partner"], "who works for the company is not told"

    pending = pb.RecordConsentRequest(statement=said(shared.id, address="a@x.de"), double_opt_in=True)
    token = (await customers.call(pending)).token
    assert (await customers.fault(pb.ConfirmConsentRequest(token=token), SHOP)).code == "NOT_FOUND"


@pytest.mark.parametrize("count", [1, 50])
async def test_asking_for_many_costs_one_indexed_command(
    customers: Running, database: Database, commands: Commands, count: int
) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"))
    await grant(customers, one.id)
    await revoke(customers, one.id, channel=SMS)
    ids = [one.id, *(f"cus_{number:026}" for number in range(count - 1))]
    for request in (
        pb.BatchGetContactPermissionsRequest(customer_ids=ids, channel=EMAIL, purpose=MARKETING),
        pb.BatchListConsentsRequest(customer_ids=ids),
        pb.BatchListConsentEntriesRequest(customer_ids=ids, page=page_pb2.PageRequest(last=2)),
    ):
        for caller in (None, SHOP):
            with commands.recorded():
                await customers.call(request, caller)
            assert len(commands.found) == 1
            assert await commands.unindexed() == []

    permissions = CustomersService(database)._permissions
    with commands.recorded():
        found = await permissions.may_contact(
            service_caller("customers"), ids, Channel.EMAIL, ConsentPurpose.MARKETING, utc_now()
        )
    assert len(commands.found) == 1
    assert [(id, one.allowed) for id, one in found.items()] == [(one.id, True)]


async def test_what_writes_look_for_is_indexed(customers: Running, commands: Commands) -> None:
    one = await created(customers, 1, emails=mail("a@x.de"))
    with commands.recorded():
        request = pb.RecordConsentRequest(statement=said(one.id, address="a@x.de"), double_opt_in=True)
        token = (await customers.call(request)).token
        await customers.call(pb.ConfirmConsentRequest(token=token))
        await customers.fault(pb.ConfirmConsentRequest(token="guessed"))
    assert {command.get("find") for _, command in commands.found} >= {"consent_entries", "source_records"}
    assert await commands.unindexed() == []
