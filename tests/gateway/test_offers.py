"""Offers in the graph: defined, recommended with reasons in words, answered, and measured against who was left out."""

from typing import Any

import pytest
from rundblick.customers.v1 import customer_pb2, importing_pb2, importing_pb2_grpc, reference_pb2

from chassis.channel import open_channel
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


@pytest.mark.parametrize("world", [0.5], indirect=True, ids=["half are left out"])
async def test_both_groups_are_counted_by_what_they_really_bought(world: World) -> None:
    count = 90
    place = {"key": "portal", "name": "Portal", "channel": "WEB_SELF_SERVICE", "nature": "DIGITAL", "control": "OWNED"}
    await made(world, "createTouchpoint", "touchpoint { id }", **place)
    said = {"title": "Care plan", "purpose": "SERVICE", "channels": ["EMAIL"], "eligibility": 'customer.locale == "de"'}
    offer = (await made(world, "defineOffer", "offer { id }", key="care", **said))["offer"]["id"]
    fields = [
        customer_pb2.CustomerFields(
            display_name=f"No {number}",
            locale="de" if number < count else "fr",
            emails=customer_pb2.StringList(values=[f"{number}@example.org"]),
        )
        for number in range(count + 5)
    ]
    rows = [
        importing_pb2.ImportedRow(
            line=number, customer=reference_pb2.CustomerReference(external_id=str(number), fields=one)
        )
        for number, one in enumerate(fields)
    ]
    async with open_channel(world.addresses["customers"]) as channel:
        request = importing_pb2.ImportRowsRequest(source="shop", rows=rows)
        call: Any = importing_pb2_grpc.ImportServiceStub(channel).ImportRows(request, timeout=30)
        assert (await call).created == count + 5

    def drawn(data: dict[str, Any]) -> bool:
        groups = data["node"]["uplift"]
        return bool(groups["treated"]["n"] + groups["control"]["n"] == count)

    await world.until(_UPLIFT, drawn, id=offer)
    query = "{ customers(first: 100) { edges { node { id locale recommendations { offer { key } } } } } }"
    customers = [edge["node"] for edge in (await world.data(query))["customers"]["edges"]]
    suited = [one for one in customers if one["locale"] == "de"]
    treated = [one["id"] for one in suited if one["recommendations"]]
    control = [one["id"] for one in suited if not one["recommendations"]]
    assert min(len(treated), len(control)) >= 20
    # Most who are offered it take it; of the others three come by themselves.
    for customer in treated[3:]:
        await made(world, "recordOfferOutcome", "outcome { id }", offer="care", customer=customer, result="CONVERTED")
    for customer in control[:3]:
        won = {"customer": customer, "title": "Care plan", "offer": offer, "stage": "CLOSED_WON"}
        assert (await made(world, "createOpportunity", "opportunity { id }", **won))["userErrors"] == []

    def counted(data: dict[str, Any]) -> bool:
        groups = data["node"]["uplift"]
        return (groups["treated"]["converted"], groups["control"]["converted"]) == (len(treated) - 3, 3)

    uplift = (await world.until(_UPLIFT, counted, id=offer))["node"]["uplift"]
    shares = (len(treated) - 3) / len(treated), 3 / len(control)
    for group, customers, share in (("treated", treated, shares[0]), ("control", control, shares[1])):
        assert (uplift[group]["n"], uplift[group]["share"]["value"]) == (len(customers), pytest.approx(share)), group
    assert uplift["verdict"] == "IMPROVED"
    assert uplift["difference"]["value"] == pytest.approx(shares[0] - shares[1])
    assert uplift["pValue"] < 0.001
    assert uplift["because"][0]["code"].endswith("MORE")
    assert f"{shares[0] * 100:.1f}" in uplift["because"][0]["text"], uplift["because"][0]["text"]
