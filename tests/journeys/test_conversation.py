"""A conversation through the graph: what is written at one service is seen in all of them."""

from typing import Any

from tests.journeys.conftest import Graph

OPEN = """
mutation($input: OpenEnquiryInput!) {
  openEnquiry(input: $input) {
    enquiry { id status customer { id displayName } touchpoint { key channel } waits { kind endedAt } }
    userErrors { code message path }
  }
}"""
ADD = """
mutation($input: AddMessageInput!) {
  addMessage(input: $input) {
    enquiry { id status firstRespondedAt waits { kind ended seconds flagged answeredBy { displayName } } }
    userErrors { code message path }
  }
}"""
VIEW = """
query($id: ID!) {
  customer(id: $id) {
    displayName
    interactions(first: 10) { edges { node {
      direction kind occurredAt touchpoint { key } subject { ... on Enquiry { id } }
    } } }
    enquiries(first: 10) { edges { node {
      id subject status messages(first: 10) { edges { node { authorKind body } } }
    } } }
    kpis(keys: ["first_response_time"]) {
      kpi { key } n value withinTarget { hit missed notYetDue } open { received open }
    }
  }
}"""


def created(graph: Graph, mutation: str, **input: Any) -> dict[str, Any]:
    data = graph.data(mutation, input=input)
    (payload,) = data.values()
    assert payload["userErrors"] == []
    result: dict[str, Any] = payload
    return result


def a_customer(graph: Graph, name: str) -> str:
    payload = created(
        graph,
        """mutation($input: CreateCustomerInput!) {
             createCustomer(input: $input) { customer { id } userErrors { code message path } } }""",
        kind="ORGANISATION",
        organisationName=name,
    )
    return str(payload["customer"]["id"])


def a_touchpoint(graph: Graph, key: str) -> str:
    payload = created(
        graph,
        """mutation($input: CreateTouchpointInput!) {
             createTouchpoint(input: $input) { touchpoint { id } userErrors { code message path } } }""",
        key=key,
        name=key.title(),
        channel="WEB_FORM",
        nature="DIGITAL",
        control="OWNED",
    )
    return str(payload["touchpoint"]["id"])


def test_an_answered_enquiry_is_in_the_journey_and_in_the_figures(graph: Graph) -> None:
    customer = a_customer(graph, "Answered Ltd")
    a_touchpoint(graph, "answered-form")
    opened = created(
        graph,
        OPEN,
        customer={"id": customer},
        touchpoint="answered-form",
        subject="Where is my order?",
        openedAt="2026-03-02T09:00:00Z",
        message={"body": "Where is my order?", "occurredAt": "2026-03-02T09:00:00Z"},
    )["enquiry"]
    assert opened["status"] == "NEW"
    assert opened["customer"] == {"id": customer, "displayName": "Answered Ltd"}
    assert [wait["kind"] for wait in opened["waits"]] == ["FIRST", "RESOLUTION"]

    answered = created(
        graph,
        ADD,
        enquiry=opened["id"],
        authorKind="EMPLOYEE",
        body="On its way.",
        occurredAt="2026-03-02T10:30:00Z",
    )["enquiry"]
    first = next(wait for wait in answered["waits"] if wait["kind"] == "FIRST")
    assert first["ended"] == "ANSWERED"
    assert first["seconds"] == 5400

    data = graph.until(
        VIEW,
        lambda data: len(data["customer"]["interactions"]["edges"]) == 2 and data["customer"]["kpis"][0]["n"] == 1,
        id=customer,
    )["customer"]
    assert [edge["node"]["direction"] for edge in data["interactions"]["edges"]] == ["OUTBOUND", "INBOUND"]
    assert all(edge["node"]["subject"] == {"id": opened["id"]} for edge in data["interactions"]["edges"])
    (kpi,) = data["kpis"]
    assert kpi["value"] is not None
    assert abs(kpi["value"] - 5400) <= 54
    assert kpi["withinTarget"] == {"hit": 1, "missed": 0, "notYetDue": 0}
    assert kpi["open"] == {"received": 1, "open": 0}


def test_the_same_idempotency_key_opens_one_enquiry(graph: Graph) -> None:
    customer = a_customer(graph, "Twice Ltd")
    a_touchpoint(graph, "twice-form")
    input = {
        "customer": {"id": customer},
        "touchpoint": "twice-form",
        "subject": "Sent twice",
        "message": {"body": "Hello"},
        "idempotencyKey": "twice-1",
    }
    first, second = created(graph, OPEN, **input), created(graph, OPEN, **input)
    assert first["enquiry"]["id"] == second["enquiry"]["id"]
    other = graph.data(OPEN, input={**input, "subject": "Something else"})["openEnquiry"]
    assert other["enquiry"] is None
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]


def test_an_unknown_touchpoint_is_named_and_nothing_is_opened(graph: Graph) -> None:
    customer = a_customer(graph, "Nowhere Ltd")
    payload = graph.data(OPEN, input={"customer": {"id": customer}, "touchpoint": "no-such-place", "subject": "Hello"})[
        "openEnquiry"
    ]
    assert payload["enquiry"] is None
    (error,) = payload["userErrors"]
    assert error["path"][-1] == "touchpoint"
    assert "no-such-place" in error["message"]
    view = graph.data(VIEW, id=customer)["customer"]
    assert view["enquiries"]["edges"] == []
