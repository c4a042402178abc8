"""Feedback as frontend teams meet it: said, answered, classified, watched, and counted by its topics."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chassis.caller import Caller
from tests.cli.test_command import rundblick
from tests.gateway.conftest import World
from tests.gateway.test_websocket import opened
from tests.tokens import token_for

WHOLE = """id kind status text language sentiment solicited version source externalId service
  topics { key name } score { kind value scale { lowest highest } } customer { id } touchpoint { key }
  duplicateOf { id } owner { displayName } team { key } measures { id } survey { key } enquiry { id }
  replies { body author { displayName } delivery { state subject } } steps { status note employee { id } by }
  classifications { kind sentiment topics { key } by }"""
VOICE = """query($id: ID!) { customer(id: $id) {
  feedback(filter: {kinds: [WISH]}) { edges { node { id } } }
  voice { openWishes { id text } openProblems { id } scores { score { kind value } feedback { id } }
    topics { topic { key name } mentions } }
  interactions(first: 10) { edges { node { direction subject { ... on Feedback { id text } } } } } } }"""
DEMAND = """query($period: PeriodInput!, $segment: ID) { topics { edges { node { key
  demand(period: $period) { mentions customers trend { mentionsBefore customersBefore growth }
    bySegment { segment { key } mentions customers } }
  of: demand(period: $period, segment: $segment) { mentions } } } }
  wishes: kpi(key: "wishes") { breakdown(period: $period, by: ["segment"]) { key { value } result { value } } }
  feedback: kpi(key: "feedback_items") { result(period: $period) { n } }
  nps: kpi(key: "nps") { result(period: $period) { n value } } }"""
TOPICS = Path(__file__).parents[2] / "examples" / "topics" / "company.yaml"
WATCHED = "subscription { feedbackReceived(kinds: [WISH]) { id text } }"


async def done(world: World, name: str, selected: str, caller: Caller | None = None, /, **input: Any) -> Any:
    type = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation($i: {type}!) {{ {name}(input: $i) {{ {selected} userErrors {{ code path }} }} }}"
    headers = {"authorization": f"Bearer {token_for(caller)}"} if caller else None
    body = {"query": query, "variables": {"i": input}}
    return (await world.client.post("/graphql", json=body, headers=headers)).json()["data"][name]


def nodes(data: Any) -> dict[str, Any]:
    return {edge["node"]["key"]: edge["node"] for edge in data["topics"]["edges"]}


async def test_what_customers_say_is_answered_and_counted_by_topic(world: World) -> None:
    async def customer(name: str) -> str:
        given = {"kind": "PERSON", "displayName": name, "emails": [f"{name}@company.example"]}
        id: str = (await done(world, "createCustomer", "customer { id }", **given))["customer"]["id"]
        return id

    async def said(text: str, by: str, days: int = 0, **fields: Any) -> Any:
        at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        given = {"text": text, "customer": {"id": by}, "receivedAt": at, **fields}
        return (await done(world, "submitFeedback", f"feedback {{ {WHOLE} }}", **given))["feedback"]

    ann, ben = await customer("ann"), await customer("ben")
    employee = await done(world, "createEmployee", "employee { id }", displayName="Eva", team="support")
    eva = employee["employee"]["id"]
    segment = await done(world, "defineSegment", "segment { id }", key="vip", name="VIP")
    vip = segment["segment"]["id"]
    await done(world, "addToSegment", "segment { id }", segment=vip, customers=[ann])
    for expected in ("new", "as it is"):
        told = await asyncio.to_thread(
            rundblick, "topic", "apply", str(TOPICS), "--endpoint", str(world.client.base_url)
        )
        assert {line.partition(": ")[2] for line in told.stdout.splitlines()} == {expected}

    async with opened(world) as watching:
        await watching.subscribe("1", WATCHED)
        crash = await said("The app crashes all the time.", ben)
        wish = await said("Please add a dark mode to the app.", ann, externalId="w1", owner=eva)
        while (received := await watching.received())["type"] != "next":
            pass
        told = received["payload"]["data"]["feedbackReceived"]
    assert told == {"id": wish["id"], "text": wish["text"]}, "what is no wish was not watched for"
    assert (wish["kind"], wish["status"], wish["language"], wish["topics"]) == (
        "WISH",
        "NEW",
        "en",
        [{"key": "app", "name": "App and portal"}],
    )
    assert (wish["owner"], wish["measures"], wish["customer"]) == ({"displayName": "Eva"}, [], {"id": ann})
    again = await said("Please add that dark mode to your app.", ann)
    await said("The app crashed.", ben, days=-4)
    await said("", ann, score={"kind": "NPS", "value": 10}, solicited=True)

    answer = await done(
        world, "replyToFeedback", f"feedback {{ {WHOLE} }} reply {{ body }}", feedback=wish["id"], body="We will."
    )
    assert answer["reply"] == {"body": "We will."}
    status = {"feedback": again["id"], "status": "DUPLICATE", "duplicateOf": wish["id"], "note": "as before"}
    assert (await done(world, "setFeedbackStatus", f"feedback {{ {WHOLE} }}", **status))["feedback"]["duplicateOf"] == {
        "id": wish["id"]
    }
    ann_says = Caller("eva", frozenset({"*"}), employee=eva)
    classified = await done(
        world,
        "classifyFeedback",
        f"feedback {{ {WHOLE} }}",
        ann_says,
        feedback=crash["id"],
        kind="COMPLAINT",
        topics=["app", "invoice"],
        sentiment=-1,
    )
    assert classified["feedback"]["classifications"] == [
        {"kind": "COMPLAINT", "sentiment": -1, "topics": [{"key": "app"}, {"key": "invoice"}], "by": eva}
    ]
    for name, input, error in (
        ("classifyFeedback", {"feedback": crash["id"], "topics": ["none"]}, ("NOT_FOUND", ["input", "topics"])),
        (
            "classifyFeedback",
            {"feedback": crash["id"], "kind": "WISH", "version": 1},
            ("CONFLICT", ["input", "version"]),
        ),
        ("setFeedbackStatus", {"feedback": wish["id"], "status": "DUPLICATE"}, ("INVALID", ["input", "duplicateOf"])),
        ("submitFeedback", {"text": "x", "touchpoint": "nowhere"}, ("INVALID", ["input", "touchpoint"])),
        ("submitFeedback", {"text": "x", "owner": "emp_x"}, ("INVALID", ["input", "owner"])),
        ("submitFeedback", {}, ("INVALID", ["input", "text"])),
    ):
        payload = await done(world, name, "feedback { id }", **input)
        [wrong] = payload["userErrors"]
        assert ((wrong["code"], wrong["path"]), payload["feedback"]) == (error, None), name

    data = await world.until(VOICE, lambda data: len(data["customer"]["interactions"]["edges"]) == 4, id=ann)
    shown = data["customer"]
    assert [edge["node"]["id"] for edge in shown["feedback"]["edges"]] == [again["id"], wish["id"]]
    assert [one["id"] for one in shown["voice"]["openWishes"]] == [wish["id"]]
    assert [one["score"] for one in shown["voice"]["scores"]] == [{"kind": "NPS", "value": 10}]
    assert shown["voice"]["topics"] == [{"topic": {"key": "app", "name": "App and portal"}, "mentions": 1}]
    subjects = [edge["node"]["subject"]["id"] for edge in shown["interactions"]["edges"]]
    assert subjects.count(wish["id"]) == 2, "what was said, and the reply"
    whole = f"query($id: ID!) {{ node(id: $id) {{ ... on Feedback {{ {WHOLE} }} }} }}"
    await world.until(whole, lambda data: data["node"]["replies"][0]["delivery"] is not None, id=wish["id"])

    now = datetime.now(UTC)
    period = {"start": (now - timedelta(days=2)).isoformat(), "end": (now + timedelta(days=1)).isoformat()}
    counted = await world.until(
        DEMAND,
        lambda data: (
            [nodes(data)[key]["demand"]["mentions"] for key in ("app", "invoice", "price")] == [2, 1, 0]
            and len(nodes(data)["app"]["demand"]["bySegment"]) == 1
            and data["feedback"]["result"]["n"] == 2
            and data["nps"]["result"]["n"] == 1
            and [row["result"]["value"] for row in data["wishes"]["breakdown"]] == [1]
        ),
        period=period,
        segment=vip,
    )
    app, invoice = nodes(counted)["app"], nodes(counted)["invoice"]
    assert app["demand"]["trend"] == {"mentionsBefore": 1, "customersBefore": 1, "growth": 1}
    assert (app["demand"]["customers"], app["of"]["mentions"], invoice["of"]["mentions"]) == (2, 1, 0)
    assert app["demand"]["bySegment"] == [{"segment": {"key": "vip"}, "mentions": 1, "customers": 1}]
    assert invoice["demand"]["trend"] == {"mentionsBefore": 0, "customersBefore": 0, "growth": None}
    assert invoice["demand"]["bySegment"] == []
    assert [row["key"][0]["value"] for row in counted["wishes"]["breakdown"]] == [vip]
    assert counted["nps"]["result"]["value"] == 100
