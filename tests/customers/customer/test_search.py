"""A search finds people however they are spelled, and looks at few documents however many customers there are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.shared.v1 import page_pb2, verification_pb2

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import Database
from services.customers.customer.documents import customer_to_document, record_to_document
from services.customers.customer.domain import CustomerKind, golden, new_record
from services.customers.customer.domain.searching import Search, filed, folded, near, terms
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READER = Caller("a", frozenset({"customers:read"}))
PERSONAL = Caller("b", frozenset({"customers:read", "customers:personal"}))
CROWD = 3_000


async def kept(database: Database, source: str, *said: dict[str, Any]) -> None:
    """Written straight: what is measured is reading."""
    customers = []
    for number, values in enumerate(said):
        id = new_id("cus")
        kind = CustomerKind.ORGANISATION if "organisation_name" in values else CustomerKind.PERSON
        record = new_record(source, f"{source}-{number}", values, NOW, id)
        customers.append(golden(id, kind, [record], owner=None, now=NOW))
    await database["customers"].insert_many([customer_to_document(customer) for customer in customers])
    await database["source_records"].insert_many(
        [record_to_document(record, customer) for customer in customers for record in customer.records]
    )


def person(given: str, family: str, **fields: Any) -> dict[str, Any]:
    return {"given_name": given, "family_name": family, **fields}


def searching(text: str, **page: Any) -> pb.ListCustomersRequest:
    return pb.ListCustomersRequest(search=text, page=page_pb2.PageRequest(**page))


async def names(customers: Running, text: str, caller: Caller = PERSONAL, **page: Any) -> list[str]:
    answer = await customers.call(searching(text, **page), caller)
    return [edge.node.display_name for edge in answer.edges]


async def test_people_are_found_however_they_are_spelled(customers: Running, database: Database) -> None:
    await kept(
        database,
        "shop",
        person("Anna", "Müller", emails=["a.mueller@example.org"], phones=["+49301234567"]),
        person("Bernd", "Mueller"),
        person("Cem", "Muller"),
        {"organisation_name": "Autohaus Strauß GmbH"},
        person("Dora", "Zorn"),
    )
    assert await names(customers, "Müller") == ["Anna Müller", "Bernd Mueller", "Cem Muller"]
    for spelled in ("Mueller", "MULLER", "müll", "mue", "Mullr", "Mülelr", "Meller"):
        assert set(await names(customers, spelled)) == {"Anna Müller", "Bernd Mueller", "Cem Muller"}, spelled
    for text in ("Müller Anna", "anna mueller", "Anna Mül", "Ana Müller", "Anna Mullr"):
        assert (await names(customers, text))[0] == "Anna Müller", text
    for text in ("Strauss", "straus", "autohaus", "Strauß Auto"):
        assert await names(customers, text) == ["Autohaus Strauß GmbH"], text
    assert await names(customers, "SHOP-4") == ["Dora Zorn"]
    assert await names(customers, "qqqq") == []
    # What is personal finds nobody for who may not see it.
    for text in ("a.mueller@example", "+49 30 1234567", "030 1234", "0049301234567"):
        assert await names(customers, text) == ["Anna Müller"], text
        assert await names(customers, text, READER) == [], text


async def test_a_partner_finds_by_what_its_own_source_says(customers: Running) -> None:
    def creating(source: str, name: str, email: str, id: str = "1") -> pb.CreateCustomerRequest:
        fields = pb.CustomerFields(display_name=name, emails=pb.StringList(values=[email]))
        key = pb.ExternalId(source=source, id=f"{source}-{id}")
        return pb.CreateCustomerRequest(kind=pb.CUSTOMER_KIND_PERSON, fields=fields, external_id=key)

    old = (await customers.call(creating("shop", "Miriam Vogt", "vogt@example.org"))).customer
    new = (await customers.call(creating("fair", "Miriam Sander", "sander@example.org"))).customer
    await customers.call(pb.MergeCustomersRequest(id=old.id, duplicate_ids=[new.id]))
    shop = partner("shop")
    for theirs in ("vogt", "Vogtt", "vogt@", "shop-1", "miriam"):
        assert await names(customers, theirs, shop) == ["Miriam Vogt"], theirs
        assert await names(customers, theirs) == ["Miriam Sander"], "found by what a source says, not shown by it"
    for others in ("sander", "Sandre", "sander@", "fair-1", "miriam sander"):
        assert await names(customers, others, shop) == [], others
        assert await names(customers, others) == ["Miriam Sander"], others
    # Whom it does not find takes no place from whom it finds.
    await customers.call(creating("shop", "Jan Sandel", "jan@example.org", "2"))
    assert await names(customers, "sander", first=1) == ["Miriam Sander"]
    assert await names(customers, "sander", shop, first=1) == ["Jan Sandel"]


async def test_few_documents_are_looked_at_and_pages_end_with_those_that_are_alike(
    customers: Running, database: Database, commands: Commands
) -> None:
    crowd = [person(f"Anna {number}", f"Maier{number % 7}") for number in range(CROWD)]
    odd = [person("Zoë", "Maierhoff"), {"organisation_name": "Bäckerei Maierhofer"}, person("Anna", "Mayerhofr")]
    await kept(database, "shop", *crowd, *odd)
    bounds = {
        "maier": 0,
        "anna": 0,
        "Mair3": 0,
        "anna 17 maier3": 0,
        "maierhofer": 0,
        "shop-1": 0,
        "m": 0,
        "anna mairhofer": 0,
    }
    for text in bounds:
        with commands.recorded():
            await names(customers, text)
        assert len(commands.found) <= 2, text
        assert await commands.unindexed() == [], text
        bounds[text] = await commands.examined()
    # A page, sixty of each way to be like it, and five hundred where several words must hold.
    assert max(bounds.values()) < 1_500, bounds
    assert max(bounds[text] for text in ("maier", "anna", "maierhofer", "m", "shop-1")) <= 300, bounds

    begin = await names(customers, "maierhof", first=1)
    assert begin == ["Zoë Maierhoff"]
    whole = await customers.call(searching("maierhof", first=3), PERSONAL)
    assert [edge.node.display_name for edge in whole.edges] == [
        "Zoë Maierhoff",
        "Bäckerei Maierhofer",
        "Anna Mayerhofr",
    ]
    assert not whole.page_info.has_next_page
    assert await names(customers, "maierhof", first=2, after=whole.edges[0].cursor) == [
        "Bäckerei Maierhofer",
        "Anna Mayerhofr",
    ]
    assert await names(customers, "maierhof", first=2, after=whole.page_info.end_cursor) == []
    assert await names(customers, "maierhof", last=2, before=whole.page_info.end_cursor) == ["Zoë Maierhoff"]
    first = await customers.call(searching("maier3", first=100), PERSONAL)
    assert first.page_info.has_next_page
    rest = await names(customers, "maier3", first=100, after=first.page_info.end_cursor)
    assert len(first.edges) == len(rest) == 100
    assert not {edge.node.display_name for edge in first.edges} & set(rest)


async def test_a_check_finds_who_is_searched_by_other_words(customers: Running, database: Database) -> None:
    await kept(database, "shop", person("Anna", "Müller"), person("Dora", "Zorn"))
    request = verification_pb2.CheckBatchRequest(part="customers", size=100)
    assert not (await customers.call(request)).differences
    await database["customers"].update_one({"filed": "zorn dora"}, {"$pull": {"terms": "n:zorn"}})
    [difference] = (await customers.call(request)).differences
    assert "is not what its records make" in difference.detail


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Müller", "Mueller"),
        ("STRAUSS", "strauß"),
        ("Weiß", "Weis"),
        ("Łukasz", "lukasz"),
        ("O'Neil", "oneil"),
        ("Jørgen", "Jörgen"),
    ],
)
def test_spellings_fold_to_the_same(text: str, same: str) -> None:
    assert folded(text) == folded(same)


@settings(max_examples=50)
@given(st.text(alphabet="abcdefghijklmnoprstuvwz", min_size=5, max_size=12), st.data())
def test_a_letter_lost_or_swapped_is_a_slip(word: str, data: st.DataObject) -> None:
    word = folded(word)
    if len(word) < 5:
        return
    place = data.draw(st.integers(0, len(word) - 2))
    for slipped in (word[:place] + word[place + 1 :], word[:place] + word[place + 1] + word[place] + word[place + 2 :]):
        assert set(near([word])) & set(near([slipped])), (word, slipped)


def test_a_customer_is_filed_under_the_family_name() -> None:
    record = new_record("shop", "K1", person("Anna", "Müller", phones=["+49301234567"]), NOW, "cus_1")
    anna = golden("cus_1", CustomerKind.PERSON, [record], owner=None, now=NOW)
    assert filed(anna) == "muller anna"
    assert {"n:anna", "n:muller", "p:49301234567", "p:301234567", "x:k1"} == set(terms(anna))
    assert Search.of("Muller", personal=False).alike(terms(anna)) == 100.0
    assert Search.of("Huber", personal=False).alike(terms(anna)) == 0.0
