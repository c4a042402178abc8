"""The service that segments are tested on."""

from collections.abc import AsyncIterator

import pytest

from chassis.mongo import Database
from tests.customers.conftest import Clock
from tests.customers.segment.serving import Segments, segmenting


@pytest.fixture
async def segments(database: Database, clock: Clock) -> AsyncIterator[Segments]:
    async with segmenting(database, clock) as running:
        yield running
