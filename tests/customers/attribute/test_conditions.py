"""Rules ask for what a company declared, from the moment it did; what a rule asks for is not taken away from it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from rundblick.customers.v1 import attribute_pb2 as pb
from rundblick.customers.v1 import customer_pb2, offer_pb2, segment_pb2, state_pb2

from chassis.caller import service_caller
from chassis.errors import Conflict, InvalidInput
from chassis.mongo import Database, Session, in_transaction
from services.customers.attribute.domain import Attribute, AttributeType
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.facts.language import Language
from tests.customers.segment.serving import Segments, segmenting

RULE = 'attributes.tier == "gold" && attributes.seats >= 10.0'
RULES = [
    state_pb2.StateRule(
        key="big", value="EVANGELIST", when="attributes.seats >= 100.0", en="Many seats.", de="Viele Plätze."
    ),
    state_pb2.StateRule(key="other", value="OTHER", when="true", en="Else.", de="Sonst."),
]


@pytest.fixture
async def segments(database: Database) -> AsyncIterator[Segments]:
    async with segmenting(database) as running:
        yield running


async def declare(segments: Segments, key: str, type: Any) -> None:
    await segments.call(pb.DefineAttributeRequest(key=key, name=key, type=type))


async def say(segments: Segments, customer: str, **said: Any) -> None:
    values = [
        customer_pb2.AttributeValue(key=key, value=json_format.ParseDict(value, struct_pb2.Value()))
        for key, value in said.items()
    ]
    fields = customer_pb2.CustomerFields(attributes=values)
    await segments.call(customer_pb2.UpdateCustomerRequest(id=customer, fields=fields))
    await segments.settled()


async def test_a_rule_asks_for_what_was_declared_a_moment_ago(segments: Segments) -> None:
    ada = await segments.customer()
    await segments.settled()
    said = segment_pb2.SegmentFields(key="big", name="Big", rule=f"true &&\n {RULE}")
    for dry_run in (True, False):
        fault = await segments.fault(segment_pb2.DefineSegmentRequest(fields=said, dry_run=dry_run))
        assert isinstance(fault, InvalidInput)
        assert (fault.path, "line 2, column 12: undefined field 'tier'" in fault.message) == (("rule",), True)
    await declare(segments, "tier", pb.ATTRIBUTE_TYPE_TEXT)
    await declare(segments, "seats", pb.ATTRIBUTE_TYPE_NUMBER)
    await declare(segments, "since", pb.ATTRIBUTE_TYPE_DATE)
    big = await segments.define("big", RULE)
    old = await segments.define("old", 'has(attributes.since) && attributes.since < timestamp("2020-01-01T00:00:00Z")')
    await segments.settled()
    assert await segments.segments(ada) == set()
    await say(segments, ada, tier="gold", seats=12, since="2019-12-31")
    assert await segments.segments(ada) == {big.id, old.id}
    await say(segments, ada, tier="silver", since="2020-01-01")
    assert await segments.segments(ada) == set()
    assert await segments.differences() == []

    # Of a day it must be asked whether it is there, as of every moment.
    unasked = segment_pb2.SegmentFields(key="x", name="X", rule="attributes.since < now")
    assert (
        "ask has(attributes.since)" in (await segments.fault(segment_pb2.DefineSegmentRequest(fields=unasked))).message
    )


async def test_an_attribute_that_rules_ask_for_stays(segments: Segments) -> None:
    await declare(segments, "tier", pb.ATTRIBUTE_TYPE_TEXT)
    await declare(segments, "seats", pb.ATTRIBUTE_TYPE_NUMBER)
    big = await segments.define("big", RULE)
    fields = offer_pb2.OfferFields(key="care", title="Care", eligibility="attributes.seats > 1.0")
    care = (await segments.call(offer_pb2.DefineOfferRequest(fields=fields))).offer
    stage = state_pb2.STATE_DIMENSION_LIFECYCLE_STAGE
    await segments.call(state_pb2.DefineStateRulesRequest(dimension=stage, rules=RULES))
    for key, uses in (
        ("seats", "the offer care, the rule big of LIFECYCLE_STAGE, the segment big"),
        ("tier", "the segment big"),
    ):
        fault = await segments.fault(pb.ArchiveAttributeRequest(key=key, version=1))
        assert isinstance(fault, Conflict)
        assert (fault.path, fault.message) == (("key",), f"{key} is asked for by {uses}")
    await segments.define("big", "attributes.seats > 1.0", big.version)
    assert (await segments.call(pb.ArchiveAttributeRequest(key="tier", version=1))).attribute.archived
    for request in (
        segment_pb2.DefineSegmentRequest(fields=segment_pb2.SegmentFields(key="again", name="A", rule=RULE)),
        offer_pb2.DefineOfferRequest(
            fields=offer_pb2.OfferFields(key="care", title="Care", eligibility=RULE), version=care.version
        ),
        state_pb2.DefineStateRulesRequest(
            dimension=stage, rules=[state_pb2.StateRule(key="x", value="LEAD", when=RULE, en="x", de="x"), RULES[1]]
        ),
    ):
        assert "undefined field 'tier'" in (await segments.fault(request)).message


async def test_of_a_rule_and_an_archive_at_once_one_sees_the_other(segments: Segments) -> None:
    attributes = MongoAttributeRepository(segments.database)
    language, caller = Language(attributes), service_caller("customers")
    await declare(segments, "tier", pb.ATTRIBUTE_TYPE_TEXT)
    archived = Attribute("tier", "tier", AttributeType.TEXT, archived=True, version=2)
    text = 'attributes.tier == "x"'
    attempts = 0

    async def define(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        (await language.conditions([text], session)).check(text, ("rule",))
        if attempts == 1:
            await in_transaction(segments.database, lambda other: attributes.save(caller, archived, other))
        (await language.rely_on([text], session)).check(text, ("rule",))

    with pytest.raises(InvalidInput, match="undefined field"):
        await in_transaction(segments.database, define)
    assert attempts == 2
