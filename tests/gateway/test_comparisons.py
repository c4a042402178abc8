"""Comparisons in the graph: two periods and the time around a change, with all that says so, in words of the caller."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rundblick.metrics.v1 import kpi_pb2

from chassis.errors import InvalidInput
from gateway.metrics.comparison import days_of
from gateway.metrics.result import message_of
from tests.gateway.conftest import World

KPI = "first_response_time"
FORM, PHONE = f"tou_{'1' * 26}", f"tou_{'2' * 26}"
CHANGED = datetime(2026, 1, 5, tzinfo=UTC)
BEGAN, ENDED = CHANGED - timedelta(days=280), CHANGED + timedelta(days=28)
BASELINE = {"start": "2025-12-08T00:00:00Z", "end": "2026-01-05T00:00:00Z"}
CURRENT = {"start": "2026-01-05T00:00:00Z", "end": "2026-02-02T00:00:00Z"}

COMPARISON = """
fragment interval on Interval { value lower upper confidence }
fragment share on TargetShare { hit missed notYetDue share interval { ...interval } }
fragment message on Message { code parameters text }
fragment result on KpiResult { kpi { key } n value asOf period { start end } }
fragment comparison on Comparison {
  verdict because { ...message } warnings { ...message }
  baseline { ...result quantiles(p: [0.1, 0.9]) { p value } }
  current { ...result histogram(bins: 4) { count } open { open curve(points: 3) { atRisk } } }
  nBaseline nCurrent measure effect { ...interval } difference { ...interval }
  effectSize effectSizeInterval { ...interval } statistic pValue test
  openAware {
    followUpDays effect { ...interval } logRankZ logRankP restrictedMeanDifference { ...interval }
    baselineRestrictedMean currentRestrictedMean horizonSeconds
    baselineWithinTarget { ...share } currentWithinTarget { ...share } shareDifference { ...interval }
  }
  placebo { dates independent share lower upper needed effect followUpDays }
  season trend { tau slope pValue }
  strata {
    key { dimension value label } nBaseline nCurrent effectSize difference { ...interval } pValue pHolm openEffect
  }
  mixShift { ...interval } withinStrata { ...interval } control { ...interval } minimumDetectable
}"""
COMPARE = f"""query(
  $baseline: PeriodInput!, $current: PeriodInput!, $where: [DimensionFilter!], $by: [String!], $asOf: DateTime
) {{
  kpi(key: "{KPI}") {{
    compare(baseline: $baseline, current: $current, where: $where, stratifyBy: $by, asOf: $asOf) {{ ...comparison }}
  }} }} {COMPARISON}"""
EFFECT = f"""query($id: ID!, $kpi: String!, $window: String!) {{
  change(id: $id) {{ effect(kpi: $kpi, window: $window) {{ ...comparison }} }} }} {COMPARISON}"""
BRIEF = """query($baseline: PeriodInput!, $current: PeriodInput!, $by: [String!]) {
  kpi(key: "first_response_time") {
    compare(baseline: $baseline, current: $current, stratifyBy: $by) { verdict because { code text } } } }"""


def wait(touchpoint: str, at: datetime, hours: int | None) -> dict[str, Any]:
    ended = {} if hours is None else {"endedAt": (at + timedelta(hours=hours)).isoformat(), "value": 3600.0 * hours}
    after = {
        "startedAt": at.isoformat(),
        "state": "OPEN" if hours is None else "COMPLETE",
        "dimensions": [{"dimension": "source", "value": "shop"}, {"dimension": "touchpoint", "value": touchpoint}],
        **ended,
    }
    return {"id": f"{touchpoint} {at.isoformat()}", "name": "wait.first", "source": "shop", "after": after}


async def answered_faster(world: World) -> None:
    """At the form answers take 10 to 15 hours, and 2 to 7 from the change on; at the phone all stays as it was."""
    events = []
    for day in range((ENDED - BEGAN).days):
        at = BEGAN + timedelta(days=day)
        shorter = 8 if at >= CHANGED else 0
        for number in range(3):
            noise = (5 * day + 3 * number + day // 7) % 6
            events.append(wait(FORM, at + timedelta(hours=number), 10 + noise - shorter))
        for number in range(2):
            noise = (7 * day + 2 * number + day // 7) % 6
            events.append(wait(PHONE, at + timedelta(hours=number), 5 + noise))
    events.append(wait(FORM, ENDED - timedelta(hours=1), None))
    query = "mutation($input: RecordEventsInput!) { recordEvents(input: $input) { accepted userErrors { message } } }"
    answer = await world.data(query, input={"events": events})
    assert answer["recordEvents"] == {"accepted": len(events), "userErrors": []}
    count = """query($period: PeriodInput!) {
      kpi(key: "first_response_time") { result(period: $period) { n open { open } } } }"""
    period = {"start": BEGAN.isoformat(), "end": ENDED.isoformat()}
    counted = {"n": len(events) - 1, "open": {"open": 1}}
    await world.until(count, lambda data: data["kpi"]["result"] == counted, period=period)


async def change(world: World, *touchpoints: str) -> str:
    query = """mutation($input: RecordChangeInput!) {
      recordChange(input: $input) { change { id } userErrors { message } } }"""
    input = {"name": "Chatbot", "kind": "TOOL", "introducedAt": CHANGED.isoformat(), "touchpoints": touchpoints}
    id: str = (await world.data(query, input=input))["recordChange"]["change"]["id"]
    return id


async def said(world: World, accept: str | None) -> dict[str, str]:
    """What the comparison of two empty periods says, by code."""
    content = {"query": BRIEF, "variables": {"baseline": BASELINE, "current": CURRENT}}
    headers = {"accept-language": accept} if accept is not None else {}
    response = await world.client.post("/graphql", json=content, headers=headers)
    assert response.headers["vary"] == "accept, accept-language"
    compared = response.json()["data"]["kpi"]["compare"]
    assert compared["verdict"] == "INSUFFICIENT_DATA"
    return {one["code"]: one["text"] for one in compared["because"]}


async def test_two_periods_are_compared_with_all_that_says_so(world: World) -> None:
    await answered_faster(world)
    variables = {"baseline": BASELINE, "current": CURRENT, "by": ["touchpoint"]}
    found = (await world.data(COMPARE, **variables))["kpi"]["compare"]
    assert (found["verdict"], found["measure"]) == ("IMPROVED", "OPEN_DELTA")
    assert (found["nBaseline"], found["nCurrent"]) == (140, 140)
    reason = found["because"][0]
    assert reason["code"] == "IMPROVED"
    # A number in a sentence is a number, and a field of the comparison.
    assert reason["parameters"]["effect"] == found["effect"]["value"] < 0
    assert reason["parameters"]["lower"] == found["effect"]["lower"]
    assert reason["parameters"]["needed"] == found["placebo"]["needed"]
    # What the verdict rests on has the mix of strata held constant; what open waits say in total stands beside it.
    assert found["effect"] == found["withinStrata"]
    assert found["openAware"]["effect"]["upper"] < 0
    assert found["openAware"]["currentRestrictedMean"] < found["openAware"]["baselineRestrictedMean"]
    assert found["openAware"]["baselineWithinTarget"]["hit"] == 140
    assert found["difference"]["value"] < 0
    assert found["effectSize"] < 0
    assert found["test"] == "MANN_WHITNEY"
    assert 0 <= found["pValue"] < 0.001
    assert found["placebo"]["dates"] > 0
    assert found["trend"] is not None
    assert found["season"] is None
    assert found["control"] is None
    assert found["minimumDetectable"] is not None
    assert found["mixShift"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["withinStrata"]["value"] < 0
    keys = [stratum["key"] for stratum in found["strata"]]
    assert keys == [[{"dimension": "touchpoint", "value": one, "label": None}] for one in (FORM, PHONE)]
    form, phone = found["strata"]
    assert (form["nBaseline"], phone["nBaseline"]) == (84, 56)
    assert form["pHolm"] < 0.001 < phone["pHolm"]
    assert form["openEffect"] < found["effect"]["value"]

    # What is asked of each side is computed for it.
    assert found["baseline"]["kpi"] == {"key": KPI}
    assert [one["p"] for one in found["baseline"]["quantiles"]] == [0.1, 0.9]
    assert all(one["value"] > 0 for one in found["baseline"]["quantiles"])
    assert found["baseline"]["period"]["end"] == found["current"]["period"]["start"] == CHANGED.isoformat()
    assert len(found["current"]["histogram"]) == 4
    assert found["current"]["open"]["open"] == 1
    assert len(found["current"]["open"]["curve"]) > 0


async def test_conditions_and_a_past_day_hold_for_both_sides(world: World) -> None:
    await answered_faster(world)
    where = [{"dimension": "touchpoint", "in": [PHONE]}]
    variables = {"baseline": BASELINE, "current": CURRENT, "where": where, "asOf": "2026-02-20T00:00:00Z"}
    found = (await world.data(COMPARE, **variables))["kpi"]["compare"]
    assert (found["nBaseline"], found["nCurrent"]) == (56, 56)
    assert found["verdict"] == "NO_EVIDENCE"
    assert found["baseline"]["asOf"] == found["current"]["asOf"] is not None
    assert found["control"] is not None
    assert found["strata"] == []


async def test_a_comparison_is_one_call(world: World) -> None:
    calls = await world.calls(BRIEF, baseline=BASELINE, current=CURRENT)
    assert calls == ["metrics.BatchGetKpis", "metrics.ComparePeriods"]
    query = 'query($id: ID!) { change(id: $id) { effect(kpi: "enquiries") { verdict } } }'
    assert await world.calls(query, id=await change(world)) == ["metrics.BatchGetChanges", "metrics.CompareChange"]


async def test_the_effect_of_a_change_is_measured_where_it_was_made(world: World) -> None:
    await answered_faster(world)
    id = await change(world, FORM)
    found = (await world.data(EFFECT, id=id, kpi=KPI, window="P4W"))["change"]["effect"]
    assert found["verdict"] == "IMPROVED"
    assert (found["nBaseline"], found["nCurrent"]) == (84, 84)
    assert found["baseline"]["period"]["start"] == "2025-12-08T00:00:00+00:00"
    assert found["current"]["period"]["end"] == ENDED.isoformat()
    assert found["current"]["open"]["open"] == 1
    # More than where nothing was changed.
    assert found["control"]["upper"] < 0


@pytest.mark.parametrize("window", ["P6D", "P0W", "P1001D", "P143W", "P3M", "P1Y", "P1W3D", "PT24H", "90", "p90d", ""])
def test_a_window_is_so_many_days_or_weeks(window: str) -> None:
    with pytest.raises(InvalidInput, match="window") as refused:
        days_of(window)
    assert refused.value.path == ("window",)


@pytest.mark.parametrize(("window", "days"), [("P90D", 90), ("P7D", 7), ("P1W", 7), ("P142W", 994), ("P1000D", 1000)])
def test_a_window_has_days(window: str, days: int) -> None:
    assert days_of(window) == days


async def test_a_bad_window_is_the_callers_mistake(world: World) -> None:
    id = await change(world)
    for window, message in (("P6D", "a window has 7 to 1000 days, P6D has 6"), ("P3M", "so many days or weeks")):
        body = await world.answer(EFFECT, id=id, kpi=KPI, window=window)
        assert body["data"] == {"change": None}
        (error,) = body["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["change", "effect"])
        assert message in error["message"]


async def test_without_a_window_ninety_days_are_looked_at(world: World) -> None:
    query = """query($id: ID!) {
      change(id: $id) { effect(kpi: "enquiries") { baseline { period { start } } current { period { end } } } } }"""
    found = (await world.data(query, id=await change(world)))["change"]["effect"]
    assert found["baseline"]["period"]["start"] == (CHANGED - timedelta(days=90)).isoformat()
    assert found["current"]["period"]["end"] == (CHANGED + timedelta(days=90)).isoformat()


async def test_what_does_not_exist_has_no_effect(world: World) -> None:
    body = await world.answer(EFFECT, id=await change(world), kpi="nothing", window="P4W")
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["change", "effect"])


async def test_sentences_come_in_the_language_of_the_caller(world: World) -> None:
    english, german = await said(world, None), await said(world, "de-AT,de;q=0.9,en;q=0.8")
    assert english.keys() == german.keys()
    assert "TOO_FEW" in english
    assert english["TOO_FEW"].startswith("Too little")
    assert german["TOO_FEW"].startswith("Zu wenig")
    assert await said(world, "de;q=0.1, en-GB") == english
    assert await said(world, "fr") == english


async def test_an_undeclared_stratum_is_named_with_those_that_are_declared(world: World) -> None:
    body = await world.answer(BRIEF, baseline=BASELINE, current=CURRENT, by=["weather"])
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["kpi", "compare"])
    assert "weather" in error["message"]
    assert "touchpoint, category" in error["message"]


async def test_periods_that_overlap_are_refused(world: World) -> None:
    later = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-02T00:00:00Z"}
    body = await world.answer(BRIEF, baseline=BASELINE, current=later)
    assert body["data"] == {"kpi": None}
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["kpi", "compare"])
    assert "overlap" in error["message"]


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("12", 12),
        ("-0.25", -0.25),
        ("1e-05", 1e-05),
        ("30.0", 30.0),
        ("007", "007"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("9007199254740993", "9007199254740993"),
        ("Chatbot", "Chatbot"),
        ("", ""),
    ],
)
def test_a_parameter_that_is_a_number_is_one_in_json_too(text: str, parameter: str | float) -> None:
    parameters: Any = message_of(kpi_pb2.LocalizedMessage(code="C", parameters={"x": text}, text="T")).parameters
    assert (parameters["x"], type(parameters["x"])) == (parameter, type(parameter))
