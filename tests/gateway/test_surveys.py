"""Surveys as frontend teams meet them, and the page on which customers answer."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from gateway.app import Gateway
from gateway.settings import GatewaySettings
from tests import tokens
from tests.customers.conftest import Clock
from tests.databases import Databases
from tests.feedback.survey.conftest import Company, running_company
from tests.gateway.conftest import _listening

_WHOLE = """id key kind question scale { lowest highest } texts { language question followUp lowestLabel highestLabel }
  wordings { version texts { question } } reminders { most afterDays } daysOpen quietDays
  trigger { occasion share } active version"""


@dataclass
class House:
    """A company, and its gateway."""

    company: Company
    client: httpx.AsyncClient

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        response = await self.client.post("/graphql", json={"query": query, "variables": variables})
        body = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def made(self, name: str, selected: str, /, **input: Any) -> Any:
        type = name[0].upper() + name[1:]
        query = f"mutation($i: {type}Input!) {{ {name}(input: $i) {{ {selected} userErrors {{ code path }} }} }}"
        return (await self.data(query, i=input))[name]


@pytest.fixture
async def house(databases: Databases) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        company = await stack.enter_async_context(running_company(databases, Clock()))
        addresses: dict[str, Any] = {f"{name}_address": at for name, at in company.trio.addresses.items()}
        gateway = Gateway(GatewaySettings(**tokens.SETTINGS, **addresses))
        port = await stack.enter_async_context(_listening(gateway))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        yield House(company, client)


class Form(HTMLParser):
    """What somebody who fills in a page meets: its language, what is named how, and what it sends."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.language, self.texts, self.fields = "", list[str](), dict[str, list[str]]()
        self.labelled, self.chosen = set[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        if tag == "html":
            self.language = said["lang"] or ""
        if tag == "label" and said.get("for"):
            self.labelled.add(said["for"] or "")
        if tag in ("input", "textarea"):
            self.fields.setdefault(said["name"] or "", []).append(said.get("value") or "")
            if "checked" in said:
                self.chosen.append(said.get("value") or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


_TEXTS = [
    {"language": "en", "question": "Was <it> good?", "followUp": "Why?", "lowestLabel": "no", "highestLabel": "yes"},
    {"language": "de", "question": "War es gut?", "followUp": "Warum?"},
]


async def test_a_survey_from_its_definition_over_the_page_to_its_result(house: House) -> None:
    company = house.company
    made = await house.made(
        "defineSurvey",
        f"survey {{ {_WHOLE} }}",
        key="service",
        kind="CSAT",
        texts=_TEXTS,
        reminders={"most": 1, "afterDays": 3},
        trigger={"occasion": "RESOLVED", "share": 0.1},
    )
    survey = made["survey"]
    assert (survey["question"], survey["scale"]) == ("Was <it> good?", {"lowest": 1, "highest": 5})
    assert (survey["daysOpen"], survey["quietDays"], survey["version"]) == (30, 90, 1)
    wrong = await house.made(
        "defineSurvey", "survey { id }", key="other", kind="NPS", texts=[{**_TEXTS[0], "question": ""}]
    )
    assert wrong == {"survey": None, "userErrors": [{"code": "INVALID", "path": ["input", "texts", "0", "question"]}]}

    customer = await company.customer(1)
    unwilling = await company.customer(2, consents=False)
    invited = await house.made(
        "inviteToSurvey",
        "invitations { id customer { id displayName } state } notInvited { customer { id } reason permission }",
        survey=survey["id"],
        customers=[customer, unwilling],
    )
    [invitation] = invited["invitations"]
    assert invitation["customer"] == {"id": customer, "displayName": "Customer 1"}
    assert invited["notInvited"] == [{"customer": {"id": unwilling}, "reason": "NOT_ALLOWED", "permission": "REVOKED"}]
    await company.settle()
    path = f"/s/{company.token(0)}"
    nothing = await house.data(
        "query($id: ID!) { node(id: $id) { ... on Survey { result { n value } } } }", id=survey["id"]
    )
    assert nothing["node"]["result"] == {"n": 0, "value": None}

    page = await house.client.get(path, headers={"accept-language": "de-AT, en;q=0.5"})
    form = Form(page.text)
    assert (page.status_code, form.language) == (200, "de")
    assert {"War es gut?", "Warum?", "Absenden"} <= set(form.texts)
    assert form.fields == {"score": ["1", "2", "3", "4", "5"], "text": [""], "version": ["1"]}
    assert "text" in form.labelled
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert not {"Customer 1", "c1@", customer} & set(re.findall(r"[\w@ ]+", page.text)), "nothing personal is in it"
    english = (await house.client.get(path)).text
    assert {"1 – no", "5 – yes"} <= set(Form(english).texts)
    assert "<legend>Was &lt;it&gt; good?</legend>" in english, "no text is taken for a tag"
    assert (await house.client.head(path)).status_code == 200

    missing = await house.client.post(path, data={"text": "<b>Quick</b>"})
    assert missing.status_code == 400
    assert 'role="alert"' in missing.text
    assert "&lt;b&gt;Quick&lt;/b&gt;</textarea>" in missing.text, "what was written is kept"
    for said in ({"score": "9"}, {"score": "-1"}, {"score": "4", "version": "7"}, {"score": "٣"}):
        assert (await house.client.post(path, data=said)).status_code == 400, said
    assert (await house.client.post(path, content=b"score=4&other=" + b"x" * 60_000)).status_code == 400
    assert await company.feedback(customer) == [], "nothing of that was an answer"

    done = await house.client.post(path, data={"score": "4", "text": "Quick", "version": "1"})
    assert (done.status_code, Form(done.text).texts[-1]) == (200, "Thank you for your answer.")
    again = await house.client.post(path, data={"score": "1"}, headers={"accept-language": "de"})
    assert (again.status_code, Form(again.text).texts[-1]) == (200, "Sie haben schon geantwortet. Vielen Dank!")
    assert (await house.client.get("/s/unknown")).status_code == 404
    await company.settle()
    [said_then] = await company.feedback(customer)
    assert (said_then.score.value, said_then.text) == (4, "Quick")

    query = """query($id: ID!) { node(id: $id) { ... on Survey {
      result { kpi { key } n value } responseRate { n value interval { lower upper } }
      invitations(first: 5) { edges { node { state answeredAt customer { id } feedback { score { value } } } } } } }
      surveys(active: true) { id } }"""
    found = await house.data(query, id=survey["id"])
    assert found["node"]["result"] == {"kpi": {"key": "csat"}, "n": 1, "value": 1}
    assert (found["node"]["responseRate"]["n"], found["node"]["responseRate"]["value"]) == (1, 1)
    [edge] = found["node"]["invitations"]["edges"]
    assert (edge["node"]["state"], edge["node"]["feedback"]) == ("ANSWERED", {"score": {"value": 4}})
    assert found["surveys"] == [{"id": survey["id"]}]
    ago = {"start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z"}
    empty = """query($id: ID!, $p: PeriodInput!) { node(id: $id) { ... on Survey {
      result(period: $p) { kpi { key } n value } } } }"""
    result = (await house.data(empty, id=survey["id"], p=ago))["node"]["result"]
    assert result == {"kpi": {"key": "csat"}, "n": 0, "value": None}


async def test_apps_answer_and_the_page_of_a_survey_that_is_over_says_so(house: House) -> None:
    company = house.company
    survey = (await house.made("defineSurvey", "survey { id }", key="s", kind="NPS", texts=_TEXTS))["survey"]["id"]
    people = [await company.customer(number) for number in range(2)]
    await house.made("inviteToSurvey", "invitations { id }", survey=survey, customers=people)
    await company.settle()
    by_token = await house.made("submitSurveyResponse", "feedback { id }", token=company.token(0), score=10)
    outside = {"externalId": {"source": "shop", "id": "c1"}}
    by_customer = await house.made(
        "submitSurveyResponse",
        "feedback { survey { id } score { kind value } }",
        survey=survey,
        customer=outside,
        score=0,
    )
    assert by_token == {"feedback": None, "userErrors": []}
    assert by_customer["feedback"] == {"survey": {"id": survey}, "score": {"kind": "NPS", "value": 0}}
    off = await house.made("submitSurveyResponse", "", survey=survey, customer={"id": people[0]}, score=11)
    assert off == {"userErrors": [{"code": "INVALID", "path": ["input", "score"]}]}
    gone = await house.made("submitSurveyResponse", "", survey="srv_0", customer={"id": people[0]}, score=1)
    assert gone == {"userErrors": [{"code": "NOT_FOUND", "path": ["input", "survey"]}]}
    await company.settle()
    query = "query($id: ID!) { node(id: $id) { ... on Survey { result { kpi { key } n value } } } }"
    result = (await house.data(query, id=survey))["node"]["result"]
    assert result == {"kpi": {"key": "nps"}, "n": 2, "value": 0}

    other = await company.customer(5)
    await house.made("inviteToSurvey", "invitations { id }", survey=survey, customers=[other])
    await company.settle()
    archived = await house.made("archiveSurvey", "survey { active }", id=survey, version=1)
    assert archived["survey"] == {"active": False}
    path = f"/s/{company.token(2)}"
    assert (await house.client.get(path)).status_code == 410
    assert (await house.client.post(path, data={"score": "3"})).status_code == 410
    many = [(await house.client.get(path)).status_code for _ in range(60)]
    assert many[-1] == 429, "a flood from one address is turned away"
