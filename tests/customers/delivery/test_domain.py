"""What a delivery is, and what becomes of it: rules alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.customers.consent.domain import ConsentPurpose, ContactReason, Ledger
from services.customers.delivery.domain import (
    MAX_ATTEMPTS,
    Delivery,
    DeliveryNotFound,
    DeliveryState,
    WrongState,
    id_in,
)
from services.customers.touchpoint.domain import Channel

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAIL = Delivery(
    id="dlv_00000000000000000000000001",
    channel=Channel.EMAIL,
    text="Hello",
    source="rundblick",
    queued_at=NOW,
    expires_at=NOW + timedelta(days=7),
    next_at=NOW,
    customer="cus_00000000000000000000000001",
    subject="News",
)


def test_each_attempt_waits_twice_as_long_up_to_an_hour_and_the_last_one_gives_up() -> None:
    tried, pauses = MAIL, []
    for _ in range(MAX_ATTEMPTS - 1):
        tried = tried.postponed("busy", NOW)
        pauses.append((tried.next_at - NOW).total_seconds())
    assert pauses[:8] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert set(pauses[7:]) == {3600}
    assert tried.state is DeliveryState.QUEUED
    given_up = tried.postponed("busy", NOW)
    assert (given_up.state, given_up.last_error) == (DeliveryState.FAILED, "busy")
    again = given_up.retried(NOW)
    assert (again.state, again.attempts, again.last_error) == (DeliveryState.QUEUED, 0, None)
    later = NOW + timedelta(days=8)
    assert given_up.retried(later).expires_at == later + timedelta(days=7), "it has time again"


def test_only_what_ended_without_arriving_is_tried_again_and_only_what_was_sent_comes_back() -> None:
    sent = replace(MAIL, tokens={"unsubscribe": "secret"}).sent(NOW)
    assert sent.tokens == {}
    for wrong in (MAIL, sent):
        with pytest.raises(WrongState):
            wrong.retried(NOW)
    with pytest.raises(WrongState):
        MAIL.came_back()
    assert sent.came_back().came_back().state is DeliveryState.BOUNCED


def test_what_needs_no_consent_goes_to_the_address_it_names_and_marketing_to_nobody_unknown() -> None:
    nobody = Ledger((), ())
    assert MAIL.whereto(nobody, NOW).addresses == ()
    asked = replace(MAIL, address="a@example.org")
    assert asked.whereto(None, NOW).addresses == ("a@example.org",)
    service = replace(asked, purpose=ConsentPurpose.SERVICE)
    assert service.whereto(nobody, NOW).addresses == ("a@example.org",)
    marketing = replace(asked, purpose=ConsentPurpose.MARKETING).whereto(None, NOW)
    assert (marketing.allowed, marketing.reason) == (False, ContactReason.NO_CONSENT)


def test_a_message_id_names_its_delivery() -> None:
    assert id_in(f"<{MAIL.id}@company.example>") == id_in(MAIL.id) == MAIL.id
    with pytest.raises(DeliveryNotFound):
        id_in("<another@company.example>")
