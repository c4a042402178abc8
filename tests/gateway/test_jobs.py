"""Work that goes on by itself, as the graph shows it: a definition over stored events is counted, and then over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.mongo import open_database
from tests.gateway.conftest import BEGAN, World
from tests.gateway.test_graph import made

JOB = "id kind state subject done total startedAt finishedAt forecast"
JOBS = f"""query($first: Int, $after: String, $last: Int, $before: String) {{
  jobs(first: $first, after: $after, last: $last, before: $before) {{
    edges {{ cursor node {{ {JOB} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
COUNTED = """query($key: String!, $period: PeriodInput!) { kpi(key: $key) {
  result(period: $period) { n partial { code } }
  definition { version backFill { job done total forecast } } } }"""
PERIOD = {"start": BEGAN.isoformat(), "end": (BEGAN + timedelta(days=40)).isoformat()}
# In the order in which a job goes through them.
STATES = ("WAITING", "RUNNING", "DONE")


async def record(world: World, count: int) -> None:
    """So many events, all of them in the figures that are there already."""
    afters = [{"startedAt": (BEGAN + timedelta(hours=number)).isoformat()} for number in range(count)]
    events = [{"id": f"e{n}", "name": "enquiry.opened", "after": after} for n, after in enumerate(afters)]
    answer = await made(world, "recordEvents", "RecordEventsInput", "accepted", events=events)
    assert answer == {"accepted": count, "userErrors": []}
    await world.until(COUNTED, lambda data: data["kpi"]["result"]["n"] == count, key="enquiries", period=PERIOD)


async def define(world: World, key: str, **fields: Any) -> dict[str, Any]:
    """The job that counts the stored events for it."""
    answer = await made(
        world,
        "defineKpi",
        "DefineKpiInput",
        "kpi { definition { backFill { job done total forecast } } }",
        key=key,
        name=key,
        unit="1",
        direction="HIGHER_IS_BETTER",
        aggregation="COUNT",
        event="enquiry.opened",
        **fields,
    )
    assert answer["userErrors"] == []
    fill: dict[str, Any] = answer["kpi"]["definition"]["backFill"]
    return fill


async def jobs(world: World, **page: Any) -> list[dict[str, Any]]:
    data = await world.data(JOBS, **{"first": 100, **page})
    return [edge["node"] for edge in data["jobs"]["edges"]]


async def until_done(world: World, *ids: str) -> list[dict[str, Any]]:
    """Every state the jobs were seen in until they were over."""
    seen: list[dict[str, Any]] = []

    def over(data: dict[str, Any]) -> bool:
        found = [edge["node"] for edge in data["jobs"]["edges"] if edge["node"]["id"] in ids]
        assert len(found) == len(ids)
        seen.extend(found)
        return all(job["state"] == "DONE" for job in found)

    await world.until(JOBS, over, first=100)
    return seen


async def test_stored_events_are_counted_by_a_job_that_appears_and_finishes(world: World) -> None:
    await record(world, 30)
    before = {job["id"] for job in await jobs(world)}
    fill = await define(world, "enquiries_again")
    assert fill["job"] not in before
    assert fill["forecast"] is None, "nothing is counted yet"

    seen = await until_done(world, fill["job"])
    fills = {job["id"] for job in await jobs(world) if job["kind"] == "BACK_FILL"}
    assert fills - before == {fill["job"]}
    for job in seen:
        assert (job["kind"], job["subject"]) == ("BACK_FILL", "enquiries_again")
        assert 0 <= job["done"] <= job["total"]
        assert (job["startedAt"] is None) == (job["state"] == "WAITING")
        assert (job["finishedAt"] is None) == (job["state"] != "DONE")
    places = [STATES.index(job["state"]) for job in seen]
    assert places == sorted(places), "no job goes back"

    over = seen[-1]
    assert over["done"] == over["total"] == 30
    assert datetime.fromisoformat(over["startedAt"]) <= datetime.fromisoformat(over["finishedAt"])
    assert over["forecast"] is None
    counted = (await world.data(COUNTED, key="enquiries_again", period=PERIOD))["kpi"]
    assert counted == {"result": {"n": 30, "partial": None}, "definition": {"version": 1, "backFill": None}}


async def test_a_job_that_runs_says_how_far_it_is_and_when_it_will_be_done(world: World, mongo_uri: str) -> None:
    await record(world, 40)
    fill = await define(world, "enquiries_again")
    await until_done(world, fill["job"])
    # The folder is faster than any client that would look. So the job is put back to where it was half way; its
    # definition stays complete, and the folder leaves it alone.
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    half = {"$set": {"started_at": begun, "done": {"0": 20}}, "$unset": {"finished_at": ""}}
    async with open_database(mongo_uri, world.metrics._database.name) as database:
        await database["kpi_counts"].update_one({"job": fill["job"]}, half)

    earliest = datetime.now(UTC)
    (job,) = [job for job in await jobs(world) if job["id"] == fill["job"]]
    latest = datetime.now(UTC)
    assert (job["state"], job["done"], job["total"], job["finishedAt"]) == ("RUNNING", 20, 40, None)
    assert datetime.fromisoformat(job["startedAt"]) == begun
    # As long again as it took until the service looked, which was between the two.
    assert 2 * earliest.timestamp() - begun.timestamp() <= datetime.fromisoformat(job["forecast"]).timestamp()
    assert datetime.fromisoformat(job["forecast"]).timestamp() <= 2 * latest.timestamp() - begun.timestamp()


async def test_the_newest_job_comes_first_and_pages_follow_each_other(world: World) -> None:
    await record(world, 3)
    ids = [(await define(world, key))["job"] for key in ("first", "second", "third")]
    await until_done(world, *ids)
    newest = (await world.data(JOBS, first=2))["jobs"]
    assert [edge["node"]["id"] for edge in newest["edges"]] == [ids[2], ids[1]]
    assert newest["pageInfo"]["hasNextPage"] is True
    next = (await world.data(JOBS, first=1, after=newest["pageInfo"]["endCursor"]))["jobs"]
    assert [edge["node"]["id"] for edge in next["edges"]] == [ids[0]]
    assert next["pageInfo"]["hasPreviousPage"] is True
    back = (await world.data(JOBS, last=2, before=next["pageInfo"]["startCursor"]))["jobs"]
    assert [edge["node"]["id"] for edge in back["edges"]] == [ids[2], ids[1]]
    assert back["pageInfo"]["hasPreviousPage"] is False
