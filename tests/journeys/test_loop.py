"""The loop closes: a wish becomes a measure, who asked is told, and the figure it aims at is compared with before."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.customers.delivery.mailserver import MailServer
from tests.journeys.conftest import Graph

INTRODUCED = datetime(2026, 1, 5, tzinfo=UTC)
BEGAN, ENDED = INTRODUCED - timedelta(days=280), INTRODUCED + timedelta(days=28)
COUNTED = """query($period: PeriodInput!) { kpi(key: "first_response_time") { result(period: $period) { n } } }"""
MEASURE = """query($id: ID!) { node(id: $id) { ... on Measure {
  status effectAwaits { code text } effect(window: "P28D") {
    verdict because { code text } nBaseline nCurrent difference { value } baseline { value } current { value } }
  feedback(first: 5) { edges { node { status } } }
  informed(first: 5) { edges { node { customer { id } delivery { state } } } }
} } }"""


def made(graph: Graph, name: str, selected: str, /, **input: Any) -> Any:
    type = name[0].upper() + name[1:]
    query = f"mutation($input: {type}Input!) {{ {name}(input: $input) {{ {selected} userErrors {{ message path }} }} }}"
    payload = graph.data(query, input=input)[name]
    assert payload["userErrors"] == [], payload
    return payload


def waits() -> list[dict[str, Any]]:
    """Three answers a day, after 10 to 15 hours; from the introduction on after 2 to 7."""
    events = []
    for day in range((ENDED - BEGAN).days):
        for number in range(3):
            at = BEGAN + timedelta(days=day, hours=number)
            hours = 10 + (5 * day + 3 * number + day // 7) % 6 - (8 if at >= INTRODUCED else 0)
            after = {
                "startedAt": at.isoformat(),
                "endedAt": (at + timedelta(hours=hours)).isoformat(),
                "value": 3600.0 * hours,
                "state": "COMPLETE",
                "dimensions": [{"dimension": "source", "value": "loop"}],
            }
            events.append({"id": f"loop {at.isoformat()}", "name": "wait.first", "source": "loop", "after": after})
    return events


def test_a_wish_becomes_a_measure_that_works_and_who_asked_learns_of_it(graph: Graph, mails: MailServer) -> None:
    words = [{"language": "en", "words": ["faster answers", "answer*"]}]
    made(graph, "defineTopic", "topic { key }", key="answers", name="Answers", words=words)
    person = {"kind": "PERSON", "displayName": "Ada", "emails": ["ada.loop@example.org"]}
    ada = made(graph, "createCustomer", "customer { id }", **person)["customer"]["id"]
    said = {"customer": {"id": ada}, "text": "I wish you had faster answers to our questions"}
    asked = made(
        graph,
        "submitFeedback",
        "feedback { id kind topics { key } }",
        **said,
        receivedAt=(INTRODUCED - timedelta(days=20)).isoformat(),
    )["feedback"]
    assert (asked["kind"], asked["topics"]) == ("WISH", [{"key": "answers"}])

    plan = {"title": "Two more people at the desk", "kind": "PROCESS", "aimsAt": "first_response_time"}
    measure = made(graph, "createMeasure", "measure { id version }", **plan, topics=["answers"])["measure"]
    made(graph, "linkFeedback", "measure { id }", measure=measure["id"], feedback=[asked["id"]])
    before = graph.data(MEASURE, id=measure["id"])["node"]
    assert (before["effect"], before["effectAwaits"]["code"]) == (None, "NOT_INTRODUCED")

    events = waits()
    assert made(graph, "recordEvents", "accepted", events=events)["accepted"] == len(events)
    period = {"start": BEGAN.isoformat(), "end": ENDED.isoformat()}
    graph.until(COUNTED, lambda data: data["kpi"]["result"]["n"] >= len(events), period=period)
    change = {"id": measure["id"], "version": 2, "status": "INTRODUCED", "introducedAt": INTRODUCED.isoformat()}
    made(graph, "updateMeasure", "measure { id }", **change, feedbackStatus="COMPLETED")

    text = {"language": "en", "subject": "We answer faster now", "text": "You asked for it, and it is there."}
    told = made(
        graph,
        "informCustomers",
        "informed { customer { id } } refused { customer { id } }",
        measure=measure["id"],
        texts=[text],
    )
    assert told == {"informed": [{"customer": {"id": ada}}], "refused": [], "userErrors": []}
    again = made(graph, "informCustomers", "informed { at }", measure=measure["id"], texts=[text])
    assert again["informed"] == []

    def closed(data: dict[str, Any]) -> bool:
        [one] = data["node"]["informed"]["edges"]
        sent = (one["node"]["delivery"] or {}).get("state") == "SENT"
        return sent and data["node"]["effect"] is not None

    found = graph.until(MEASURE, closed, id=measure["id"])["node"]
    [mail] = [one for one in mails.taken if one["To"] == "ada.loop@example.org"]
    assert mail["Subject"] == "We answer faster now"
    assert found["informed"]["edges"][0]["node"]["customer"] == {"id": ada}
    assert [edge["node"]["status"] for edge in found["feedback"]["edges"]] == ["COMPLETED"]
    effect = found["effect"]
    assert (effect["verdict"], effect["nBaseline"], effect["nCurrent"]) == ("IMPROVED", 84, 84)
    assert effect["current"]["value"] < effect["baseline"]["value"]
    assert effect["difference"]["value"] < 0
    assert effect["because"][0]["code"] == "IMPROVED"
