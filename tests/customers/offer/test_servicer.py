"""Offers and what came of them over gRPC: versions, pages both ways, facts kept once, and what partners see."""

from typing import Any

import grpc
from rundblick.customers.v1 import customer_pb2, touchpoint_pb2
from rundblick.customers.v1 import offer_pb2 as pb
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from chassis.times import to_timestamp, utc_now
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY
from tests.customers.offer.serving import offering
from tests.customers.touchpoint.test_servicer import creating


async def test_offers_are_defined_by_key_changed_from_a_version_and_found_by_index(
    database: Database, commands: Commands
) -> None:
    async with offering(database) as customers:
        rule = "interactions.purchases > 0.0"
        care = await customers.define(
            "care",
            eligibility=rule,
            value=money_pb2.Money(amount="12.50", currency="EUR"),
            valid_from="2026-01-01",
            cap=pb.OfferCap(most=1, days=7),
            topics=["noise"],
            stages=["LEAD"],
            channels=[touchpoint_pb2.CHANNEL_PHONE, touchpoint_pb2.CHANNEL_EMAIL],
        )
        fields = care.fields
        assert (care.version, care.active, fields.kind) == (1, True, pb.OFFER_KIND_OFFER)
        assert (fields.eligibility, list(fields.stages), fields.value.amount) == (rule, ["LEAD"], "12.50")

        def saying(version: int | None = None, **said: Any) -> pb.DefineOfferRequest:
            return pb.DefineOfferRequest(
                fields=pb.OfferFields(**{"key": "care", "title": "t", **said}), version=version
            )

        for request, code, path in (
            (saying(), grpc.StatusCode.ALREADY_EXISTS, ("key",)),
            (saying(2), grpc.StatusCode.ABORTED, ("version",)),
            (saying(1, key="none"), grpc.StatusCode.NOT_FOUND, ("key",)),
            (saying(1, eligibility="customer.kindly == ''"), grpc.StatusCode.INVALID_ARGUMENT, ("eligibility",)),
            (saying(1, eligibility="interactions.count"), grpc.StatusCode.INVALID_ARGUMENT, ("eligibility",)),
            (saying(1, valid_to="soon"), grpc.StatusCode.INVALID_ARGUMENT, ("valid_to",)),
        ):
            assert (await customers.refused(request))[0] is code
            assert (await customers.fault(request)).path == path
        wrong = await customers.fault(saying(1, eligibility="true &&\n  customer.kindly == ''"))
        assert "line 2, column 11" in wrong.message
        assert (await customers.call(pb.FindOfferRequest(key="care"))).offer == care
        changed = await customers.define("care", version=1, title="Care plan")
        assert (changed.id, changed.version, changed.fields.HasField("eligibility")) == (care.id, 2, False)
        gone = (await customers.call(pb.ArchiveOfferRequest(id=care.id, version=2))).offer
        assert (gone.active, gone.version) == (False, 3)
        assert (await customers.refused(pb.ArchiveOfferRequest(id=care.id, version=2)))[0] is grpc.StatusCode.ABORTED

        for key in ("a", "b", "d"):
            await customers.define(key)

        last = page_pb2.PageInfo()

        async def listed(caller: Caller | None = None, **said: Any) -> list[str]:
            with commands.recorded():
                page = (await customers.call(pb.ListOffersRequest(**said), caller)).page
            assert len(commands.found) == 1
            assert await commands.unindexed() == []
            nonlocal last
            last = page.page_info
            return [edge.node.fields.key for edge in page.edges]

        assert await listed(page=page_pb2.PageRequest(first=2)) == ["a", "b"]
        assert await listed(page=page_pb2.PageRequest(first=2, after=last.end_cursor)) == ["care", "d"]
        assert await listed(page=page_pb2.PageRequest(last=1, before=last.start_cursor)) == ["b"]
        assert await listed(active=True) == ["a", "b", "d"]
        assert (await customers.refused(pb.ListOffersRequest(), partner("shop")))[
            0
        ] is grpc.StatusCode.PERMISSION_DENIED


