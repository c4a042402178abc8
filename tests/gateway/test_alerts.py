"""Alerts in the graph: listed by pages, found by their id, told to those who watch, and kept from partners."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import tokens
from tests.callers import partner
from tests.gateway.conftest import World
from tests.gateway.test_websocket import opened

FIELDS = """id kind openedDay openedAt value n lower upper centre closedDay closedAt ending sequence
  kpi { key name }"""
LIST = f"""query($first: Int, $after: String, $last: Int, $before: String, $filter: KpiAlertFilter) {{
  kpiAlerts(first: $first, after: $after, last: $last, before: $before, filter: $filter) {{
    edges {{ cursor node {{ {FIELDS} }} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"""
RECORD = "mutation($input: RecordEventsInput!) { recordEvents(input: $input) { accepted userErrors { message } } }"
RESULT = 'query($period: PeriodInput!) { kpi(key: "enquiries") { result(period: $period) { n alerts { id kind } } } }'
WATCH = 'subscription { kpiChanged(key: "enquiries") { n alerts { kind openedDay kpi { key } } } }'


async def record(world: World, counts: dict[int, int]) -> None:
    """So many days ago so many enquiries, and all of them counted."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    events = [
        {
            "id": f"{past}-{number}",
            "name": "enquiry.opened",
            "source": "shop",
            "after": {
                "startedAt": (noon - timedelta(days=past)).isoformat(),
                "dimensions": [{"dimension": "source", "value": "shop"}],
            },
        }
        for past, count in counts.items()
        for number in range(count)
    ]
    for place in range(0, len(events), 200):
        part = events[place : place + 200]
        answer = await world.data(RECORD, input={"events": part})
        assert answer["recordEvents"] == {"accepted": len(part), "userErrors": []}
    await world.until(RESULT, lambda data: data["kpi"]["result"]["n"] == len(events), period=period(now))


def period(now: datetime) -> dict[str, str]:
    return {"start": (now - timedelta(days=90)).isoformat(), "end": now.isoformat()}


async def breach(world: World) -> dict[str, Any]:
    """Yesterday were ten times as many as ever."""
    await record(world, {**dict.fromkeys(range(2, 36), 8), 1: 80})
    await world.metrics.judging.judge_once()
    [edge] = (await world.data(LIST))["kpiAlerts"]["edges"]
    node: dict[str, Any] = edge["node"]
    return node


async def test_an_alert_is_listed_and_found_by_its_id(world: World) -> None:
    alert = await breach(world)
    assert {name: alert[name] for name in ("kind", "value", "n", "centre", "closedDay", "closedAt", "ending")} == {
        "kind": "CONTROL_LIMITS",
        "value": 80.0,
        "n": 80,
        "centre": 8.0,
        "closedDay": None,
        "closedAt": None,
        "ending": None,
    }
    assert alert["openedDay"] == (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert alert["lower"] < 8 < alert["upper"] < 80
    assert alert["kpi"] == {"key": "enquiries", "name": "Enquiries"}
    unknown = f"alt_{'0' * 26}"
    query = f"""query($id: ID!, $ids: [ID!]!, $period: PeriodInput!) {{
      node(id: $id) {{ __typename id ... on KpiAlert {{ {FIELDS} }} }}
      nodes(ids: $ids) {{ __typename }}
      kpi(key: "enquiries") {{ result(period: $period) {{ alerts {{ {FIELDS} }} }} }}
      nps: kpi(key: "nps") {{ result(period: $period) {{ alerts {{ id }} }} }} }}"""
    found = await world.data(query, id=alert["id"], ids=[unknown, alert["id"]], period=period(datetime.now(UTC)))
    assert found["node"] == {"__typename": "KpiAlert", **alert}
    assert found["nodes"] == [None, {"__typename": "KpiAlert"}]
    assert found["kpi"]["result"]["alerts"] == [alert]
    assert found["nps"]["result"]["alerts"] == []


async def test_the_alerts_of_many_results_are_one_call(world: World) -> None:
    query = """query($period: PeriodInput!) { kpis { result(period: $period) { alerts { id kpi { name } } } } }"""
    calls = await world.calls(query, period=period(datetime.now(UTC)))
    assert calls == ["metrics.ListKpis", "metrics.BatchGetResults", "metrics.BatchGetOpenAlerts"]


async def test_who_watches_a_kpi_is_told_when_an_alert_opens(world: World) -> None:
    counts = {**dict.fromkeys(range(2, 36), 8), 1: 80}
    await record(world, counts)
    async with opened(world) as client:
        await client.subscribe("1", WATCH)
        first = (await client.received())["payload"]["data"]["kpiChanged"]
        assert first["alerts"] == []
        await world.metrics.judging.judge_once()
        told = (await client.received())["payload"]["data"]["kpiChanged"]
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        assert told == {
            "n": first["n"],
            "alerts": [{"kind": "CONTROL_LIMITS", "openedDay": yesterday, "kpi": {"key": "enquiries"}}],
        }


async def test_a_list_holds_what_its_filter_names(world: World) -> None:
    alert = await breach(world)
    for filter, expected in (
        ({}, [alert]),
        ({"openOnly": True, "kpis": ["enquiries"]}, [alert]),
        ({"kpis": ["nps"]}, []),
        ({"afterSequence": alert["sequence"]}, []),
        ({"afterSequence": alert["sequence"] - 1}, [alert]),
    ):
        edges = (await world.data(LIST, filter=filter))["kpiAlerts"]["edges"]
        assert [edge["node"] for edge in edges] == expected, filter
    page = (await world.data(LIST, first=1))["kpiAlerts"]
    after = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert (await world.data(LIST, first=1, after=after))["kpiAlerts"]["edges"] == []


@pytest.mark.parametrize("arguments", ["first: -1", 'first: 1, after: "nonsense"', "first: 1, last: 1"])
async def test_a_bad_list_is_the_callers_mistake(world: World, arguments: str) -> None:
    body = await world.answer(f"{{ kpiAlerts({arguments}) {{ edges {{ cursor }} }} viewer {{ subject }} }}")
    assert body["data"] == {"kpiAlerts": None, "viewer": {"subject": "development"}}
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["kpiAlerts"])


async def test_partners_see_no_alerts(world: World) -> None:
    alert = await breach(world)
    outside = partner("shop")
    headers = {"authorization": f"Bearer {tokens.token_for(outside)}"}

    async def asked(query: str) -> dict[str, Any]:
        variables = {"id": alert["id"], "period": period(datetime.now(UTC))}
        response = await world.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: dict[str, Any] = response.json()
        return body

    for field, query in (
        ("kpiAlerts", "{ kpiAlerts { edges { node { id } } } }"),
        ("node", "query($id: ID!) { node(id: $id) { id } }"),
    ):
        body = await asked(query)
        assert body["data"] == {field: None}
        assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"], field
    # Their own figures they see, and no alerts with them.
    assert (await asked(RESULT))["data"]["kpi"]["result"] == {"n": 352, "alerts": []}
