"""Recommendations over a real service: why they differ, how customers are reached, and who is told nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, interaction_pb2, touchpoint_pb2
from rundblick.customers.v1 import offer_pb2 as offers
from rundblick.customers.v1 import recommendation_pb2 as pb

from chassis.caller import Caller
from chassis.mongo import Database
from chassis.times import to_timestamp
from services.customers.recommendation.servicer import LARGEST_BATCH
from tests.callers import partner
from tests.customers.conftest import NOBODY
from tests.customers.offer.serving import Offering, offering
from tests.customers.touchpoint.test_servicer import creating

EVENING = datetime(2026, 1, 5, 19, 30, tzinfo=UTC)


async def asked(
    customers: Offering, *ids: str, caller: Caller | None = None, first: int = 3
) -> dict[str, list[pb.Recommendation]]:
    request = pb.BatchRecommendRequest(customer_ids=ids, first=first)
    answers = (await customers.call(request, caller)).answers
    return {id: list(one.value.recommendations) for id, one in answers.items() if one.HasField("value")}


def reasons(found: pb.Recommendation) -> dict[str, pb.RecommendationReason]:
    return {reason.code: reason for reason in found.reasons}


async def called(customers: Offering, customer: str, touchpoint: str, count: int) -> None:
    came: dict[str, Any] = {
        "customer_id": customer,
        "touchpoint_id": touchpoint,
        "direction": interaction_pb2.DIRECTION_INBOUND,
        "kind": interaction_pb2.INTERACTION_KIND_CALL,
    }
    contacts = [
        interaction_pb2.Interaction(occurred_at=to_timestamp(EVENING + timedelta(days=n)), **came) for n in range(count)
    ]
    await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=contacts))


async def test_customers_with_different_needs_get_different_offers_where_they_may_be_reached(
    database: Database,
) -> None:
    async with offering(database, zone="Europe/Berlin") as customers:
        at = {
            "emails": customer_pb2.StringList(values=["a@example.org"]),
            "phones": customer_pb2.StringList(values=["+49301234567"]),
        }
        ann, ben = await customers.customer("shop", "1", **at), await customers.customer("shop", "2", **at)
        quiet = await customers.define("quiet", topics=["noise"])
        fast = await customers.define("fast", topics=["speed"])
        loyal = await customers.define("loyal", eligibility="interactions.inbound > 100.0")
        task = await customers.define("visit", kind=offers.OFFER_KIND_NEXT_STEP, step=offers.OFFER_STEP_TASK)
        await customers.needs(ann.id, "noise")
        await customers.needs(ben.id, "speed")
        # Without consent nothing is left that needs a contact.
        assert {id: [one.offer_id for one in some] for id, some in (await asked(customers, ann.id)).items()} == {
            ann.id: [task.id]
        }

        for one in (ann, ben):
            await customers.consent(one.id, touchpoint_pb2.CHANNEL_EMAIL)
            await customers.consent(one.id, touchpoint_pb2.CHANNEL_PHONE)
        line = (await customers.call(creating("line", channel=touchpoint_pb2.CHANNEL_PHONE))).touchpoint.id
        await called(customers, ann.id, line, 6)
        found = await asked(customers, ann.id, ben.id, f"cus_{NOBODY}")
        assert set(found) == {ann.id, ben.id}
        assert [found[one.id][0].offer_id for one in (ann, ben)] == [quiet.id, fast.id]
        assert all(loyal.id != one.offer_id for some in found.values() for one in some)
        first = found[ann.id][0]
        why = reasons(first)
        assert (why["NEEDS_NAMED"].words["topics"], why["NEEDS_NAMED"].numbers["points"]) == ("noise", 0.25)
        assert why["PAST_ANSWERS"].numbers["rate"] == pytest.approx(0.1)
        assert first.score == pytest.approx(sum(one.numbers.get("points", 0.0) for one in first.reasons))
        # Ann calls, in the evening of Berlin; Ben never came.
        assert (first.channel, first.touchpoint_id) == (touchpoint_pb2.CHANNEL_PHONE, line)
        window = first.best_time
        assert (getattr(window, "from"), window.to, window.n, window.time_zone) == (19, 22, 6, "Europe/Berlin")
        assert (found[ben.id][0].channel, found[ben.id][0].HasField("best_time")) == (
            touchpoint_pb2.CHANNEL_EMAIL,
            False,
        )

        await customers.consent(ann.id, touchpoint_pb2.CHANNEL_PHONE, granted=False)
        [first, *_] = (await asked(customers, ann.id))[ann.id]
        assert (first.offer_id, first.channel) == (quiet.id, touchpoint_pb2.CHANNEL_EMAIL)
        await customers.outcome("quiet", ann.id, "DECLINED")
        assert quiet.id not in [one.offer_id for one in (await asked(customers, ann.id))[ann.id]]

        # What came of one offer is a fact that another can ask for.
        sorry = await customers.define("sorry", eligibility='"quiet" in offers.declined')
        found = await asked(customers, ann.id, ben.id, first=20)
        assert [sorry.id in [one.offer_id for one in found[one.id]] for one in (ann, ben)] == [True, False]

        merged = customer_pb2.MergeCustomersRequest(id=ann.id, duplicate_ids=[ben.id])
        await customers.call(merged)
        both = await asked(customers, ann.id, ben.id)
        assert both[ann.id] == both[ben.id]
        assert quiet.id not in [one.offer_id for one in both[ben.id]]

        # To a partner it would tell what others know, or that somebody exists; and who sees nobody is told of nobody.
        unknown = f"cus_{NOBODY}"
        assert (await asked(customers, ann.id, unknown, caller=partner("shop"))) == {ann.id: [], unknown: []}
        own = Caller("eve", frozenset({"customers:read:own"}), employee="emp_1")
        assert (await asked(customers, ann.id, caller=own)) == {}
        for wrong in (
            pb.BatchRecommendRequest(customer_ids=[ann.id], first=0),
            pb.BatchRecommendRequest(customer_ids=[ann.id], first=21),
            pb.BatchRecommendRequest(customer_ids=["x"] * (LARGEST_BATCH + 1), first=1),
        ):
            assert (await customers.refused(wrong))[0] is grpc.StatusCode.INVALID_ARGUMENT
