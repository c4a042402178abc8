"""Attribution: shares of campaigns in what a customer did."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.customers.attribution.domain import (
    WHOLE,
    Attribution,
    Contact,
    Credit,
    Rule,
    Touch,
    attributed,
    credits_of,
)

AT = datetime(2026, 3, 31, 12, tzinfo=UTC)
_TOUCHES = st.lists(
    st.builds(
        Touch,
        st.sampled_from(["cmp_a", "cmp_b", "cmp_c"]),
        st.integers(-50 * 24, 5 * 24).map(lambda hours: AT + timedelta(hours=hours)),
    ),
    max_size=12,
)
_RULES = st.builds(Attribution, st.sampled_from(Rule), st.integers(1, 40))


@given(_TOUCHES, _RULES)
def test_shares_are_of_the_whole_and_follow_the_rule(touches: list[Touch], how: Attribution) -> None:
    shares = attributed(touches, AT, how)
    counted = [touch for touch in touches if AT - how.window <= touch.at <= AT]
    assert sum(shares.values()) == (WHOLE if counted else 0)
    assert all(share > 0 for share in shares.values())
    assert shares == attributed(touches[::-1], AT, how)
    if counted and how.rule is not Rule.LINEAR:
        edge = max if how.rule is Rule.LAST_TOUCH else min
        [winner] = shares
        assert edge(touch.at for touch in counted) in {touch.at for touch in counted if touch.campaign == winner}
    if how.rule is Rule.LINEAR:
        for campaign, share in shares.items():
            part = sum(touch.campaign == campaign for touch in counted)
            assert abs(share - WHOLE * part / len(counted)) <= part


def contact(hours: int, **fields: str) -> Contact:
    return Contact(id=f"int_{hours:04}", at=AT + timedelta(hours=hours), source="shop", **fields)


def test_an_enquiry_is_credited_at_its_first_contact_and_never_to_later_ones() -> None:
    contacts = [
        contact(5, campaign="cmp_late"),
        contact(2, enquiry="enq_1", campaign="cmp_own"),
        contact(3, enquiry="enq_1"),
        contact(0, campaign="cmp_early"),
        contact(9, enquiry="enq_2"),
        contact(-24 * 60, enquiry="enq_0"),
    ]
    found = credits_of(contacts, {}, Attribution(Rule.LINEAR))
    assert {id: dict(credit.shares) for id, credit in found.items()} == {
        "enq_1": {"cmp_early": WHOLE // 2, "cmp_own": WHOLE // 2},
        "enq_2": {"cmp_early": 333_333, "cmp_own": 333_333, "cmp_late": 333_334},
    }
    assert found["enq_1"].contact.id == "int_0002"


def test_what_is_credited_keeps_its_rule() -> None:
    contacts = [contact(0, campaign="cmp_a"), contact(1, campaign="cmp_b"), contact(2, enquiry="enq_1")]
    first = Credit("enq_1", contacts[2], {}, Attribution(Rule.FIRST_TOUCH))
    assert credits_of(contacts, {"enq_1": first}, Attribution(Rule.LAST_TOUCH))["enq_1"].shares == {"cmp_a": WHOLE}
    assert credits_of(contacts, {}, Attribution(Rule.LAST_TOUCH))["enq_1"].shares == {"cmp_b": WHOLE}


def test_what_follows_in_a_conversation_is_credited_to_nobody_when_its_first_contact_is_not() -> None:
    contacts = [contact(0, enquiry="enq_1"), contact(1, enquiry="enq_1", campaign="cmp_own")]
    assert credits_of(contacts, {}, Attribution()) == {}
