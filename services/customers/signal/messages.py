"""Signals as messages, and back."""

from typing import Any

from rundblick.customers.v1 import signal_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import from_timestamp
from services.customers.signal.domain import Signal, SignalKind


def from_proto(message: pb.Signal) -> Signal:
    """InvalidInput: it says nothing, or what nobody knows."""
    kind = message.WhichOneof("said")
    if kind is None:
        raise InvalidInput("a signal speaks of an enquiry, a score or a need", ("said",))
    said: dict[str, Any] = {}
    if kind == "enquiry":
        said["open"] = message.enquiry.open
    elif kind == "score":
        said |= {"survey": _word(pb.SurveyKind, message.score.survey, kind), "value": message.score.value}
    else:
        said |= {"need": _word(pb.NeedKind, message.need.kind, kind), "open": message.need.open}
        said["topics"] = tuple(sorted(set(message.need.topics)))
    return Signal(
        id=message.id,
        kind=SignalKind[kind.upper()],
        at=from_timestamp(message.at, ("at",)),
        source=message.source,
        version=message.version,
        customer=message.customer_id or None,
        source_record=message.source_record_id or None,
        **said,
    )


def _word(enum: Any, number: int, field: str) -> str:
    if number == 0 or number not in enum.values():
        raise InvalidInput("the kind is not known", (field, "kind"))
    return str(enum.Name(number)).split("_", 2)[2]
