"""Measures in the graph: from what customers say to what is done about it, who is told, and what is offered to whom."""

from typing import Any

from tests.gateway.conftest import World

_VIEW = """query($id: ID!) { node(id: $id) { ... on Measure {
  title kind status version dueOn aimsAt budget { amount currency } introducedAt team { key } owner { displayName }
  history { status by { id } } topics { key name } offer { key } effectAwaits { code text } effect { verdict }
  feedback(first: 5) { edges { node { text status measures { id } } } }
  customersToInform { edges { node { customer { displayName } feedback { text } refusal { code } } } }
  refused: customersToInform(refused: true) { edges { node { customer { displayName } refusal { code text } } } }
  informed(first: 5) { edges { node { at language customer { displayName } delivery { state subject } } } }
} } }"""


async def made(world: World, name: str, selected: str, /, **input: Any) -> Any:
    type = name[0].upper() + name[1:]
    query = (
        f"mutation($input: {type}Input!) {{ {name}(input: $input) "
        f"{{ {selected} userErrors {{ code message path }} }} }}"
    )
    return (await world.data(query, input=input))[name]


async def person(world: World, name: str, *emails: str) -> str:
    said = {"kind": "PERSON", "displayName": name, "emails": emails}
    id: str = (await made(world, "createCustomer", "customer { id }", **said))["customer"]["id"]
    return id


async def wish(world: World, customer: str, text: str) -> str:
    said = {"customer": {"id": customer}, "kind": "WISH", "text": text, "receivedAt": "2026-01-05T10:00:00Z"}
    id: str = (await made(world, "submitFeedback", "feedback { id }", **said))["feedback"]["id"]
    return id


async def topic(world: World, key: str, *words: str) -> None:
    said = {"key": key, "name": key.title(), "words": [{"language": "en", "words": words}]}
    assert (await made(world, "defineTopic", "topic { key }", **said))["userErrors"] == []


