"""What systems post to the intake, and with which secrets they sign it."""

import tomllib
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from standardwebhooks import Webhook

Secrets = Mapping[str, Sequence[Webhook]]

Text = Field(min_length=1)


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Person(Said):
    """id: in the source. Whoever is not known yet is from now on."""

    id: str = Text
    name: str | None = None
    email: str | None = None
    phone: str | None = None


class Opened(Said):
    subject: str = Text
    message: str = Text
    touchpoint: str | None = None
    external_id: str | None = None
    customer: str | Person | None = None
    category: str | None = None
    service: str | None = None
    team: str | None = None
    opened_at: AwareDatetime | None = None


class Written(Said):
    enquiry: str = Text
    message: str = Text
    author: Literal["CUSTOMER", "EMPLOYEE", "BOT", "PARTNER", "SYSTEM"] = "CUSTOMER"
    touchpoint: str | None = None
    occurred_at: AwareDatetime | None = None


class Scored(Said):
    kind: Literal["NPS", "CSAT", "CES"]
    value: float


class Submitted(Said):
    text: str | None = Field(None, min_length=1)
    score: Scored | None = None
    kind: Literal["WISH", "PROBLEM", "EXPECTATION", "PRAISE", "COMPLAINT", "QUESTION", "RATING"] | None = None
    touchpoint: str | None = None
    external_id: str | None = None
    customer: str | Person | None = None
    enquiry: str | None = None
    solicited: bool = False
    received_at: AwareDatetime | None = None


class Kind(Enum):
    ENQUIRY_OPENED = "enquiry.opened"
    ENQUIRY_MESSAGE = "enquiry.message"
    FEEDBACK_SUBMITTED = "feedback.submitted"


class Envelope(BaseModel):
    """timestamp: when it happened, for the sender's own use; that of the signature counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Kind
    data: dict[str, Any]
    timestamp: AwareDatetime | None = None


class _Sources(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    class Source(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

        secrets: list[str] = Field(min_length=1, max_length=5)

    sources: dict[str, Source]


def load(file: Path) -> Secrets:
    """By source. ValueError: what is wrong with the file, without a secret."""
    try:
        read = _Sources.model_validate(tomllib.loads(file.read_text()))
        return {name: [Webhook(secret) for secret in source.secrets] for name, source in read.sources.items()}
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError:
        raise ValueError(f"{file} is no TOML") from None
    except ValidationError as error:
        raise ValueError(f"{file}: {', '.join('.'.join(map(str, one['loc'])) for one in error.errors())}") from None
    except Exception as error:  # noqa: BLE001  # whatever the library finds in a secret
        raise ValueError(f"{file}: a secret is none: {type(error).__name__}") from None
