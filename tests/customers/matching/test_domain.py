"""When two customers are the same by a rule, and what never makes them so."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.customers.customer.domain import Address, Customer, CustomerKind, golden, new_record
from services.customers.matching.domain import (
    BLOCKED,
    SHIPPED,
    Blocked,
    Identifier,
    IdentifierKind,
    MatchRule,
    MatchRuleKeyTaken,
    MatchRuleNotFound,
    Mode,
    StaleMatchRule,
    archived,
    blocked_value,
    defined,
    identity_of,
    in_force,
    keys_of,
)
from services.customers.matching.people import People
from tests.customers.matching.people import NOW, customer

BLOCKS = Blocked.of(BLOCKED)
BONN = Address(("Am Markt 1",), "53111", "Bonn", None, "DE")


def found_by(one: Customer, other: Customer, rules: list[MatchRule] | None = None) -> str | None:
    match = People(BLOCKS, [one, other]).match(one.id, rules or in_force({}))
    return match.rule.key if match is not None else None


ANNA: dict[str, Any] = {"given_name": "Anna", "family_name": "Müller", "emails": ["Anna@x.de"], "phones": ["+4922812"]}
CASES: list[tuple[dict[str, Any], str | None]] = [
    ({"given_name": "ANNA", "family_name": "Mueller", "emails": ["anna@X.de"]}, "email-and-name"),
    ({"given_name": "Anna Maria", "family_name": "Muller", "phones": ["+4922812"]}, "phone-and-name"),
    ({"given_name": "A.", "family_name": "Müller", "emails": ["anna@x.de"]}, "email-and-name"),
    ({"given_name": "Müller", "family_name": "Anna", "emails": ["anna@x.de"]}, "email-and-name"),
    # A second family name, or none: people look at it.
    ({"given_name": "Anna", "family_name": "Berg", "emails": ["anna@x.de"]}, "email"),
    ({"emails": ["anna@x.de"]}, "email"),
    # A family or an office shares an address and a phone.
    ({"given_name": "Ben", "family_name": "Müller", "emails": ["anna@x.de"], "phones": ["+4922812"]}, None),
    ({"organisation_name": "Anna Müller", "emails": ["anna@x.de"]}, None),
    ({"given_name": "Anna", "family_name": "Müller"}, None),
    ({"given_name": "Anna", "family_name": "Müller", "phones": ["+4922813"]}, None),
]


@pytest.mark.parametrize(("said", "rule"), CASES)
def test_the_shipped_rules_find_whoever_comes_first(said: dict[str, Any], rule: str | None) -> None:
    one, other = customer("cus_1", **ANNA), customer("cus_2", **said)
    assert found_by(one, other) == rule
    assert found_by(other, one) == rule


def test_a_name_is_an_identifier_with_a_postal_code() -> None:
    one = customer("cus_1", given_name="Anna", family_name="Groß", addresses=[BONN])
    assert found_by(one, customer("cus_2", display_name="gross, anna", addresses=[BONN])) == "name-and-postal-code"
    elsewhere = Address(("Am Markt 1",), "53113", "Bonn", None, "DE")
    assert found_by(one, customer("cus_2", display_name="Anna Groß", addresses=[elsewhere])) is None


def test_an_id_of_a_source_identifies_where_others_use_it_and_a_number_however_it_is_written() -> None:
    by_id = MatchRule("id", (Identifier(IdentifierKind.EXTERNAL_ID, "crm"),), 1, 10, Mode.ATTACH)
    by_number = MatchRule("number", (Identifier(IdentifierKind.ATTRIBUTE, "number"),), 1, 10, Mode.ATTACH)
    crm, shop, fair = (customer(f"cus_{n}", "K-7", source) for n, source in enumerate(("crm", "shop", "fair")))
    assert (found_by(crm, shop, [by_id]), found_by(shop, fair, [by_id])) == ("id", None)
    said: list[dict[str, Any]] = [{"attributes.number": 7.0}, {"attributes.number": "7"}, {"attributes.other": "7"}]
    one, same, other = (customer(f"cus_{n}", **values) for n, values in enumerate(said))
    assert (found_by(one, same, [by_number]), found_by(one, other, [by_number])) == ("number", None)


BLOCKED_EMAILS = st.builds(
    "{}{}".format, st.sampled_from(["noreply@", "TEST@", "no-reply@", "None@"]), st.sampled_from(["a.de", "b.example"])
)
PLACEHOLDERS = st.sampled_from(["+49000", "+4900012345", "+4912345678", "+10000000"])


@settings(max_examples=60, deadline=None)
@given(email=BLOCKED_EMAILS, phone=PLACEHOLDERS, rule=st.sampled_from(sorted(SHIPPED)))
def test_blocked_values_never_bring_anybody_together(email: str, phone: str, rule: str) -> None:
    said: dict[str, Any] = {"given_name": "Anna", "family_name": "Unbekannt", "emails": [email], "phones": [phone]}
    one, other = customer("cus_1", **said), customer("cus_2", **said)
    assert found_by(one, other, [SHIPPED[rule]]) is None
    # It is the block that does it.
    open_to_all = People(Blocked.of(()), [one, other])
    assert open_to_all.match("cus_1", [SHIPPED["email-and-name"]]) is not None


WORDS = st.sampled_from(["Anna", "Ben", "A", "Anna Maria", "Müller", "Mueller", "Berg", ""])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "given_name": WORDS,
        "family_name": WORDS,
        "organisation_name": WORDS,
        "emails": st.lists(st.sampled_from(["a@x.de", "A@X.de", "b@x.de"]), max_size=2),
        "phones": st.lists(st.sampled_from(["+492281", "+492282"]), max_size=2),
        "addresses": st.lists(st.just(BONN), max_size=1),
    },
)
RULES = st.builds(
    MatchRule,
    st.just("any"),
    st.lists(st.sampled_from([k for k in IdentifierKind if k.name not in ("EXTERNAL_ID", "ATTRIBUTE")]), unique=True)
    .filter(lambda kinds: any(kind is not IdentifierKind.NAME for kind in kinds))
    .map(lambda kinds: tuple(map(Identifier, kinds))),
    st.just(1),
    st.integers(2, 5),
    st.just(Mode.ATTACH),
)


@settings(max_examples=300, deadline=None)
@given(first=VALUES, second=VALUES, rule=RULES)
def test_it_makes_no_difference_which_of_two_comes_first(
    first: dict[str, Any], second: dict[str, Any], rule: MatchRule
) -> None:
    one, other = customer("cus_1", **first), customer("cus_2", **second)
    here, there = (People(BLOCKS, pair) for pair in ([one, other], [other, one]))
    a, b = here.match("cus_1", [rule]), there.match("cus_2", [rule])
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert (a.records, a.one is None) == (b.records, b.one is None)
    # Whoever shares all has a key by which the other finds them.
    people = [identity_of(c, BLOCKS) for c in (one, other)]
    if rule.matches(*people):
        assert rule.keys(people[0]) & people[1].keys


@settings(max_examples=60, deadline=None)
@given(limit=st.integers(2, 20), records=st.integers(1, 30))
def test_a_group_beyond_the_limit_is_never_merged(limit: int, records: int) -> None:
    rule = MatchRule("email", (Identifier(IdentifierKind.EMAIL),), 1, limit, Mode.ATTACH)
    many = [
        new_record("shop", str(n), {"display_name": "A", "emails": ["a@x.de"]}, NOW, "cus_1") for n in range(records)
    ]
    old = golden("cus_1", CustomerKind.PERSON, many, owner=None, now=NOW)
    match = People(BLOCKS, [old, customer("cus_2", emails=["a@x.de"])]).match("cus_2", [rule])
    assert match is not None
    assert match.records == records + 1
    assert (match.one is not None) == (records + 1 <= limit)


def test_a_rule_is_checked_with_the_place() -> None:
    email = (Identifier(IdentifierKind.EMAIL),)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"key": "No Key"}, "key"),
        ({"identifiers": ()}, "identifiers"),
        ({"identifiers": (Identifier(IdentifierKind.NAME),)}, "identifiers"),
        ({"identifiers": email * 2}, "identifiers"),
        ({"priority": -1}, "priority"),
        ({"limit": 1}, "limit"),
        ({"limit": 101}, "limit"),
    ]
    good: dict[str, Any] = {"key": "k", "identifiers": email, "priority": 1, "limit": 2, "mode": Mode.ATTACH}
    assert MatchRule(**good).enabled
    for change, field in wrong:
        with pytest.raises(InvalidInput) as error:
            MatchRule(**{**good, **change})
        assert error.value.fault.path == (field,)
    for kind, of in ((IdentifierKind.EMAIL, "crm"), (IdentifierKind.EXTERNAL_ID, None), (IdentifierKind.ATTRIBUTE, "")):
        with pytest.raises(InvalidInput):
            Identifier(kind, of)
    for value in ("", " ", "a*", "x" * 201):
        with pytest.raises(InvalidInput):
            blocked_value(value)
    assert blocked_value(" Info@ ") == "info@"


def test_a_definition_takes_the_place_of_what_is_shipped_and_grows_by_versions() -> None:
    said = MatchRule("email", (Identifier(IdentifierKind.EMAIL),), 5, 4, Mode.ATTACH)
    with pytest.raises(MatchRuleKeyTaken):
        defined(said, {}, None)
    first = defined(said, {}, 0)
    assert (first.version, in_force({"email": first})[0].key) == (1, "email")
    with pytest.raises(StaleMatchRule):
        defined(said, {"email": first}, 0)
    gone = archived("email", {"email": first}, 1)
    assert (gone.enabled, gone.version) == (False, 2)
    assert defined(said, {"email": gone}, 2).enabled
    with pytest.raises(MatchRuleNotFound):
        archived("none", {}, 0)
    with pytest.raises(MatchRuleNotFound):
        defined(MatchRule("new", said.identifiers, 1, 2, Mode.SUGGEST), {}, 3)


def test_identifiers_are_kept_in_one_form() -> None:
    values = {
        "given_name": "Jürgen",
        "family_name": "Groß",
        "emails": ["Info@Ex.de"],
        "phones": ["+49228123"],
        "addresses": [BONN],
        "attributes.vip": True,
        "attributes.number": 12.0,
    }
    assert keys_of(values, "K 1") == [
        "a:number|12",
        "e:info@ex.de",
        "n:gros jurgen|53111",
        "p:+49228123",
        "x:k 1",
    ]
