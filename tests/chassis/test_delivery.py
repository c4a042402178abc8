"""How fresh what is shown here is: as the slowest of those who tell, and as what came in and is not seen yet."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from rundblick.shared.v1 import delivery_pb2, delivery_pb2_grpc

from chassis.caller import Caller, service_caller
from chassis.channel import open_channel
from chassis.delivery import Deliveries, DeliveryServicer, Freshness, reporting
from chassis.mongo import Database
from chassis.outbox import Backlog
from chassis.server import running_server
from tests import tokens
from tests.callers import EVERYWHERE

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Here:
    """What happens here, minute by minute."""

    def __init__(self, database: Database) -> None:
        self.now = NOON
        self.unseen: datetime | None = None
        self.deliveries = Deliveries(database)
        self.freshness = Freshness(self.deliveries, lambda: self.now, self._oldest)

    async def _oldest(self) -> datetime | None:
        return self.unseen

    async def look(self, minutes: float, unseen: datetime | None = None) -> datetime | None:
        self.now, self.unseen = at(minutes), unseen
        await self.freshness.look()
        return self.freshness.until


async def test_without_producers_everything_is_seen_at_once(database: Database) -> None:
    here = Here(database)
    assert here.freshness.until is None
    assert await here.look(1) == at(1)


async def test_it_is_as_fresh_as_the_slowest_producer(database: Database) -> None:
    here = Here(database)
    await here.deliveries.note("service:feedback", at(3), at(3))
    await here.deliveries.note("service:customers", at(1), at(0))
    assert await here.look(5) == at(1)
    await here.deliveries.note("service:customers", at(4), at(0))
    assert await here.look(6) == at(3)
    await here.deliveries.note("service:customers", at(2), at(0))
    assert await here.look(6) == at(3), "an older report changes nothing"
    assert await here.deliveries.complete() == {"service:feedback": at(3), "service:customers": at(0)}


async def test_what_came_in_and_is_not_seen_yet_holds_it_back(database: Database) -> None:
    here = Here(database)
    await here.deliveries.note("service:feedback", at(0), at(0))
    assert await here.look(1) == at(0)
    # Recorded in minute one, it came in in minute two, and is not counted in minute three.
    await here.deliveries.note("service:feedback", at(2), at(2))
    assert await here.look(3, unseen=at(2)) == at(0)
    assert await here.look(4, unseen=at(2)) == at(0)
    assert await here.look(5) == at(2)


async def test_a_relay_reports_over_the_wire_in_its_services_name(database: Database) -> None:
    deliveries = Deliveries(database)

    def register(server: grpc.aio.Server) -> None:
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(deliveries), server)

    async with (
        running_server(
            "127.0.0.1:0", register, rights=EVERYWHERE, authenticator=tokens.authenticator(), grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", process="feedback") as channel,
    ):
        await reporting(channel)(Backlog(0, 1, at(5), at(2)))
        assert await deliveries.delivered() == at(5)
        assert await deliveries.complete() == {service_caller("feedback").subject: at(2)}
        token = tokens.token_for(Caller("somebody", frozenset({"customers:read"})))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await delivery_pb2_grpc.DeliveryServiceStub(channel).ReportDelivery(
                delivery_pb2.ReportDeliveryRequest(), timeout=5, metadata=(("authorization", f"Bearer {token}"),)
            )
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