async def test_a_wish_becomes_a_measure_and_who_asked_is_told(world: World) -> None:
    employee = await made(world, "createEmployee", "employee { id }", displayName="Eve", team="service")
    await topic(world, "bikes", "bike racks")
    offer = await made(
        world, "defineOffer", "offer { id }", key="rack", title="A place for your bike", purpose="SERVICE"
    )
    ada = await person(world, "Ada", "ada@example.org")
    cem = await person(world, "Cem")
    asked = await wish(world, ada, "I wish there were bike racks at the station")
    await wish(world, cem, "More bike racks, please")
    said = {
        "title": "Bike racks",
        "kind": "SERVICE",
        "owner": employee["employee"]["id"],
        "budget": {"amount": "1200.5", "currency": "EUR"},
        "dueOn": "2026-06-30",
        "offer": offer["offer"]["id"],
        "feedback": [asked],
        "topics": ["bikes"],
    }
    for wrong, path in (({"aimsAt": "nothing"}, "aimsAt"), ({"offer": ada}, "offer"), ({"topics": ["x"]}, "topics")):
        refused = await made(world, "createMeasure", "measure { id }", **{**said, **wrong})
        assert (refused["measure"], refused["userErrors"][0]["path"][:2]) == (None, ["input", path])
    measure = (await made(world, "createMeasure", "measure { id version }", **said))["measure"]
    id = measure["id"]
    seen = (await world.data(_VIEW, id=id))["node"]
    assert seen["effectAwaits"]["code"] == "NO_AIM"
    assert (seen["effect"], seen["status"], seen["budget"]) == (
        None,
        "PROPOSED",
        {"amount": "1200.50", "currency": "EUR"},
    )
    assert (seen["team"], seen["owner"]) == ({"key": "service"}, {"displayName": "Eve"})
    assert (seen["topics"], seen["offer"]) == ([{"key": "bikes", "name": "Bikes"}], {"key": "rack"})
    [linked] = seen["feedback"]["edges"]
    assert linked["node"] == {
        "text": "I wish there were bike racks at the station",
        "status": "NEW",
        "measures": [{"id": id}],
    }

    change = {"id": id, "version": 1, "aimsAt": "first_response_time", "status": "INTRODUCED", "dueOn": None}
    changed = await made(world, "updateMeasure", "measure { version }", **change, feedbackStatus="COMPLETED")
    assert changed == {"measure": {"version": 2}, "userErrors": []}
    stale = await made(world, "updateMeasure", "measure { version }", **change)
    assert (stale["userErrors"][0]["code"], stale["userErrors"][0]["path"]) == ("CONFLICT", ["input", "version"])
    text = {"language": "en", "subject": "Bike racks", "text": "There are bike racks now."}
    told = await made(
        world,
        "informCustomers",
        "next measure { id } informed { customer { id } } refused { customer { id } refusal { text } }",
        measure=id,
        texts=[text],
    )
    assert [one["customer"]["id"] for one in told["informed"]] == [ada]
    assert told["refused"] == [
        {"customer": {"id": cem}, "refusal": {"text": "No e-mail address of the customer is known."}}
    ]
    bad = await made(world, "informCustomers", "next", measure=id, texts=[{**text, "subject": ""}])
    assert bad["userErrors"][0]["path"] == ["input", "texts", "0", "subject"]

    def known(data: dict[str, Any]) -> bool:
        node = data["node"]
        return node["effect"] is not None and node["informed"]["edges"][0]["node"]["delivery"] is not None

    seen = (await world.until(_VIEW, known, id=id))["node"]
    assert (seen["effect"], seen["effectAwaits"], seen["dueOn"]) == ({"verdict": "INSUFFICIENT_DATA"}, None, None)
    assert [step["status"] for step in seen["history"]] == ["PROPOSED", "INTRODUCED"]
    assert seen["feedback"]["edges"][0]["node"]["status"] == "COMPLETED"
    assert seen["customersToInform"]["edges"] == []
    assert seen["refused"]["edges"][0]["node"]["refusal"]["code"] == "NO_ADDRESS"
    [informed] = seen["informed"]["edges"]
    assert informed["node"]["customer"] == {"displayName": "Ada"}
    assert informed["node"]["delivery"]["subject"] == "Bike racks"
    changes = (await world.data("{ changes { edges { node { name kind measure { id } } } } }"))["changes"]["edges"]
    assert [edge["node"] for edge in changes] == [{"name": "Bike racks", "kind": "SERVICE", "measure": {"id": id}}]

    other = await made(world, "createMeasure", "measure { id }", title="Lights", kind="PRODUCT", dueOn="2026-04-01")
    await made(world, "linkFeedback", "measure { id }", measure=other["measure"]["id"], feedback=[asked])
    listed = """{ measures(first: 9, orderBy: DUE_ASC) { edges { node { title
      feedback(first: 3) { edges { node { text } } } customersToInform(first: 3) { edges { cursor } }
      informed(first: 3) { edges { cursor } } } } }
      lit: measures(filter: { statuses: [PROPOSED], kinds: [PRODUCT], dueBefore: "2026-04-02" }) {
        edges { node { title } } }
    }"""
    data = await world.data(listed)
    assert [edge["node"]["title"] for edge in data["measures"]["edges"]] == ["Lights", "Bike racks"]
    assert [edge["node"]["title"] for edge in data["lit"]["edges"]] == ["Lights"]
    assert sorted(await world.calls(listed)) == [
        "feedback.BatchGetFeedback",
        "feedback.BatchListCustomersToInform",
        "feedback.BatchListInformed",
        "feedback.BatchListMeasureFeedback",
        "feedback.ListMeasures",
        "feedback.ListMeasures",
    ]
    change = {"id": other["measure"]["id"], "version": 2, "status": "COMPLETED"}
    await made(world, "updateMeasure", "measure { version }", **change)
    both = "{ changes { edges { node { name } } } }"
    await world.until(both, lambda data: len(data["changes"]["edges"]) == 2)
    aimless = (await world.data(_VIEW, id=other["measure"]["id"]))["node"]
    assert (aimless["effect"], aimless["effectAwaits"]["code"]) == (None, "NO_AIM")
    gone = await made(
        world,
        "unlinkFeedback",
        "measure { feedback { edges { cursor } } topics { key } }",
        measure=id,
        feedback=[asked],
        topics=["bikes"],
    )
    assert gone["measure"] == {"feedback": {"edges": []}, "topics": []}


async def test_what_customers_say_decides_what_is_offered_to_them(world: World) -> None:
    for key, words in (("charging", ("charging station",)), ("cargo", ("cargo bike",))):
        await topic(world, key, *words)
        said = {"key": key, "title": key.title(), "topics": [key], "purpose": "SERVICE", "channels": ["EMAIL"]}
        assert (await made(world, "defineOffer", "offer { id }", **said))["userErrors"] == []
    ada, ben = await person(world, "Ada", "ada@example.org"), await person(world, "Ben", "ben@example.org")
    await wish(world, ada, "I wish there were a charging station in front of the shop")
    await wish(world, ben, "I would like to rent a cargo bike on weekends")
    query = """query($id: ID!) { customer(id: $id) {
      recommendations(first: 2) { offer { key } reasons { code text parameters } } } }"""

    def named(data: dict[str, Any]) -> bool:
        found = data["customer"]["recommendations"]
        return bool(found) and "RECOMMENDATION_NEEDS_NAMED" in {one["code"] for one in found[0]["reasons"]}

    for customer, key in ((ada, "charging"), (ben, "cargo")):
        found = (await world.until(query, named, id=customer))["customer"]["recommendations"]
        assert [one["offer"]["key"] for one in found] == [key, "cargo" if key == "charging" else "charging"]
        reasons = [{one["code"]: one for one in of["reasons"]} for of in found]
        why = reasons[0]["RECOMMENDATION_NEEDS_NAMED"]
        assert (why["parameters"]["topics"], key in why["text"]) == (key, True)
        assert "RECOMMENDATION_NEEDS_NAMED" not in reasons[1]