async def test_what_came_of_an_offer_is_kept_once_and_shown_to_whom_it_concerns(
    database: Database, commands: Commands
) -> None:
    async with offering(database) as customers:
        offer = await customers.define("care")
        one, two = await customers.customer("shop", "1"), await customers.customer("fair", "2")
        form = (await customers.call(creating())).touchpoint.id
        kept = await customers.outcome("care", one.id, "SHOWN", touchpoint_id=form, source="shop", external_id="m1")
        assert (kept.offer_id, kept.channel) == (offer.id, touchpoint_pb2.CHANNEL_WEB_FORM)
        again = await customers.outcome(offer.id, one.id, "SHOWN", touchpoint_id=form, source="shop", external_id="m1")
        assert again == kept
        await customers.outcome(
            "care", one.id, "CONVERTED", value=money_pb2.Money(amount="9.90", currency="EUR"), source="fair"
        )
        accepted = pb.RecordOfferOutcomeRequest(
            offer="care",
            customer_external_id=customer_pb2.ExternalId(source="fair", id="2"),
            result=pb.OFFER_RESULT_ACCEPTED,
            source="fair",
            idempotency_key="k",
        )
        assert (await customers.call(accepted)) == (await customers.call(accepted))
        assert [event.after.attributes["outcome"].text for event in await customers.events("offer.outcome")] == [
            "SHOWN",
            "CONVERTED",
            "ACCEPTED",
        ]
        # A partner knows nothing of the company's offers.
        assert (await customers.refused(accepted, partner("fair")))[0] is grpc.StatusCode.NOT_FOUND
        late = to_timestamp(utc_now().replace(year=2200))
        before = await database["offer_outcomes"].count_documents({})
        for said, code, path in (
            ({"offer": "none"}, grpc.StatusCode.NOT_FOUND, ("offer",)),
            ({"customer_id": f"cus_{NOBODY}"}, grpc.StatusCode.NOT_FOUND, ("customer_id",)),
            ({"touchpoint_id": f"tou_{NOBODY}"}, grpc.StatusCode.NOT_FOUND, ("touchpoint_id",)),
            ({"at": late}, grpc.StatusCode.INVALID_ARGUMENT, ("at",)),
            ({"result": 0}, grpc.StatusCode.INVALID_ARGUMENT, ("result",)),
            ({"external_id": "m1", "source": "shop"}, grpc.StatusCode.ALREADY_EXISTS, ("external_id",)),
        ):
            given: dict[str, Any] = {"offer": "care", "customer_id": one.id, "result": pb.OFFER_RESULT_DECLINED, **said}
            request = pb.RecordOfferOutcomeRequest(**given)
            assert (await customers.refused(request))[0] is code
            assert (await customers.fault(request)).path == path
        assert await database["offer_outcomes"].count_documents({}) == before

        info = page_pb2.PageInfo()

        async def shown(caller: Caller | None = None, **page: Any) -> dict[str, list[int]]:
            request = pb.BatchListOfferOutcomesRequest(
                customer_ids=[one.id, two.id, f"cus_{NOBODY}"],
                page=page_pb2.PageRequest(**page),
            )
            with commands.recorded():
                pages = (await customers.call(request, caller)).pages
            assert len(commands.found) <= 2
            assert await commands.unindexed() == []
            nonlocal info
            info = pages[one.id].page_info
            return {id: [edge.node.result for edge in pages[id].edges] for id in (one.id, two.id)}

        shown_to_all = {one.id: [pb.OFFER_RESULT_CONVERTED, pb.OFFER_RESULT_SHOWN], two.id: [pb.OFFER_RESULT_ACCEPTED]}
        assert await shown() == shown_to_all
        assert (await shown(first=1))[one.id] == [pb.OFFER_RESULT_CONVERTED]
        assert (await shown(first=1, after=info.end_cursor))[one.id] == [pb.OFFER_RESULT_SHOWN]
        assert (await shown(last=1, before=info.start_cursor))[one.id] == [pb.OFFER_RESULT_CONVERTED]
        assert await shown(partner("shop")) == {one.id: [pb.OFFER_RESULT_SHOWN], two.id: []}
        assert await shown(Caller("ann", frozenset({"customers:read:own"}), employee="emp_1")) == {
            one.id: [],
            two.id: [],
        }
