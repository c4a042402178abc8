"""Where a customer stands follows from all that was said: a refusal holds for all, a grant for the address it names."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.errors import InvalidInput
from services.customers.consent.domain import (
    Consent,
    ConsentEntry,
    ConsentPurpose,
    ConsentStatus,
    ContactReason,
    Ledger,
    Permission,
    TokenUnusable,
    confirmation,
)
from services.customers.customer.domain import SourceRecord, new_record
from services.customers.touchpoint.domain import Channel
from tests.customers.consent.said import NOW, entry, on, statement

GRANTED, REVOKED, PENDING = ConsentStatus.GRANTED, ConsentStatus.REVOKED, ConsentStatus.PENDING
LATER = on(100)
BOTH = frozenset({"src_a", "src_b"})


def record(id: str, *emails: str, minutes: int = 0, **values: Any) -> SourceRecord:
    at = NOW + timedelta(minutes=minutes)
    return replace(new_record("crm", id, {"emails": list(emails), **values}, at, "cus_1"), id=id)


A, B = record("src_a", "a@x.de"), record("src_b", "b@x.de", minutes=1)


def asked(
    entries: list[ConsentEntry],
    *records: SourceRecord,
    channel: Channel | None = Channel.EMAIL,
    purpose: ConsentPurpose = ConsentPurpose.MARKETING,
    at: datetime = LATER,
) -> Permission:
    return Ledger(records or (A,), entries).permission(channel, purpose, at)


def shown(consents: list[Consent]) -> list[tuple[ConsentStatus, str | None]]:
    return [(one.status, one.address) for one in consents]


def test_without_a_word_only_service_is_allowed() -> None:
    assert asked([]) == Permission(False, ContactReason.NO_CONSENT, Channel.EMAIL, ConsentPurpose.MARKETING)
    service = asked([], purpose=ConsentPurpose.SERVICE)
    assert (service.allowed, service.reason, service.addresses) == (True, ContactReason.NO_CONSENT_NEEDED, ("a@x.de",))
    objected = [entry(1, "src_a", statement(REVOKED, purpose=ConsentPurpose.SERVICE))]
    assert asked(objected, purpose=ConsentPurpose.SERVICE).reason is ContactReason.REVOKED
    assert asked(objected, purpose=ConsentPurpose.SERVICE, channel=Channel.PHONE).allowed


def test_the_last_word_holds_and_at_the_same_moment_the_refusal() -> None:
    said = [entry(1, "src_a", statement(day=1)), entry(2, "src_a", statement(REVOKED, 3))]
    said.append(entry(3, "src_a", statement(day=5)))
    allowed = {day: asked(said, at=on(day)).allowed for day in (0, 1, 2, 3, 4, 5, 9)}
    assert allowed == {0: False, 1: True, 2: True, 3: False, 4: False, 5: True, 9: True}
    assert asked([entry(1, "src_a", statement(day=1)), entry(2, "src_a", statement(REVOKED, 1))]).allowed is False
    assert asked(said, channel=Channel.SMS).reason is asked(said, purpose=ConsentPurpose.SURVEY).reason


def test_a_grant_counts_for_the_address_it_names_as_long_as_the_customer_has_it() -> None:
    named = [entry(1, "src_a", statement(address="A@x.de"))]
    assert asked(named).addresses == ("a@x.de",)
    gone = asked(named, record("src_a", "new@x.de"))
    assert (gone.allowed, gone.reason) == (False, ContactReason.SUSPENDED)
    own = replace(record("src_b"), retracted={"emails": ["a@x.de"]}, since={"emails": on(5)})
    assert asked(named, A, own).reason is ContactReason.SUSPENDED, "people took it out"
    assert shown(Ledger((A, own), named).consents(on(9))) == [(ConsentStatus.SUSPENDED, "A@x.de")]


def test_a_grant_without_an_address_counts_for_those_of_whom_it_was_said() -> None:
    said = [entry(1, "src_a", statement())]
    assert asked(said, A, B).addresses == ("a@x.de",)
    assert asked([entry(1, "src_a", statement(), BOTH)], A, B).addresses == ("a@x.de", "b@x.de")


def test_who_refused_takes_the_merged_customer_along_until_the_merged_customer_grants() -> None:
    refused = entry(1, "src_b", statement(REVOKED, 1))
    granted = entry(2, "src_a", statement(day=2, address="a@x.de"))
    assert asked([granted], A).allowed
    assert asked([granted, refused], A, B).reason is ContactReason.REVOKED
    assert shown(Ledger((A, B), [granted, refused]).consents(on(9))) == [(REVOKED, None)]
    again = entry(3, "src_a", statement(day=3, address="a@x.de"), BOTH)
    assert asked([granted, refused, again], A, B).addresses == ("a@x.de",)
    assert asked([refused], B).reason is ContactReason.REVOKED, "who was split off refuses as before"


def test_what_was_taken_back_stays_so_when_another_address_is_granted() -> None:
    two = record("src_a", "a@x.de", "new@x.de")
    said = [
        entry(1, "src_a", statement(day=1, address="a@x.de")),
        entry(2, "src_a", statement(REVOKED, 2, address="a@x.de")),
        entry(3, "src_a", statement(day=3, address="new@x.de")),
    ]
    assert asked(said, two).addresses == ("new@x.de",)
    assert shown(Ledger((two,), said).consents(on(9))) == [(REVOKED, "a@x.de"), (GRANTED, "new@x.de")]


def test_a_partner_lifts_no_refusal_that_others_heard() -> None:
    refused = entry(1, "src_a", statement(REVOKED, 1, source="rundblick"))
    granted = entry(2, "src_a", statement(day=2, source="shop"), sources=frozenset({"shop"}))
    assert not asked([refused, granted]).allowed
    own = entry(1, "src_a", statement(REVOKED, 1, source="shop"))
    assert asked([own, granted]).allowed


def test_what_ends_ends_and_the_newer_word_on_an_address_replaces_the_older() -> None:
    forever = entry(1, "src_a", statement(day=1, address="a@x.de"))
    short = entry(2, "src_a", statement(day=2, address="a@x.de", expires_at=on(10)))
    assert asked([forever, short], at=on(9)).allowed
    over = asked([forever, short], at=on(10))
    assert (over.allowed, over.reason, over.since) == (False, ContactReason.EXPIRED, on(10))
    [consent] = Ledger((A,), [short, forever]).consents(on(11))
    assert (consent.status, consent.entry) == (ConsentStatus.EXPIRED, short.id)


def test_of_a_contact_that_is_over_the_channel_must_be_known() -> None:
    said = [entry(1, "src_a", statement())]
    assert asked(said, channel=None).reason is ContactReason.CHANNEL_UNKNOWN
    assert asked(said, channel=None, purpose=ConsentPurpose.SERVICE).allowed


def awaiting(day: int = 0, **fields: Any) -> ConsentEntry:
    return entry(1, "src_a", statement(day=day, address="a@x.de", **fields).awaiting(b"hash", on(day + 7)))


def confirmed(pending: ConsentEntry, day: int, *, used: bool = False, refused: bool = False) -> ConsentEntry:
    return confirmation(
        pending,
        used=used,
        refused=refused,
        id="cns_0009",
        customer="cus_1",
        ip_address=None,
        recorded_by="somebody",
        now=on(day),
    )


def test_what_waits_allows_nothing_until_it_is_confirmed() -> None:
    pending = awaiting()
    assert asked([pending], at=on(1)).reason is ContactReason.PENDING
    assert shown(Ledger((A,), [pending]).consents(on(1))) == [(PENDING, "a@x.de")]
    assert asked([pending], at=on(7)).reason is ContactReason.NO_CONSENT
    grant = confirmed(pending, 2)
    assert (grant.confirms, grant.said.status, grant.said.token_hash) == (pending.id, GRANTED, None)
    assert asked([grant, pending]).addresses == ("a@x.de",)
    assert shown(Ledger((A,), [pending, grant]).consents(on(3))) == [(GRANTED, "a@x.de")]
    kept = [entry(3, "src_a", statement(day=-5, address="a@x.de")), pending]
    assert asked(kept).allowed, "asking again takes nothing back"


@pytest.mark.parametrize(
    ("fields", "day", "changes"),
    [
        ({}, 7, {}),
        ({}, 1, {"used": True}),
        ({}, 1, {"refused": True}),
        ({"expires_at": on(1)}, 1, {}),
    ],
)
def test_a_token_that_comes_too_late_confirms_nothing(fields: Any, day: int, changes: Any) -> None:
    assert confirmed(awaiting(**fields), 0)
    with pytest.raises(TokenUnusable) as error:
        confirmed(awaiting(**fields), day, **changes)
    assert error.value.path == ("token",)


def test_refusing_meanwhile_counts_but_having_refused_before_does_not() -> None:
    pending = awaiting(day=5)
    before, after = entry(2, "src_a", statement(REVOKED, 4)), entry(3, "src_a", statement(REVOKED, 6))
    assert not Ledger((A,), [pending, before]).refused_since(pending)
    assert Ledger((A,), [pending, after]).refused_since(pending)
    assert asked([pending, after], at=on(7)).reason is ContactReason.REVOKED


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"source": ""}, "source"),
        ({"source": "s" * 101}, "source"),
        ({"occurred_at": on(1001)}, "occurred_at"),
        ({"expires_at": on(0)}, "expires_at"),
        ({"status": REVOKED, "expires_at": on(1)}, "expires_at"),
        ({"wording_version": ""}, "wording_version"),
        ({"wording_version": "w" * 101}, "wording_version"),
        ({"ip_address": "1.2.3"}, "ip_address"),
        ({"address": "nobody"}, "address"),
        ({"address": ""}, "address"),
        ({"address": "a@x.de", "channel": Channel.SMS}, "address"),
        ({"address": "a@x.de", "channel": Channel.LETTER}, "address"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(fields: dict[str, Any], path: str) -> None:
    statement(ip_address="2001:db8::1", wording_version="2026-01", address="a@x.de", expires_at=on(9))
    with pytest.raises(InvalidInput) as error:
        statement(**fields)
    assert error.value.path == (path,)


def test_a_double_opt_in_needs_somewhere_to_send_to() -> None:
    with pytest.raises(InvalidInput) as error:
        statement().awaiting(b"hash", on(7))
    assert error.value.path == ("address",)
