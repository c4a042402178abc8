"""Moments as the wire, the database and the domain agree on them: UTC, to the millisecond."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidInput

# 0001-01-01 and 9999-12-31 are what proto timestamps allow; MongoDB dates and Python agree on them.
_EARLIEST, _LATEST = -62135596800, 253402300799


def utc_now() -> datetime:
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(at: datetime) -> datetime:
    """The moment as MongoDB will keep it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def to_timestamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


def from_timestamp(timestamp: Timestamp, path: tuple[str, ...] = ()) -> datetime:
    """The moment in UTC; InvalidInput when it is outside the calendar."""
    if not _EARLIEST <= timestamp.seconds <= _LATEST or not 0 <= timestamp.nanos < 1_000_000_000:
        raise InvalidInput("the time is outside the years 1 to 9999", path)
    return to_milliseconds(datetime.fromtimestamp(timestamp.seconds, UTC).replace(microsecond=timestamp.nanos // 1000))
