"""Moments are the same on the wire, in the database and in Python."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_milliseconds, to_timestamp, utc_now

moments = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is the next argument


@given(moments)
def test_a_moment_survives_the_wire_to_the_millisecond(at: datetime) -> None:
    timestamp = to_timestamp(at)
    assert timestamp is not None
    assert from_timestamp(timestamp) == to_milliseconds(at)


def test_now_has_no_more_than_the_database_keeps() -> None:
    assert utc_now().microsecond % 1000 == 0
    assert utc_now().tzinfo is UTC


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    at = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    timestamp = to_timestamp(at)
    assert timestamp is not None
    assert from_timestamp(timestamp) == datetime(2026, 7, 1, 8, tzinfo=UTC)


def test_no_moment_stays_none() -> None:
    assert to_timestamp(None) is None


@pytest.mark.parametrize(
    "timestamp",
    [Timestamp(seconds=253402300800), Timestamp(seconds=-62135596801), Timestamp(nanos=-1), Timestamp(nanos=10**9)],
)
def test_a_moment_outside_the_calendar_is_refused_with_its_field(timestamp: Timestamp) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_timestamp(timestamp, ("sent_at",))
    assert refused.value.path == ("sent_at",)
