"""A world in which every object says something that nothing else says, and the callers who look at it."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from chassis.caller import ALL_SCOPES, Caller
from gateway.rights import TABLE
from tests.callers import partner
from tests.feedback.attachment.test_domain import PNG
from tests.gateway.conftest import World
from tests.gateway.matrix import Said

_ROWS = ("customers:read", "opportunities:read", "enquiries:read", "feedback:read", "metrics:read")
_READ = frozenset(scope for scope in TABLE.scopes if scope.endswith(":read"))


def _limited(ending: str) -> frozenset[str]:
    return frozenset(scope + ending if scope in _ROWS else scope for scope in _READ | {"customers:personal"})


@dataclass
class Seeded:
    """What each object says, and how to ask for it."""

    said: dict[str, Said] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    employees: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)

    def callers(self) -> dict[str, Caller]:
        ann: dict[str, Any] = {"employee": self.employees["ann"], "team": self.teams["sales"]}
        return {
            "everything": Caller("a", frozenset({ALL_SCOPES})),
            "reader": Caller("b", _READ),
            "reader of addresses": Caller("c", _READ | {"customers:personal"}),
            "own": Caller("ann", _limited(":own"), **ann),
            "team": Caller("ann", _limited(":team"), **ann),
            "team without one": Caller("d", _limited(":team"), employee=self.employees["cleo"]),
            "figures": Caller("e", frozenset({"metrics:read"})),
            "service": Caller("f", frozenset({"enquiries:read"})),
            "names of employees": Caller("g", frozenset({"employees:read"})),
            "writer": Caller("h", frozenset({"customers:write", "enquiries:write", "interactions:write"})),
            "nothing": Caller("i", frozenset()),
            "shop": partner("shop"),
            "fair": partner("fair"),
            "unknown partner": partner("elsewhere"),
        }


class _Seeding:
    """Objects through the graph's own mutations, each with a marker in every field that takes one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self.seeded = Seeded()

    async def _made(self, name: str, selected: str, /, **input: Any) -> Any:
        type = name[0].upper() + name[1:]
        query = f"mutation($input: {type}Input!) {{ {name}(input: $input) {{ {selected} userErrors {{ message }} }} }}"
        payload = (await self._world.data(query, input=input))[name]
        assert payload["userErrors"] == [], payload
        return payload

    def marker(self) -> str:
        return f"Marker{next(self._numbers)}Ends"

    def _says(self, said: Said, *markers: str) -> None:
        self.seeded.ids[said.type].add(said.id)
        self.seeded.said |= dict.fromkeys(markers, said)

    async def attribute(self) -> None:
        await self._made("defineAttribute", "attribute { key }", key="remark", name="Remark", type="TEXT")

    async def source(self, key: str) -> None:
        name = self.marker()
        await self._made("defineSource", "source { key }", key=key, name=name, legalBasis="CONTRACT")
        self.seeded.said[name] = Said("Source", key, source=key)

    async def employee(self, name: str, team: str) -> None:
        marker = self.marker()
        made = await self._made("createEmployee", "employee { id team { id } }", displayName=marker, team=team)
        employee, team_id = made["employee"]["id"], made["employee"]["team"]["id"]
        self.seeded.employees[name], self.seeded.teams[team] = employee, team_id
        self._says(Said("Employee", employee), marker)
        self.seeded.ids["Team"].add(team_id)

    async def touchpoint(self, key: str) -> str:
        marker = self.marker()
        input = {"key": key, "name": marker, "channel": "WEB_FORM", "nature": "DIGITAL", "control": "OWNED"}
        id: str = (await self._made("createTouchpoint", "touchpoint { id }", **input))["touchpoint"]["id"]
        self._says(Said("Touchpoint", id), marker)
        return id

    async def customer(self, source: str, owner: str | None, team: str | None) -> tuple[str, str]:
        names, number = [self.marker() for _ in range(3)], next(self._numbers)
        city, phone, email = self.marker(), f"+4930555{number:04}", f"marker{number}ends@example.org"
        key = {"source": source, "id": f"c{number}"}
        remark = self.marker()
        made = await self._made(
            "createCustomer",
            "customer { id }",
            kind="PERSON",
            displayName=names[0],
            givenName=names[1],
            familyName=names[2],
            emails=[email],
            phones=[phone],
            addresses=[{"lines": ["Street 1"], "city": city}],
            attributes=[{"key": "remark", "value": remark}],
            externalId=key,
            owner=self.seeded.employees[owner] if owner else None,
        )
        id: str = made["customer"]["id"]
        said: dict[str, Any] = {
            "source": source,
            "owner": self.seeded.employees[owner] if owner else None,
            "team": self.seeded.teams[team] if team else None,
        }
        self._says(Said("Customer", id, **said), *names, remark)
        self._says(Said("Customer", id, **said, personal=True), city, phone, email)
        self.seeded.keys["customer|$externalId: ExternalIdInput!"].append({"externalId": key})
        self.seeded.keys["customers|$search: String!"].append({"search": names[0]})
        self.seeded.keys["customers|$filter: CustomerFilter!"].append({"filter": {"source": source}})
        summary = self.marker()
        fact = await self._made(
            "recordInteraction",
            "interaction { id }",
            customer=id,
            direction="INBOUND",
            kind="VISIT",
            occurredAt="2026-02-01T10:00:00Z",
            source=source,
            summary=summary,
            employee=self.seeded.employees["cleo"],
        )
        self._says(Said("Interaction", fact["interaction"]["id"], **said), summary)
        await self._consent(Said("Customer", id, **said), email, source)
        await self._delivery(Said("Customer", id, **said))
        await self._opportunity(Said("Opportunity", "", **said), id)
        return id, key["id"]

    async def _consent(self, said: Said, email: str, source: str) -> None:
        wording = self.marker()
        of_consent = {"channel": "EMAIL", "purpose": "MARKETING", "address": email, "wordingVersion": wording}
        await self._made("recordConsent", "consentRecord { id }", customer=said.id, source=source, **of_consent)
        self._says(said, wording)

    async def _opportunity(self, said: Said, customer: str) -> None:
        title, reason, external_id = self.marker(), self.marker(), self.marker()
        input = {"title": title, "stage": "CLOSED_LOST", "lossReason": reason, "externalId": external_id}
        given = {"customer": customer, "source": said.source, "owner": said.owner}
        made = await self._made("createOpportunity", "opportunity { id }", **input, **given)
        self._says(replace(said, id=made["opportunity"]["id"]), title, reason, external_id)

    async def _delivery(self, said: Said) -> None:
        """Nobody carries e-mail in this world, so it waits."""
        subject, text, external_id, address = *(self.marker() for _ in range(3)), f"marker{next(self._numbers)}ends"
        made = await self._made(
            "sendDelivery",
            "delivery { id }",
            customer=said.id,
            channel="EMAIL",
            address=f"{address}@example.org",
            subject=subject,
            text=text,
            html=text,
            source=said.source,
            externalId=external_id,
        )
        said = replace(said, type="Delivery", id=made["delivery"]["id"])
        self._says(said, subject, text, external_id)
        self._says(replace(said, personal=True), f"{address}@example.org")

    async def webhook(self) -> None:
        path = self.marker()
        url = f"https://hooks.company.example/{path}"
        made = await self._made("createWebhookEndpoint", "webhookEndpoint { id }", url=url, channels=["SMS"])
        self.seeded.said[path] = Said("WebhookEndpoint", made["webhookEndpoint"]["id"])

    async def duplicates(self) -> None:
        """Two customers with one address, of different owners: a pair for people to decide on, which has no words."""
        for owner, team in (("ann", "sales"), ("cleo", "service")):
            name = self.marker()
            made = await self._made(
                "createCustomer",
                "customer { id }",
                kind="PERSON",
                displayName=name,
                emails=["both@company.example"],
                owner=self.seeded.employees[owner],
            )
            said: dict[str, Any] = {"owner": self.seeded.employees[owner], "team": self.seeded.teams[team]}
            id = made["customer"]["id"]
            self._says(Said("Customer", id, source="rundblick", **said), name)
            # As many as the others have.
            visit = {"customer": id, "direction": "INBOUND", "kind": "VISIT", "occurredAt": "2026-02-01T10:00:00Z"}
            for _ in range(2):
                await self._made("recordInteraction", "interaction { id }", **visit)
        data = await self._world.data("{ duplicateCandidates { edges { node { id } } } }")
        self.seeded.ids["DuplicateCandidate"] |= {e["node"]["id"] for e in data["duplicateCandidates"]["edges"]}

    async def enquiry(self, source: str, external_id: str, assignee: str | None, team: str | None) -> None:
        subject, category, body = self.marker(), self.marker(), self.marker()
        files = [f"{self.marker()}.png" for _ in range(2)]
        public, internal = [await self._uploaded(name, source) for name in files]
        made = await self._made(
            "openEnquiry",
            "enquiry { id }",
            source=source,
            customer={"externalId": {"source": source, "id": external_id}},
            touchpoint="form",
            subject=subject,
            category=category,
            message={"body": body, "attachments": [public]},
        )
        id: str = made["enquiry"]["id"]
        owner = self.seeded.employees[assignee] if assignee else None
        if assignee or team:
            await self._made("assignEnquiry", "enquiry { id }", id=id, assignee=owner, team=team)
        said = Said("Enquiry", id, source=source, owner=owner, team=self.seeded.teams[team] if team else None)
        self._says(said, subject, category, body, files[0].removesuffix(".png"))
        note = self.marker()
        hush = {"authorKind": "EMPLOYEE", "visibility": "INTERNAL", "body": note, "attachments": [internal]}
        await self._made("addMessage", "message { id }", enquiry=id, **hush)
        self._says(replace(said, beside="enquiries:notes"), note, files[1].removesuffix(".png"))
        await self._feedback(said)

    async def _feedback(self, enquiry: Said) -> None:
        """Said within the enquiry, and so no contact of its own."""
        text, service, external_id, note = (self.marker() for _ in range(4))
        given = {"source": enquiry.source, "enquiry": enquiry.id, "externalId": external_id, "service": service}
        made = await self._made("submitFeedback", "feedback { id }", text=f"The {text} is broken.", **given)
        id: str = made["feedback"]["id"]
        await self._made("setFeedbackStatus", "feedback { id }", feedback=id, status="PLANNED", note=note)
        self._says(replace(enquiry, type="Feedback", id=id), text, service, external_id, note)

    async def topic(self) -> None:
        name, word = self.marker(), self.marker()
        words = [{"language": "en", "words": [word]}]
        made = await self._made("defineTopic", "topic { id }", key="seeded", name=name, words=words)
        self._says(Said("Topic", made["topic"]["id"]), name, word)

    async def _uploaded(self, name: str, source: str) -> str:
        parameters, headers = {"name": name, "source": source}, {"content-type": "image/png"}
        made = await self._world.client.post("/attachments", content=PNG, params=parameters, headers=headers)
        id: str = made.json()["id"]
        return id

    async def change(self, touchpoint: str) -> None:
        name, description = self.marker(), self.marker()
        made = await self._made(
            "recordChange",
            "change { id }",
            name=name,
            kind="TOOL",
            introducedAt="2026-02-01T10:00:00Z",
            description=description,
            touchpoints=[touchpoint],
        )
        self._says(Said("Change", made["change"]["id"], source="rundblick"), name, description)

    async def measure(self) -> None:
        """Not introduced: what is introduced is a change too, whose name is seen by who sees figures."""
        title, description = self.marker(), self.marker()
        said = {"title": title, "description": description, "kind": "PROCESS"}
        made = await self._made("createMeasure", "measure { id }", **said, feedback=sorted(self.seeded.ids["Feedback"]))
        self._says(Said("Measure", made["measure"]["id"]), title, description)

    async def campaign(self, touchpoint: str, segment: str) -> None:
        name, objective, note, target = self.marker(), self.marker(), self.marker(), self.marker()
        made = await self._made(
            "createCampaign",
            "campaign { id }",
            name=name,
            objective=objective,
            startsOn="2026-01-01",
            endsOn="2026-01-31",
            budget={"amount": "10", "currency": "EUR"},
            touchpoints=[touchpoint],
            targetSegments=[segment],
            owner=self.seeded.employees["ann"],
        )
        id: str = made["campaign"]["id"]
        spent = {"amount": {"amount": "5", "currency": "EUR"}, "day": "2026-01-02"}
        await self._made("recordSpend", "spend { id }", campaign=id, note=note, **spent)
        owner: dict[str, Any] = {"owner": self.seeded.employees["ann"], "team": self.seeded.teams["sales"]}
        self._says(Said("Campaign", id, source="rundblick", **owner), name, objective, note)
        url = f"https://company.example/{target}"
        made = await self._made("createTouchpointCode", "touchpointCode { code }", touchpoint=touchpoint, target=url)
        self.seeded.said[target] = Said("Touchpoint", touchpoint)
        self.seeded.keys["touchpointCode|$code: String!"].append({"code": made["touchpointCode"]["code"]})

    async def offer(self, customer: str, source: str) -> None:
        title, description, topic, entry = (self.marker() for _ in range(4))
        made = await self._made(
            "defineOffer",
            "offer { id }",
            key="care",
            title=title,
            description=description,
            topics=[topic],
            purpose="SERVICE",
        )
        self._says(Said("Offer", made["offer"]["id"], source="rundblick"), title, description, topic)
        of_customer = next(one for one in self.seeded.said.values() if one.id == customer and not one.personal)
        outcome = {"offer": "care", "customer": customer, "result": "SHOWN", "source": source, "externalId": entry}
        await self._made("recordOfferOutcome", "outcome { id }", **outcome)
        self._says(of_customer, entry)
        self.seeded.keys["offer|$key: String!"].append({"key": "care"})

    async def segment(self, customer: str) -> str:
        name, description, expectation, industry = (self.marker() for _ in range(4))
        made = await self._made(
            "defineSegment",
            "segment { id }",
            key="invited",
            name=name,
            description=description,
            expectations=[expectation],
            targetMarket={"industry": industry},
        )
        id: str = made["segment"]["id"]
        await self._made("addToSegment", "segment { id }", segment=id, customers=[customer])
        self._says(Said("Segment", id, source="rundblick"), name, description, expectation, industry)
        self.seeded.keys["segment|$key: String!"].append({"key": "invited"})
        return id

    async def survey(self) -> None:
        names = {name: self.marker() for name in ("question", "followUp", "lowestLabel", "highestLabel")}
        made = await self._made(
            "defineSurvey", "survey { id }", key="seeded", kind="NPS", texts=[{"language": "en", **names}]
        )
        self._says(Said("Survey", made["survey"]["id"], source="rundblick"), *names.values())

    async def kpi(self) -> None:
        name, description = self.marker(), self.marker()
        made = await self._made(
            "defineKpi",
            "kpi { id }",
            key="seeded",
            name=name,
            description=description,
            unit="1",
            direction="HIGHER_IS_BETTER",
            event="enquiry.opened",
            aggregation="COUNT",
            dimensionSets=[["source"]],
        )
        self._says(Said("Kpi", made["kpi"]["id"]), name, description)
        self.seeded.keys["kpi|$key: String!"].append({"key": "seeded"})


async def seeded_in(world: World) -> Seeded:
    seeding = _Seeding(world)
    for name, team in (("ann", "sales"), ("ben", "sales"), ("cleo", "service")):
        await seeding.employee(name, team)
    form = await seeding.touchpoint("form")
    await seeding.attribute()
    await seeding.source("shop")
    owned: tuple[tuple[str, str | None, str | None], ...] = (
        ("shop", "ann", "sales"),
        ("shop", "cleo", "service"),
        ("fair", "ben", "sales"),
        ("fair", None, None),
    )
    for source, owner, of in owned:
        customer, external_id = await seeding.customer(source, owner, of)
        await seeding.enquiry(source, external_id, owner, of)
    await seeding.offer(customer, source)
    await seeding.duplicates()
    await seeding.change(form)
    await seeding.measure()
    await seeding.campaign(form, await seeding.segment(customer))
    await seeding.survey()
    await seeding.topic()
    await seeding.kpi()
    await seeding.webhook()
    return seeding.seeded
