"""Offers in the graph: defined, recommended with reasons in words, answered, and measured against who was left out."""

from typing import Any

from tests.gateway.conftest import World

_CUSTOMER = """
query($id: ID!) { customer(id: $id) {
  recommendations(first: 2) { offer { key title uplift { treated { n } } } score channel touchpoint { key }
    bestTime { from to timeZone n } reasons { code text parameters } }
  offerOutcomes(first: 5) { edges { node { result offer { key } channel touchpoint { key } value { amount } } } }
} }
"""
_UPLIFT = """
query($id: ID!) { node(id: $id) { ... on Offer { key uplift {
  treated { n converted share { value } } control { n converted share { value } }
  difference { value } pValue test verdict because { code text } } } } }
"""


async def made(world: World, name: str, selected: str, /, **input: Any) -> Any:
    type = name[0].upper() + name[1:]
    query = (
        f"mutation($input: {type}Input!) {{ {name}(input: $input) "
        f"{{ {selected} userErrors {{ code message path }} }} }}"
    )
    return (await world.data(query, input=input))[name]


async def test_an_offer_is_recommended_in_words_answered_and_measured(world: World) -> None:
    place = {"key": "portal", "name": "Portal", "channel": "WEB_SELF_SERVICE", "nature": "DIGITAL", "control": "OWNED"}
    await made(world, "createTouchpoint", "touchpoint { id }", **place)
    person = {"kind": "PERSON", "displayName": "Ann", "emails": ["ann@example.org"]}
    ann = (await made(world, "createCustomer", "customer { id }", **person))["customer"]["id"]
    wrong = await made(world, "defineOffer", "offer { id }", key="care", title="Care", eligibility="true &&\n nothing")
    [error] = wrong["userErrors"]
    assert (wrong["offer"], error["code"], error["path"]) == (None, "INVALID", ["input", "eligibility"])
    assert "line 2, column 2" in error["message"]
    said = {
        "key": "care",
        "title": "Care plan",
        "eligibility": 'customer.kind == "PERSON"',
        "value": {"amount": "120.00", "currency": "EUR"},
        "validFrom": "2026-01-01",
        "cap": {"most": 2, "days": 7},
        "purpose": "SERVICE",
        "channels": ["EMAIL"],
    }
    offer = (await made(world, "defineOffer", "offer { id version }", **said))["offer"]
    assert (await made(world, "defineOffer", "offer { id }", **said))["userErrors"][0]["code"] == "ALREADY_EXISTS"

    def drawn(data: dict[str, Any]) -> bool:
        return bool(data["node"]["uplift"]["treated"]["n"])

    found = (await world.data(_CUSTOMER, id=ann))["customer"]["recommendations"]
    assert [(one["offer"]["key"], one["channel"], one["bestTime"]) for one in found] == [("care", "EMAIL", None)]
    texts = {reason["code"]: reason["text"] for reason in found[0]["reasons"]}
    assert texts["RECOMMENDATION_SUITS"] == 'The rule of the offer holds: customer.kind == "PERSON".'
    assert "accepted 0 times: 10 %" in texts["RECOMMENDATION_PAST_ANSWERS"]
    assert found[0]["score"] == sum(one["parameters"].get("points", 0) for one in found[0]["reasons"])
    world.client.headers["Accept-Language"] = "de"
    german = (await world.data(_CUSTOMER, id=ann))["customer"]["recommendations"][0]["reasons"]
    assert german[0]["text"].startswith("Die Regel des Angebots trifft zu")
    world.client.headers["Accept-Language"] = "en"

    # The judge drew Ann, and metrics counts her; she buys after that.
    data = await world.until(_UPLIFT, drawn, id=offer["id"])
    assert data["node"]["uplift"]["treated"] == {"n": 1, "converted": 0, "share": {"value": 0.0}}
    for result in ("SHOWN", "CONVERTED"):
        amount = {"value": {"amount": "120.00", "currency": "EUR"}} if result == "CONVERTED" else {}
        outcome = await made(
            world,
            "recordOfferOutcome",
            "outcome { id result }",
            offer="care",
            customer=ann,
            result=result,
            channel="EMAIL",
            **amount,
        )
        assert (outcome["userErrors"], outcome["outcome"]["result"]) == ([], result)
    data = await world.until(_UPLIFT, lambda data: data["node"]["uplift"]["treated"]["converted"], id=offer["id"])
    uplift = data["node"]["uplift"]
    assert (uplift["verdict"], uplift["difference"], uplift["test"]) == ("INSUFFICIENT_DATA", None, None)
    assert uplift["because"][0]["text"] == (
        "1 customers with the offer and 0 without are too few: 20 in each group are needed."
    )
    shown = (await world.data(_CUSTOMER, id=ann))["customer"]
    assert shown["recommendations"] == []
    assert [edge["node"]["result"] for edge in shown["offerOutcomes"]["edges"]] == ["CONVERTED", "SHOWN"]
    assert shown["offerOutcomes"]["edges"][0]["node"]["value"] == {"amount": "120.00"}
    gone = await made(world, "archiveOffer", "offer { active version }", id=offer["id"], version=1)
    assert gone["offer"] == {"active": False, "version": 2}
    listed = await world.data('{ offers(active: true) { edges { node { key } } } offer(key: "care") { active } }')
    assert listed == {"offers": {"edges": []}, "offer": {"active": False}}


async def test_many_customers_cost_one_call(world: World) -> None:
    await world.import_enquiries(3)
    calls = await world.calls(
        "{ customers(first: 10) { edges { node { recommendations { score } offerOutcomes { edges { cursor } } } } } }"
    )
    assert sorted(calls) == [
        "customers.BatchListOfferOutcomes",
        "customers.BatchRecommend",
        "customers.ListCustomers",
    ]
