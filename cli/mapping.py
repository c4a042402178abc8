"""How the rows of a file become enquiries: a mapping in TOML, checked before the first row is read."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from rundblick.customers.v1 import customer_pb2, reference_pb2, touchpoint_pb2
from rundblick.feedback.v1 import enquiry_pb2

Row = Mapping[str, Any]


class MappingError(Exception):
    """What is wrong with the mapping, and where, in one line."""


class RowError(Exception):
    """Why a row cannot be taken; `column` as the file names it."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeColumn(_Strict):
    """A column with a time; a value with an offset of its own keeps it, others are read in `time_zone`."""

    column: str
    time_zone: str
    format: str | None = None  # strptime; absent: ISO 8601

    @field_validator("time_zone")
    @classmethod
    def known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value} is not an IANA time zone such as UTC or Europe/Berlin") from None
        return value


class CustomerColumn(_Strict):
    """Which column names the customer; blank: an enquiry without a customer."""

    column: str
    kind: str = "PERSON"
    display_name: str | None = None  # a column; absent: the external id itself

    @field_validator("kind")
    @classmethod
    def known(cls, value: str) -> str:
        return _enum_name(customer_pb2.CustomerKind, "CUSTOMER_KIND", value)


class TouchpointValue(_Strict):
    key: str
    name: str
    channel: str
    nature: str = "DIGITAL"
    control: str = "OWNED"

    @field_validator("channel")
    @classmethod
    def known_channel(cls, value: str) -> str:
        return _enum_name(touchpoint_pb2.Channel, "CHANNEL", value)

    @field_validator("nature")
    @classmethod
    def known_nature(cls, value: str) -> str:
        return _enum_name(touchpoint_pb2.TouchpointNature, "TOUCHPOINT_NATURE", value)

    @field_validator("control")
    @classmethod
    def known_control(cls, value: str) -> str:
        return _enum_name(touchpoint_pb2.TouchpointControl, "TOUCHPOINT_CONTROL", value)


class TouchpointColumn(_Strict):
    """The values of a column and the touchpoints they mean; one not listed is rejected unless there is a default."""

    column: str
    values: dict[str, TouchpointValue]
    default: TouchpointValue | None = None


class EnquiryMapping(_Strict):
    """The whole mapping. Names of fields are those of the enquiry; values name columns."""

    source: str = Field(min_length=1, max_length=100)
    external_id: str
    opened_at: TimeColumn
    closed_at: TimeColumn | None = None
    subject: str
    customer: CustomerColumn | None = None
    touchpoint: TouchpointColumn
    team: str | None = None
    category: str | None = None
    service: str | None = None
    request_text: str | None = None  # a column; absent: the subject
    answer_text: str | None = None
    null_values: list[str] = ["", "null", "NULL"]


def _enum_name(enum: Any, prefix: str, value: str) -> str:
    allowed = [name.removeprefix(f"{prefix}_") for name in enum.keys()][1:]  # noqa: SIM118  # a proto enum is no dict
    if value not in allowed:
        raise ValueError(f"{value} is none of {', '.join(allowed)}")
    return value


M = TypeVar("M", bound=BaseModel)


def read(model: type[M], file: Path) -> M:
    """MappingError: all that is wrong, and where."""
    try:
        return model.model_validate(tomllib.loads(file.read_text()))
    except OSError as error:
        raise MappingError(f"{file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{file}: {error}") from None
    except ValidationError as error:
        said = (
            f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )
        raise MappingError(f"{file}: {'; '.join(said)}") from None


