"""Business hours and promises through the graph: defined, measured, counted, and told when they run out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.gateway.conftest import BEGAN, World
from tests.gateway.test_graph import made
from tests.gateway.test_subscriptions import begun, heard
from tests.gateway.test_websocket import opened

PERIOD = {"start": BEGAN.isoformat(), "end": (BEGAN + timedelta(days=7)).isoformat()}
FIGURES = """query($period: PeriodInput!) {
  business: kpi(key: "first_response_time_business") { result(period: $period) { n mean } }
  kept: kpi(key: "service_level_attainment") { result(period: $period) { n value } } }"""
ENQUIRIES = """{ enquiries(first: 9, orderBy: OPENED_AT_ASC) { edges { node {
  touchpoint { key calendar { key } } waits { kind businessSeconds }
  serviceLevels { kind status targetSeconds business policyVersion dueAt policy { key } } } } } }"""
WAITING = """subscription($team: String) { enquiryWaiting(team: $team) {
  subject team { key } serviceLevels { status policy { key } } } }"""


def hours(begin: str) -> dict[str, Any]:
    return {"hours": [{"weekday": day, "intervals": [{"begin": begin, "end": "17:00"}]} for day in range(1, 6)]}


async def define_calendar(world: World, begin: str, **fields: Any) -> Any:
    selected = """calendar { id key timeZone version default touchpoints { key } teams { key }
      holidays { country subdivision } hours { weekday intervals { begin end } } exceptions { date intervals { end } } }
      userErrors { code path }"""
    given = {"key": "form", "name": "Form", "timeZone": "UTC", "touchpoints": ["form"], **hours(begin), **fields}
    return await made(world, "defineCalendar", "DefineCalendarInput", selected, **given)


async def define_level(world: World, key: str, seconds: float, **fields: Any) -> Any:
    selected = "serviceLevel { id key version active atRiskShare pauses } userErrors { code path message }"
    target = {"kind": "FIRST", "seconds": seconds, "business": fields.pop("business", False)}
    given = {"key": key, "name": key, "targets": [target], **fields}
    return await made(world, "defineServiceLevel", "DefineServiceLevelInput", selected, **given)


def figures(n: int, mean: float, kept: float) -> Any:
    wanted = {"business": {"result": {"n": n, "mean": mean}}, "kept": {"result": {"n": n, "value": kept}}}
    return lambda data: data == wanted


async def test_a_calendar_and_a_promise_reach_every_wait_and_every_figure(world: World) -> None:
    await world.import_enquiries(1)
    holidays = {"country": "DE", "subdivision": "BE"}
    exceptions = [{"date": "2026-12-24", "intervals": []}]
    answer = await define_calendar(world, "09:30", holidays=holidays, exceptions=exceptions)
    calendar = answer["calendar"]
    assert (calendar["touchpoints"], calendar["holidays"], calendar["exceptions"]) == (
        [{"key": "form"}],
        holidays,
        exceptions,
    )
    answer = await define_level(world, "first", 1800, business=True, since="2026-01-01T00:00:00Z")
    assert answer["serviceLevel"] | {"id": ""} == {
        "id": "",
        "key": "first",
        "version": 1,
        "active": True,
        "atRiskShare": 0.8,
        "pauses": False,
    }
    # Opened at nine, ten and eleven, and each answered an hour later.
    await world.until(FIGURES, figures(3, 3000.0, 1 / 3), period=PERIOD)
    nodes = [edge["node"] for edge in (await world.data(ENQUIRIES))["enquiries"]["edges"]]
    assert [node["touchpoint"]["calendar"]["key"] for node in nodes] == ["form"] * 3
    waits = [wait["businessSeconds"] for node in nodes for wait in node["waits"] if wait["kind"] == "FIRST"]
    assert waits == [1800.0, 3600.0, 3600.0]
    levels = [level for node in nodes for level in node["serviceLevels"]]
    assert [level["status"] for level in levels] == ["HIT", "MISSED", "MISSED"]
    assert levels[0] | {"status": ""} == {
        "kind": "FIRST",
        "status": "",
        "targetSeconds": 1800.0,
        "business": True,
        "policyVersion": 1,
        "dueAt": (BEGAN + timedelta(hours=1)).isoformat(),
        "policy": {"key": "first"},
    }
    await define_calendar(world, "09:00", version=1)
    await world.until(FIGURES, figures(3, 3600.0, 0.0), period=PERIOD)
    listed = await world.data("""{ calendars { version hours { weekday } } serviceLevels { key targets { kind } }
      jobs(first: 9) { edges { node { kind subject } } } }""")
    assert listed["calendars"] == [{"version": 2, "hours": [{"weekday": day} for day in range(1, 6)]}]
    assert listed["serviceLevels"] == [{"key": "first", "targets": [{"kind": "FIRST"}]}]
    kinds = [(edge["node"]["kind"], edge["node"]["subject"]) for edge in listed["jobs"]["edges"]]
    assert sorted(one for one in kinds if one[0] == "BUSINESS_TIME") == [
        ("BUSINESS_TIME", "first"),
        ("BUSINESS_TIME", "form"),
        ("BUSINESS_TIME", "form"),
    ]
    for answer, error in (
        (await define_calendar(world, "9"), ("INVALID", ["input", "hours", "0", "intervals", "0", "begin"])),
        (await define_calendar(world, "09:00", version=1), ("CONFLICT", ["input", "version"])),
        (await define_level(world, "first", 1), ("ALREADY_EXISTS", ["input", "key"])),
        (await define_level(world, "bad", 1, condition="enquiry."), ("INVALID", ["input", "condition"])),
    ):
        (said,) = answer["userErrors"]
        assert (said["code"], said["path"]) == error
    assert "line 1, column" in answer["userErrors"][0]["message"]


async def test_a_promise_that_ran_out_is_told_to_who_watches_the_team(world: World) -> None:
    team = await made(
        world,
        "createEmployee",
        "CreateEmployeeInput",
        "employee { id } userErrors { code }",
        displayName="Ann",
        team="hot",
    )
    assert team["userErrors"] == []
    level = (await define_level(world, "quick", 60, condition='enquiry.category == "hot"'))["serviceLevel"]
    moment = datetime.now(UTC).isoformat()

    async def open_one(subject: str, **fields: Any) -> None:
        message = {"body": "?", "occurredAt": moment}
        answer = await made(
            world, "openEnquiry", "OpenEnquiryInput", "userErrors { code }", subject=subject, message=message, **fields
        )
        assert answer["userErrors"] == []

    async with opened(world) as client:
        await begun(client, "all", WAITING)
        await begun(client, "hot", WAITING, team="hot")
        await define_level(world, "quick", 0.001, version=1, condition='enquiry.category == "hot"')
        moment = datetime.now(UTC).isoformat()
        await open_one("not promised")
        await open_one("of nobody", category="hot")
        found, _ = await heard(client, "all")
        missed = {"serviceLevels": [{"status": "MISSED", "policy": {"key": "quick"}}]}
        assert found["all"] == {"subject": "of nobody", "team": None, **missed}
        await open_one("of the team", category="hot", team="hot")
        found, _ = await heard(client, "all", "hot")
        assert found["all"] == found["hot"] == {"subject": "of the team", "team": {"key": "hot"}, **missed}
    queue = """{ enquiries(first: 9, orderBy: DUE, filter: {missed: true}) { edges { node { subject } } } }"""
    edges = (await world.data(queue))["enquiries"]["edges"]
    assert [edge["node"]["subject"] for edge in edges] == ["of nobody", "of the team"]
    answer = await made(
        world,
        "archiveServiceLevel",
        "ArchiveServiceLevelInput",
        "serviceLevel { active version } userErrors { code path }",
        id=level["id"],
        version=2,
    )
    assert answer == {"serviceLevel": {"active": False, "version": 3}, "userErrors": []}
    assert (await world.data("{ serviceLevels { key } }"))["serviceLevels"] == []
