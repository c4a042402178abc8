"""How the rows of a file become records of one kind: a mapping in TOML, checked before the first row is read.

A value is a column of the file by its name, or {value = "..."} for all rows, or {column = "...", values = {...}} where
the file has words of its own. Names of fields are those of the record.
"""

from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(Strict):
    """Where a value comes from. values: what the words of the file mean; one that is not listed takes the default."""

    column: str | None = None
    value: str | None = None
    values: dict[str, str] | None = None
    default: str | None = None

    def model_post_init(self, _: Any) -> None:
        if (self.column is None) == (self.value is None):
            raise ValueError("names a column, or a value for all rows")


Source = str | Value
Decimal = Literal[".", ","]


class Moment(Strict):
    """A column with a time; a value with an offset of its own keeps it, others are read in `time_zone`."""

    column: str
    time_zone: str = "UTC"
    format: str | None = None  # strptime; absent: ISO 8601

    @field_validator("time_zone")
    @classmethod
    def known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError):
            raise ValueError(f"{value} is not an IANA time zone such as UTC or Europe/Berlin") from None
        return value


class AddressColumns(Strict):
    lines: list[Source] = []
    postal_code: Source | None = None
    city: Source | None = None
    region: Source | None = None
    country: Source | None = None


class RecordMapping(Strict):
    source: str = Field(min_length=1, max_length=100)
    null_values: list[str] = ["", "null", "NULL"]


class CustomerMapping(RecordMapping):
    external_id: Source
    kind: Source = Value(value="PERSON")
    display_name: Source | None = None
    given_name: Source | None = None
    family_name: Source | None = None
    organisation_name: Source | None = None
    locale: Source | None = None
    emails: list[Source] = []
    phones: list[Source] = []
    address: AddressColumns | None = None
    attributes: dict[str, Source] = {}


class TouchpointMapping(RecordMapping):
    source: str = "rundblick"
    key: Source
    name: Source
    channel: Source
    nature: Source = Value(value="DIGITAL")
    control: Source = Value(value="OWNED")
    active_from: Source | None = None
    active_to: Source | None = None


class InteractionMapping(RecordMapping):
    external_id: Source
    customer: Source | None = None  # its external id at the same source
    touchpoint: Source | None = None  # its key
    direction: Source
    kind: Source = Value(value="OTHER")
    occurred_at: Moment
    summary: Source | None = None
    code: Source | None = None
    purpose: Source | None = None


class SpendMapping(RecordMapping):
    external_id: Source
    campaign: Source | None = None  # its id or its name
    touchpoint: Source | None = None  # its key
    amount: Source
    currency: Source = Value(value="EUR")
    decimal: Decimal = "."
    day: Source
    note: Source | None = None


class OpportunityMapping(RecordMapping):
    external_id: Source
    customer: Source  # its external id at the same source
    title: Source
    stage: Source = Value(value="PROSPECTING")
    amount: Source | None = None
    currency: Source = Value(value="EUR")
    decimal: Decimal = "."
    probability: Source | None = None  # 0 to 1; blank: that of the stage
    closes_on: Source | None = None
    opened_at: Moment | None = None
    stage_since: Moment | None = None  # of what is closed: when it was
    loss_reason: Source | None = None
    campaign: Source | None = None  # its id or its name
    offer: Source | None = None  # its key


class ConsentMapping(RecordMapping):
    external_id: Source
    customer: Source  # its external id at the same source
    channel: Source
    purpose: Source
    status: Source  # GRANTED or REVOKED
    address: Source | None = None
    occurred_at: Moment
    expires_at: Moment | None = None
    wording_version: Source | None = None  # of a grant it is needed
    ip_address: Source | None = None
