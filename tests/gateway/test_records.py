"""Customers in the graph: what is kept of them, who may say it, whose change came first, and how they are found."""

from typing import Any

from tests.gateway.conftest import World
from tests.gateway.test_offers import made

_CUSTOMER = "customer { id version attributes { key type value definition { name options } } provenance { field } }"
_DEFINED = "attribute { key type options version archived }"


async def test_what_a_company_declares_is_said_of_its_customers(world: World) -> None:
    tier = {"key": "tier", "name": "Tier", "type": "CHOICE", "options": ["gold", "silver"]}
    defined = (await made(world, "defineAttribute", _DEFINED, **tier))["attribute"]
    assert defined == {"key": "tier", "type": "CHOICE", "options": ["gold", "silver"], "version": 1, "archived": False}
    await made(world, "defineAttribute", _DEFINED, key="seats", name="Seats", type="NUMBER")
    [error] = (await made(world, "defineAttribute", _DEFINED, **tier))["userErrors"]
    assert (error["code"], error["path"]) == ("ALREADY_EXISTS", ["input", "key"])

    said = {"kind": "PERSON", "givenName": "Anna", "familyName": "Müller", "phones": ["+4930123456"]}
    for value, place in (({"a": 1}, "value"), ("iron", "value")):
        wrong = await made(world, "createCustomer", _CUSTOMER, **said, attributes=[{"key": "tier", "value": value}])
        [error] = wrong["userErrors"]
        assert (wrong["customer"], error["code"], error["path"]) == (
            None,
            "INVALID",
            ["input", "attributes", "0", place],
        )
    values = [{"key": "tier", "value": "gold"}, {"key": "seats", "value": 0}]
    wrong = await made(world, "createCustomer", _CUSTOMER, **{**said, "phones": ["x"]}, attributes=values)
    assert wrong["userErrors"][0]["path"] == ["input", "phones", "0"]
    anna = (await made(world, "createCustomer", _CUSTOMER, **said, attributes=values))["customer"]
    assert [(one["key"], one["type"], one["value"]) for one in anna["attributes"]] == [
        ("seats", "NUMBER", 0.0),
        ("tier", "CHOICE", "gold"),
    ]
    assert anna["attributes"][1]["definition"] == {"name": "Tier", "options": ["gold", "silver"]}
    assert "attributes.tier" in {one["field"] for one in anna["provenance"]}

    removed = [{"key": "tier", "value": None}]
    update = {"id": anna["id"], "version": 1, "attributes": removed}
    changed = (await made(world, "updateCustomer", _CUSTOMER, **update))["customer"]
    assert [one["key"] for one in changed["attributes"]] == ["seats"]
    # A stale change says what the customer is now.
    stale = await made(world, "updateCustomer", _CUSTOMER, **update)
    [error] = stale["userErrors"]
    assert (error["code"], error["path"]) == ("CONFLICT", ["input", "version"])
    assert "version 2" in error["message"]
    assert stale["customer"] == changed

    await made(world, "archiveAttribute", _DEFINED, key="tier", version=1)
    query = "{ attributes { key } all: attributes(archived: true) { key archived } }"
    assert await world.data(query) == {
        "attributes": [{"key": "seats"}],
        "all": [{"key": "seats", "archived": False}, {"key": "tier", "archived": True}],
    }
    found = "query($text: String!) { customers(search: $text) { edges { node { id } } } }"
    for text in ("Mullr", "+49 30 1234"):
        data: dict[str, Any] = await world.data(found, text=text)
        assert data["customers"]["edges"] == [{"node": {"id": anna["id"]}}], text
    # The types of all attributes on a page cost one call.
    calls = await world.calls("{ customers { edges { node { attributes { type definition { name } } } } } }")
    assert sum(call.endswith("BatchGetAttributes") for call in calls) == 1


async def test_a_source_is_registered_with_what_it_may_say(world: World) -> None:
    selected = "source { key name team { key } legalBasis writable version }"
    shop = {"key": "shop", "name": "Shop", "team": "sales", "legalBasis": "CONTRACT", "writable": ["display_name"]}
    defined = (await made(world, "defineSource", selected, **shop))["source"]
    assert defined == {**shop, "team": {"key": "sales"}, "version": 1}
    [error] = (await made(world, "defineSource", selected, **{**shop, "writable": ["shoe"]}, version=1))["userErrors"]
    assert error["path"] == ["input", "writable"]
    said: dict[str, Any] = {"kind": "PERSON", "displayName": "Ada", "externalId": {"source": "shop", "id": "1"}}
    [error] = (await made(world, "createCustomer", "customer { id }", **said, locale="de"))["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["input", "locale"])
    assert (await made(world, "createCustomer", "customer { id }", **said))["customer"]
    assert (await world.data("{ sources { key } }"))["sources"] == [{"key": "shop"}]
