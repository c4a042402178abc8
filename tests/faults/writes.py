"""The writes that the clients of the load make: what each says, and where what it says is kept."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SOURCE = "load"
TOUCHPOINT = "load-form"
_AUTHORS = ("EMPLOYEE", "EMPLOYEE", "CUSTOMER", "BOT")
_DAY = "2026-03-05"

Input = dict[str, Any]


@dataclass
class Known:
    """What one client may write about. things: ids, by what they are. once: what it has still to write once."""

    seed: int
    touchpoint: str
    customers: Sequence[str]
    things: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    merged: list[tuple[str, str]] = field(default_factory=list)
    once: list[str] = field(default_factory=list)

    def any(self, rng: random.Random, what: str) -> str | None:
        return rng.choice(self.things[what]) if self.things[what] else None


Make = Callable[[random.Random, Known, str], Input | None]


@dataclass(frozen=True)
class Write:
    """answer: what the payload has, and by which field it is known. make: None, there is nothing yet to say it of.

    weight: how often. kept: (collection, field) with the mark of the write; None: it changes what another made.

    once: not again and again, but once by each client.
    """

    mutation: str
    answer: str
    make: Make
    weight: int = 0
    service: str = "customers"
    kept: tuple[str, str] | None = None
    once: bool = False
    by: str = "id"

    @property
    def query(self) -> str:
        name = self.mutation[0].upper() + self.mutation[1:]
        return (
            f"mutation($input: {name}Input!) {{ {self.mutation}(input: $input) "
            f"{{ {self.answer} {{ {self.by} }} userErrors {{ code message }} }} }}"
        )


def _key(mark: str) -> str:
    return "m" + mark.replace("-", "_")


def _of(what: str, said: Callable[[str, random.Random, str], Input]) -> Make:
    """Of one that is known."""

    def make(rng: random.Random, known: Known, mark: str) -> Input | None:
        id = known.any(rng, what)
        return None if id is None else said(id, rng, mark)

    return make


def _euros(rng: random.Random) -> Input:
    return {"amount": str(rng.randrange(1, 900)), "currency": "EUR"}


def _open(rng: random.Random, known: Known, mark: str) -> Input:
    number = rng.randrange(len(known.customers))
    return {
        "customer": {"externalId": {"source": SOURCE, "id": f"{known.seed}-{number}"}},
        "touchpoint": TOUCHPOINT,
        "subject": mark,
        "message": {"body": mark},
    }


def _resolve(rng: random.Random, known: Known, mark: str) -> Input | None:
    enquiries = known.things["enquiry"]
    return {"id": enquiries.pop(rng.randrange(len(enquiries)))} if enquiries else None


def _record(rng: random.Random, known: Known, mark: str) -> Input:
    return {
        "customer": rng.choice(known.customers),
        "direction": "INBOUND",
        "kind": "VISIT",
        "summary": mark,
        "occurredAt": "2026-01-01T00:00:00Z",
    }


def _merge(rng: random.Random, known: Known, mark: str) -> Input:
    survivor, duplicate = rng.sample(list(known.customers), 2)
    return {"id": survivor, "duplicates": [duplicate]}


def _split(rng: random.Random, known: Known, mark: str) -> Input | None:
    if not known.merged:
        return None
    survivor, duplicate = known.merged.pop(rng.randrange(len(known.merged)))
    return {"id": survivor, "formerCustomer": duplicate}


def _alike(rng: random.Random, known: Known, mark: str) -> Input:
    """Somebody new with the address of another: people are asked whether they are the same."""
    return {
        "kind": "PERSON",
        "displayName": f"Newcomer {mark}",
        "emails": [f"c{rng.randrange(len(known.customers))}@example.org"],
        "externalId": {"source": SOURCE, "id": mark},
    }


def _consent(rng: random.Random, known: Known, mark: str) -> Input:
    return {
        "customer": rng.choice(known.customers),
        "channel": "EMAIL",
        "purpose": "MARKETING",
        "wordingVersion": mark,
    }


def _campaign(rng: random.Random, known: Known, mark: str) -> Input:
    return {
        "name": mark,
        "objective": "?",
        # Whoever asks at the form is in touch with it.
        "startsOn": "2026-01-01",
        "endsOn": "2099-12-31",
        "status": "ACTIVE",
        "touchpoints": [known.touchpoint],
        "budget": _euros(rng),
    }


def _outcome(offer: str, rng: random.Random, known: Known, mark: str) -> Input:
    return {
        "offer": offer,
        "customer": rng.choice(known.customers),
        "result": rng.choice(("SHOWN", "ACCEPTED", "CONVERTED")),
        "externalId": mark,
    }


def _outcome_of_any(rng: random.Random, known: Known, mark: str) -> Input | None:
    offer = known.any(rng, "offer")
    return None if offer is None else _outcome(offer, rng, known, mark)


def _feedback(rng: random.Random, known: Known, mark: str) -> Input:
    return {"customer": {"id": rng.choice(known.customers)}, "touchpoint": TOUCHPOINT, "kind": "WISH", "text": mark}


def _answer(rng: random.Random, known: Known, mark: str) -> Input | None:
    survey = known.any(rng, "survey")
    if survey is None:
        return None
    customer = {"id": rng.choice(known.customers)}
    return {"survey": survey, "customer": customer, "score": rng.randrange(11), "source": SOURCE, "text": mark}


def _one_conversation(rng: random.Random, known: Known, mark: str) -> Input | None:
    enquiries = known.things["enquiry"]
    if len(enquiries) < 2:  # one into another
        return None
    into, duplicate = rng.sample(enquiries, 2)
    return {"into": into, "duplicates": [duplicate]}


def _hours(rng: random.Random, known: Known, mark: str) -> Input:
    return {
        "key": _key(mark),
        "name": mark,
        "timeZone": "Europe/Berlin",
        "hours": [{"weekday": day, "intervals": [{"begin": "08:00", "end": "18:00"}]} for day in range(1, 6)],
        "touchpoints": [TOUCHPOINT],
    }


def _promise(rng: random.Random, known: Known, mark: str) -> Input:
    targets = [{"kind": "FIRST", "seconds": 2}, {"kind": "RESOLUTION", "seconds": 3600, "business": True}]
    return {"key": _key(mark), "name": mark, "targets": targets}


WRITES: Mapping[str, Write] = {
    "enquiry": Write("openEnquiry", "enquiry", _open, 24, "feedback", ("enquiries", "subject")),
    "message": Write(
        "addMessage",
        "message",
        _of("enquiry", lambda id, rng, mark: {"enquiry": id, "authorKind": rng.choice(_AUTHORS), "body": mark}),
        24,
        "feedback",
        ("messages", "body"),
    ),
    "resolution": Write("resolveEnquiry", "enquiry", _resolve, 7, "feedback"),
    "interaction": Write("recordInteraction", "interaction", _record, 10, kept=("interactions", "summary")),
    "merge": Write("mergeCustomers", "customer", _merge, 4),
    "split": Write("splitCustomer", "customer", _split, 3),
    "newcomer": Write("createCustomer", "customer", _alike, 2, kept=("source_records", "external_id")),
    "decision": Write(
        "decideDuplicate",
        "duplicateCandidate",
        _of("candidate", lambda id, rng, mark: {"id": id, "decision": rng.choice(("MERGE", "DISMISS"))}),
        2,
    ),
    "consent": Write("recordConsent", "consentRecord", _consent, 3, kept=("consent_entries", "wording_version")),
    "campaign": Write("createCampaign", "campaign", _campaign, 1, kept=("campaigns", "name")),
    "spend": Write(
        "recordSpend",
        "spend",
        _of(
            "campaign",
            lambda id, rng, mark: {"campaign": id, "amount": _euros(rng), "day": _DAY, "note": mark},
        ),
        3,
        kept=("spend", "note"),
    ),
    "opportunity": Write(
        "createOpportunity",
        "opportunity",
        lambda rng, known, mark: {"customer": rng.choice(known.customers), "title": mark, "amount": _euros(rng)},
        3,
        kept=("opportunities", "title"),
    ),
    "move": Write(
        "moveOpportunity",
        "opportunity",
        _of("opportunity", lambda id, rng, mark: {"id": id, "version": 1, "stage": "CLOSED_WON"}),
        3,
    ),
    "outcome": Write("recordOfferOutcome", "outcome", _outcome_of_any, 3, kept=("offer_outcomes", "external_id")),
    "delivery": Write(
        "sendDelivery",
        "delivery",
        lambda rng, known, mark: {
            "customer": rng.choice(known.customers),
            "channel": "EMAIL",
            "subject": "News",
            "text": mark,
        },
        2,
        kept=("deliveries", "text"),
    ),
    "override": Write(
        "overrideState",
        "customer",
        lambda rng, known, mark: {
            "customer": rng.choice(known.customers),
            "lifecycleStage": rng.choice(("LEAD", "CUSTOMER")),
            "expiresAt": "2100-01-01T00:00:00Z",
            "reason": mark,
        },
        2,
    ),
    "feedback": Write("submitFeedback", "feedback", _feedback, 4, "feedback", ("feedback", "text")),
    "answer": Write("submitSurveyResponse", "feedback", _answer, 3, "feedback", ("feedback", "text")),
    "conversation": Write("mergeEnquiries", "enquiry", _one_conversation, 2, "feedback"),
    "measure": Write(
        "createMeasure",
        "measure",
        lambda rng, known, mark: {"kind": "SERVICE", "title": mark},
        1,
        "feedback",
        ("measures", "title"),
    ),
    "link": Write(
        "linkFeedback",
        "measure",
        lambda rng, known, mark: (
            {"measure": known.any(rng, "measure"), "feedback": [known.any(rng, "feedback")]}
            if known.things["measure"] and known.things["feedback"]
            else None
        ),
        2,
        "feedback",
    ),
    "survey": Write(
        "defineSurvey",
        "survey",
        lambda rng, known, mark: {
            "key": _key(mark),
            "kind": "NPS",
            "texts": [{"language": "en", "question": mark}],
        },
        service="feedback",
        once=True,
    ),
    "calendar": Write(
        "defineCalendar", "calendar", _hours, service="feedback", kept=("calendars", "name"), once=True, by="key"
    ),
    "promise": Write(
        "defineServiceLevel",
        "serviceLevel",
        _promise,
        service="feedback",
        kept=("policies", "name"),
        once=True,
        by="key",
    ),
    "segment": Write(
        "defineSegment",
        "segment",
        lambda rng, known, mark: {"key": _key(mark), "name": mark, "rule": "interactions.last_365_days > 0.0"},
        kept=("segments", "name"),
        once=True,
    ),
    "offer": Write(
        "defineOffer",
        "offer",
        lambda rng, known, mark: {"key": _key(mark), "title": mark},
        kept=("offers", "title"),
        once=True,
    ),
    "webhook": Write(
        "createWebhookEndpoint",
        "webhookEndpoint",
        lambda rng, known, mark: {"url": f"https://hooks.example.org/{mark}", "channels": ["MESSENGER"]},
        once=True,
    ),
    "attribute": Write(
        "defineAttribute",
        "attribute",
        lambda rng, known, mark: {"key": _key(mark), "name": mark, "type": "TEXT"},
        kept=("attributes", "name"),
        once=True,
        by="key",
    ),
    "source": Write(
        "defineSource",
        "source",
        lambda rng, known, mark: {"key": _key(mark), "name": mark, "legalBasis": "CONTRACT"},
        kept=("sources", "name"),
        once=True,
        by="key",
    ),
    "topic": Write(
        "defineTopic",
        "topic",
        lambda rng, known, mark: {"key": _key(mark), "name": mark, "words": [{"language": "en", "words": ["late"]}]},
        service="feedback",
        kept=("topics", "name"),
        once=True,
        by="key",
    ),
}
ONCE = tuple(name for name, write in WRITES.items() if write.once)
OFTEN = tuple(name for name, write in WRITES.items() if not write.once)