def read_mapping(file: Path) -> EnquiryMapping:
    return read(EnquiryMapping, file)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A row as an enquiry, with what it refers to."""

    enquiry: enquiry_pb2.ImportedEnquiry
    customer: reference_pb2.CustomerReference | None
    touchpoint: reference_pb2.TouchpointReference
    team: reference_pb2.TeamReference | None


class RowMapper:
    """Turns rows into enquiries; everything that does not depend on the row is done once."""

    def __init__(self, mapping: EnquiryMapping) -> None:
        self._mapping = mapping
        self._nulls = frozenset(mapping.null_values)
        self._touchpoints = {raw: _touchpoint(value) for raw, value in mapping.touchpoint.values.items()}
        self._default = _touchpoint(mapping.touchpoint.default) if mapping.touchpoint.default else None
        self._kind = (
            customer_pb2.CustomerKind.Value(f"CUSTOMER_KIND_{mapping.customer.kind}")
            if mapping.customer
            else customer_pb2.CUSTOMER_KIND_UNSPECIFIED
        )
        self._teams: dict[str, reference_pb2.TeamReference] = {}
        self._zones = {
            column.column: UTC if column.time_zone == "UTC" else ZoneInfo(column.time_zone)
            for column in (mapping.opened_at, mapping.closed_at)
            if column
        }

    def columns(self) -> Sequence[str]:
        """The columns a file must have."""
        mapping = self._mapping
        optional = (mapping.team, mapping.category, mapping.service, mapping.request_text, mapping.answer_text)
        nested = (mapping.opened_at, mapping.closed_at, mapping.customer, mapping.touchpoint)
        names = [mapping.external_id, mapping.subject, *(name for name in optional if name)]
        return [*names, *(part.column for part in nested if part)]

    def __call__(self, line: int, row: Row) -> MappedRow:
        """RowError: the column and why."""
        mapping = self._mapping
        external_id = self._required(row, mapping.external_id)
        opened_at = self._time(row, mapping.opened_at)
        if opened_at is None:
            raise RowError(mapping.opened_at.column, "is blank")
        closed_at = self._time(row, mapping.closed_at) if mapping.closed_at else None
        subject = self._text(row, mapping.subject) or external_id
        enquiry = enquiry_pb2.ImportedEnquiry(line=line, external_id=external_id, subject=subject)
        enquiry.opened_at.FromDatetime(opened_at)
        if mapping.category and (category := self._text(row, mapping.category)):
            enquiry.category = category
        if mapping.service and (service := self._text(row, mapping.service)):
            enquiry.service = service
        request = enquiry.messages.add(
            external_id="request",
            author_kind=enquiry_pb2.AUTHOR_KIND_CUSTOMER,
            visibility=enquiry_pb2.VISIBILITY_PUBLIC,
            body=(mapping.request_text and self._text(row, mapping.request_text)) or subject,
        )
        request.occurred_at.CopyFrom(enquiry.opened_at)
        if closed_at is not None:
            enquiry.resolved_at.FromDatetime(closed_at)
            answer = enquiry.messages.add(
                external_id="answer",
                author_kind=enquiry_pb2.AUTHOR_KIND_EMPLOYEE,
                visibility=enquiry_pb2.VISIBILITY_PUBLIC,
                body=(mapping.answer_text and self._text(row, mapping.answer_text)) or "",
                in_reply_to="request",
            )
            answer.occurred_at.CopyFrom(enquiry.resolved_at)
        touchpoint = self._touchpoint(row)
        enquiry.touchpoint_key = touchpoint.key
        team = self._team(row)
        if team:
            enquiry.team_key = team.key
        customer = self._customer(row)
        if customer:
            enquiry.customer_external_id = customer.external_id
        return MappedRow(enquiry, customer, touchpoint, team)

    def _text(self, row: Row, column: str) -> str | None:
        value = row.get(column)
        text = "" if value is None else str(value).strip()
        return None if text in self._nulls else text

    def _required(self, row: Row, column: str) -> str:
        text = self._text(row, column)
        if text is None:
            raise RowError(column, "is blank")
        return text

    def _time(self, row: Row, column: TimeColumn) -> datetime | None:
        text = self._text(row, column.column)
        if text is None:
            return None
        try:
            at = datetime.strptime(text, column.format) if column.format else datetime.fromisoformat(text)  # noqa: DTZ007  # the zone follows
        except ValueError:
            raise RowError(column.column, f"{text!r} is not a time") from None
        return (at.replace(tzinfo=self._zones[column.column]) if at.tzinfo is None else at).astimezone(UTC)

    def _touchpoint(self, row: Row) -> reference_pb2.TouchpointReference:
        column = self._mapping.touchpoint.column
        text = self._text(row, column)
        found = self._touchpoints.get(text) if text is not None else None
        if found is None:
            found = self._default
        if found is None:
            raise RowError(column, "is blank" if text is None else f"{text!r} is no touchpoint of the mapping")
        return found

    def _team(self, row: Row) -> reference_pb2.TeamReference | None:
        name = self._text(row, self._mapping.team) if self._mapping.team else None
        if name is None:
            return None
        if name not in self._teams:
            self._teams[name] = reference_pb2.TeamReference(key=slug(name) or name, create_name=name)
        return self._teams[name]

    def _customer(self, row: Row) -> reference_pb2.CustomerReference | None:
        column = self._mapping.customer
        external_id = self._text(row, column.column) if column else None
        if column is None or external_id is None:
            return None
        name = (self._text(row, column.display_name) if column.display_name else None) or external_id
        fields = customer_pb2.CustomerFields(display_name=name)
        return reference_pb2.CustomerReference(external_id=external_id, fields=fields, kind=self._kind)


def _touchpoint(value: TouchpointValue) -> reference_pb2.TouchpointReference:
    return reference_pb2.TouchpointReference(
        key=value.key,
        create=reference_pb2.NewTouchpoint(
            name=value.name,
            channel=touchpoint_pb2.Channel.Value(f"CHANNEL_{value.channel}"),
            nature=touchpoint_pb2.TouchpointNature.Value(f"TOUCHPOINT_NATURE_{value.nature}"),
            control=touchpoint_pb2.TouchpointControl.Value(f"TOUCHPOINT_CONTROL_{value.control}"),
        ),
    )
