"""Campaigns in the graph: planned, spent on, answered over a code, and held against their plan."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.conftest import World

TODAY = datetime.now(UTC).date()
BEGAN = TODAY - timedelta(days=40)


def day(number: int) -> str:
    return (BEGAN + timedelta(days=number)).isoformat()


async def made(world: World, name: str, selected: str, /, **input: Any) -> Any:
    type = name[0].upper() + name[1:]
    query = (
        f"mutation($input: {type}Input!) {{ {name}(input: $input) "
        f"{{ {selected} userErrors {{ code message path }} }} }}"
    )
    return (await world.data(query, input=input))[name]


async def planned(world: World, **changed: Any) -> tuple[str, str]:
    """A touchpoint, and a campaign there that is half over."""
    place = {"key": "poster", "name": "Poster", "channel": "OUT_OF_HOME", "nature": "PHYSICAL", "control": "PAID"}
    touchpoint = (await made(world, "createTouchpoint", "touchpoint { id }", **place))["touchpoint"]["id"]
    said = {
        "name": "Spring",
        "objective": "More repairs in spring",
        "startsOn": day(0),
        "endsOn": day(79),
        "status": "ACTIVE",
        "budget": {"amount": "1000.00", "currency": "EUR"},
        "goal": {"kpi": "interactions", "target": 100, "dueOn": day(79)},
        "touchpoints": [touchpoint],
    }
    payload = await made(world, "createCampaign", "campaign { id version }", **(said | changed))
    assert payload["userErrors"] == []
    return touchpoint, payload["campaign"]["id"]


_CAMPAIGN = """
query($id: ID!) { node(id: $id) { ... on Campaign {
  name status budget { amount currency } touchpoints { name campaigns { edges { node { id } } } }
  spend(first: 1) { edges { node { amount { amount } day note campaign { name } touchpoint { key } } }
    pageInfo { hasNextPage } }
  kpis(keys: ["spend", "interactions", "cost_per_contact"]) { kpi { key } value n }
  results { reach interactions enquiries opportunitiesWon revenue { amount } actualCost { amount currency }
    costPerContact { amount } costPerEnquiry { amount } returnOnSpend unusedBudget { amount }
    attributionRule attributionDays }
  warnings { code message { text parameters } }
} } }
"""


async def test_a_campaign_shows_what_it_brought_and_what_should_be_looked_at(world: World) -> None:
    touchpoint, campaign = await planned(world)
    code = (
        await made(
            world,
            "createTouchpointCode",
            "touchpointCode { code url qr touchpoint { key } campaign { name } }",
            touchpoint=touchpoint,
            campaign=campaign,
            target="https://company.example/spring?from=poster",
        )
    )["touchpointCode"]
    assert code["url"] == f"https://company.example/t/{code['code']}"
    assert ET.fromstring(code["qr"]).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # the project's own
    assert (code["touchpoint"]["key"], code["campaign"]["name"]) == ("poster", "Spring")

    followed = await world.client.get(f"/t/{code['code'].lower()}")
    assert (followed.status_code, followed.headers["location"]) == (302, "https://company.example/spring?from=poster")
    assert (await world.client.get("/t/NOWHERE2")).status_code == 404

    customer = (await made(world, "createCustomer", "customer { id }", kind="PERSON", displayName="A"))["customer"][
        "id"
    ]
    fact = {"direction": "INBOUND", "kind": "CALL", "occurredAt": f"{day(30)}T10:00:00Z"}
    named = await made(
        world, "recordInteraction", "interaction { touchpoint { key } campaign { name } }", **fact, code=code["code"]
    )
    assert named["interaction"] == {"touchpoint": {"key": "poster"}, "campaign": {"name": "Spring"}}
    ran = await made(
        world, "recordInteraction", "interaction { campaign { id } }", **fact, customer=customer, touchpoint=touchpoint
    )
    assert ran["interaction"]["campaign"]["id"] == campaign
    before = await made(
        world,
        "recordInteraction",
        "interaction { campaign { id } }",
        **fact | {"occurredAt": f"{day(-1)}T23:59:59Z"},
        touchpoint=touchpoint,
    )
    assert before["interaction"]["campaign"] is None
    unknown = await made(world, "recordInteraction", "interaction { id }", **fact, code="AAAAAAAA")
    assert unknown["userErrors"] == [
        {"code": "NOT_FOUND", "message": "there is no code AAAAAAAA", "path": ["input", "code"]}
    ]
    await made(
        world,
        "openEnquiry",
        "enquiry { id }",
        source="mail",
        subject="Repair",
        customer={"id": customer},
        message={"body": "Can you repair it?"},
    )
    for number, amount in enumerate(("120.10", "30.05")):
        await made(
            world,
            "recordSpend",
            "spend { id }",
            campaign=campaign,
            touchpoint=touchpoint,
            amount={"amount": amount, "currency": "EUR"},
            day=day(number),
            note="print",
        )
    found = await world.until(
        _CAMPAIGN,
        lambda data: (
            data["node"]["results"]
            and data["node"]["results"]["enquiries"]
            and data["node"]["results"]["interactions"] == 3
            and data["node"]["results"]["actualCost"]["amount"] == "150.15"
        ),
        id=campaign,
    )
    shown = found["node"]
    assert shown["results"] == {
        "reach": None,
        "interactions": 3,
        "enquiries": 1.0,
        "opportunitiesWon": None,
        "revenue": None,
        "actualCost": {"amount": "150.15", "currency": "EUR"},
        "costPerContact": {"amount": "50.05"},
        "costPerEnquiry": {"amount": "150.15"},
        "returnOnSpend": None,
        "unusedBudget": {"amount": "849.85"},
        "attributionRule": "LAST_TOUCH",
        "attributionDays": 30,
    }
    assert shown["budget"] == {"amount": "1000.00", "currency": "EUR"}
    assert shown["touchpoints"][0]["campaigns"]["edges"] == [{"node": {"id": campaign}}]
    assert shown["spend"]["edges"][0]["node"] == {
        "amount": {"amount": "30.05"},
        "day": day(1),
        "note": "print",
        "campaign": {"name": "Spring"},
        "touchpoint": {"key": "poster"},
    }
    assert shown["spend"]["pageInfo"]["hasNextPage"]
    values = {one["kpi"]["key"]: one["value"] for one in shown["kpis"]}
    assert values == pytest.approx({"spend": 150.15, "interactions": 3.0, "cost_per_contact": 50.05})
    warned = {one["code"]: one["message"] for one in shown["warnings"]}
    assert set(warned) == {"BUDGET_UNUSED", "GOAL_AT_RISK"}
    assert warned["BUDGET_UNUSED"]["parameters"]["spent"] == 150.15
    assert "849.85 is unused" in warned["BUDGET_UNUSED"]["text"]
    assert warned["GOAL_AT_RISK"]["parameters"]["target"] == 100
    assert warned["GOAL_AT_RISK"]["parameters"]["dueOn"] == day(79)


async def test_what_can_be_mended_is_said_where_it_is_and_nothing_is_changed(world: World) -> None:
    touchpoint, campaign = await planned(world)
    planning = {"name": "B", "objective": "o", "startsOn": day(5), "endsOn": day(4)}
    euros = {"amount": "10", "currency": "EUR"}
    for changed, path in (
        ({"budget": euros}, "endsOn"),
        ({"budget": {"amount": "1.005", "currency": "EUR"}, "endsOn": day(5)}, "budget"),
        ({"budget": {"amount": "10", "currency": "CHF"}, "endsOn": day(5)}, "budget"),
        ({"budget": euros, "endsOn": day(5), "touchpoints": [touchpoint[:-4] + "0000"]}, "touchpoints"),
    ):
        payload = await made(world, "createCampaign", "campaign { id }", **(planning | changed))
        assert payload["campaign"] is None
        assert payload["userErrors"][0]["path"][:2] == ["input", path], payload
    listed = await world.data("{ campaigns { edges { node { id version } } } }")
    assert listed["campaigns"]["edges"] == [{"node": {"id": campaign, "version": 1}}]

    change = {"id": campaign, "version": 1, "objective": "Fewer repairs", "goal": None}
    selected = "campaign { objective goal { kpi } status version }"
    changed = (await made(world, "updateCampaign", selected, **change))["campaign"]
    assert changed == {"objective": "Fewer repairs", "goal": None, "status": "ACTIVE", "version": 2}
    stale = await made(world, "updateCampaign", "campaign { id }", **change)
    assert stale["userErrors"][0]["code"] == "CONFLICT"
    filters = {"statuses": ["ACTIVE"], "touchpoints": [touchpoint], "runs": {"first": day(79), "last": day(90)}}
    query = "query($filter: CampaignFilter!) { campaigns(filter: $filter) { edges { node { id } } } }"
    assert len((await world.data(query, filter=filters))["campaigns"]["edges"]) == 1
    for other in ({"statuses": ["PLANNING"]}, {"runs": {"first": day(80)}}, {"runs": {"last": day(-1)}}):
        assert (await world.data(query, filter=filters | other))["campaigns"]["edges"] == []
