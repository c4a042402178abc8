"""What is recommended, in which order, and why: over values alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.money import Money
from services.customers.consent.domain import ConsentPurpose, ContactReason, Permission
from services.customers.offer.domain import Cap, Group, Kind, Offer, Outcome, Result, Step, group_of
from services.customers.recommendation.domain import (
    Answers,
    Code,
    Contacts,
    Experience,
    Known,
    Recommendation,
    best_window,
    recommend,
)
from services.customers.touchpoint.domain import Channel

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = NOW.date()
RECORD = "src_00000000000000000000000001"


def an_offer(key: str, **said: object) -> Offer:
    return replace(Offer(f"off_{key}", key, key.title(), value=Money(Decimal(10), "EUR")), **said)  # type: ignore[arg-type]


def allowed_on(*channels: Channel) -> object:
    def permission(channel: Channel, purpose: ConsentPurpose) -> Permission:
        if channel in channels:
            return Permission(True, ContactReason.GRANTED, channel, purpose, ("somewhere",), NOW)
        return Permission(False, ContactReason.NO_CONSENT, channel, purpose)

    return permission


def a_customer(*offers: Offer, **said: object) -> Known:
    known = Known(
        suiting=frozenset(offer.id for offer in offers),
        topics=frozenset(),
        stage=None,
        outcomes=(),
        contacts=(),
        group=lambda offer: Group.TREATED,
        permission=allowed_on(Channel.EMAIL),  # type: ignore[arg-type]
    )
    return replace(known, **said)  # type: ignore[arg-type]


def outcome(offer: Offer, result: Result, days_ago: float) -> Outcome:
    at = NOW - timedelta(days=days_ago)
    return Outcome("ofo_1", offer.id, result, at, "shop", offer.key, "cus_1", RECORD)


def asked(known: Known, *offers: Offer, experience: Experience | None = None, day: date = DAY) -> list[Recommendation]:
    return recommend(offers, known, experience or Experience(), NOW, day, 20)


def keys(found: list[Recommendation]) -> list[str]:
    return [one.offer.key for one in found]


TOPICS = ["noise", "speed", "price", "advice"]


@settings(max_examples=60)
@given(
    topics=st.sets(st.sampled_from(TOPICS)),
    more=st.sampled_from(TOPICS),
    stage=st.sampled_from(["LEAD", "CUSTOMER", None]),
    shown=st.integers(0, 500),
    share=st.floats(0, 1),
)
def test_each_component_only_raises_the_score_and_the_points_add_up_to_it(
    topics: set[str], more: str, stage: str | None, shown: int, share: float
) -> None:
    offer = an_offer("care", topics=tuple(TOPICS), stages=("LEAD",))
    accepted = int(shown * share)

    def score(topics: set[str], stage: str | None, accepted: int) -> float:
        known = a_customer(offer, topics=frozenset(topics), stage=stage)
        [found] = asked(known, offer, experience=Experience({offer.id: Answers(shown + 1, accepted)}))
        assert found.score == pytest.approx(sum(reason.points or 0 for reason in found.reasons))
        assert 0 <= found.score <= 1
        return found.score

    before = score(topics, stage, accepted)
    assert (score(topics | {more}, stage, accepted) > before) == (more not in topics)
    assert score(topics, "LEAD", accepted) >= before
    assert score(topics, stage, accepted + 1) > before


@settings(max_examples=60)
@given(st.data())
def test_what_does_not_suit_is_never_recommended_and_the_best_come_first(data: st.DataObject) -> None:
    offers = [
        an_offer(
            f"o{n}",
            topics=tuple(data.draw(st.sets(st.sampled_from(TOPICS)))),
            excludes=tuple(data.draw(st.sets(st.sampled_from([f"o{m}" for m in range(5) if m != n]), max_size=1))),
        )
        for n in range(5)
    ]
    suiting = data.draw(st.sets(st.sampled_from(offers), max_size=5))
    control = data.draw(st.sets(st.sampled_from(offers), max_size=2))
    known = a_customer(*suiting, topics=frozenset(data.draw(st.sets(st.sampled_from(TOPICS)))))
    known = replace(known, group=lambda offer: Group.CONTROL if offer in control else Group.TREATED)
    found = asked(known, *offers)
    assert {one.offer for one in found} <= suiting - control
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    chosen = [one.offer for one in found]
    assert all(a.goes_with(b) for a in chosen for b in chosen if a is not b)


def test_who_took_it_refused_it_lately_or_saw_it_often_is_left_alone_with_it() -> None:
    care = an_offer("care", valid_from=date(2026, 1, 1), cap=Cap(2, 7))
    rival = an_offer("rival", excludes=("care",))
    everybody = a_customer(care, rival)

    def left(*outcomes: Outcome) -> set[str]:
        return set(keys(asked(replace(everybody, outcomes=outcomes), care, rival)))

    assert left() == {"care"}  # the two exclude each other
    assert left(outcome(care, Result.ACCEPTED, 1)) == set()
    assert left(outcome(care, Result.CONVERTED, 1)) == set()
    assert left(outcome(care, Result.DECLINED, 89)) == {"rival"}
    assert left(outcome(care, Result.DECLINED, 91)) == {"care"}
    assert left(outcome(care, Result.SHOWN, 1)) == {"care"}
    assert left(outcome(care, Result.SHOWN, 1), outcome(care, Result.SHOWN, 2)) == {"rival"}
    assert left(outcome(care, Result.SHOWN, 1), outcome(care, Result.SHOWN, 8)) == {"care"}
    assert left(outcome(rival, Result.ACCEPTED, 300)) == set()
    assert left(replace(outcome(rival, Result.CONVERTED, 300), key="")) == set()
    assert keys(asked(everybody, replace(care, valid_to=date(2026, 5, 31)))) == []
    assert keys(asked(everybody, replace(care, active=False))) == []
    # What was taken before it began was another one of that name.
    assert left(outcome(replace(care), Result.DECLINED, 400)) == {"care"}


def test_a_channel_is_one_that_is_allowed_and_rather_one_where_the_customer_answers() -> None:
    offer = an_offer("care")
    phone = Contacts("tou_phone", Channel.PHONE, {9: 4, 10: 3})
    form = Contacts("tou_form", Channel.WEB_FORM, {22: 90})
    both = allowed_on(Channel.EMAIL, Channel.PHONE)
    [found] = asked(a_customer(offer, permission=both, contacts=(form, phone)), offer)
    assert (found.channel, found.touchpoint) == (Channel.PHONE, "tou_phone")
    assert found.best_time is not None
    assert (found.best_time.start, found.best_time.end, found.best_time.n) == (8, 11, 7)
    [found] = asked(a_customer(offer, contacts=(form, phone)), offer)
    assert (found.channel, found.touchpoint, found.best_time) == (Channel.EMAIL, None, None)
    assert Code.BEST_TIME_UNKNOWN in {reason.code for reason in found.reasons}
    closed = replace(phone, open=False)
    [found] = asked(a_customer(offer, permission=both, contacts=(form, closed)), offer)
    assert (found.channel, found.touchpoint) == (Channel.PHONE, None)
    # That somebody came by messenger does not allow to write to them there.
    chat = Contacts("tou_chat", Channel.MESSENGER, {9: 50})
    assert asked(a_customer(offer, permission=allowed_on(), contacts=(chat,)), offer) == []
    nowhere = a_customer(offer, permission=allowed_on())
    assert asked(nowhere, offer) == []
    task = an_offer("call-list", kind=Kind.NEXT_STEP, step=Step.TASK)
    [found] = asked(replace(nowhere, suiting=frozenset({task.id})), task)
    assert (found.channel, found.reasons[-1].code) == (None, Code.NO_CONTACT_NEEDED)
    call = an_offer("call", kind=Kind.NEXT_STEP, step=Step.CALL)
    assert asked(replace(a_customer(call)), call) == []  # by e-mail alone nobody is called


def test_the_best_time_leans_on_all_customers_where_the_own_answers_say_little() -> None:
    spread = Contacts("tou_1", Channel.EMAIL, {2: 1, 8: 1, 13: 1, 18: 1, 23: 1})
    everybody = {hour: 1_000 if hour in (18, 19, 20) else 1 for hour in range(24)}
    window = best_window([spread], everybody)
    assert window is not None
    assert (window.start, window.end) == (18, 21)
    certain = Contacts("tou_1", Channel.EMAIL, {7: 60})
    window = best_window([certain], everybody)
    assert window is not None
    assert window.start <= 7 < window.end
    assert best_window([Contacts("tou_1", Channel.EMAIL, {7: 4})], everybody) is None


def test_the_lot_leaves_out_the_share_it_should_and_draws_the_same_every_time() -> None:
    records = [f"src_{n:026}" for n in range(10_000)]
    drawn = [group_of("off_1", record, 0.1) for record in records]
    # Four standard deviations of a binomial share on both sides.
    assert abs(drawn.count(Group.CONTROL) - 1_000) < 4 * (10_000 * 0.1 * 0.9) ** 0.5
    assert drawn == [group_of("off_1", record, 0.1) for record in records]
    other = [group_of("off_2", record, 0.1) for record in records]
    both = sum(a is b is Group.CONTROL for a, b in zip(drawn, other, strict=True))
    assert abs(both - 100) < 4 * 10
    assert {group_of("off_1", record, 0.0) for record in records} == {Group.TREATED}
