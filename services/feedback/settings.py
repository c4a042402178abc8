"""What the feedback process reads from its environment."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from chassis.errors import InvalidInput
from chassis.settings import ServiceSettings
from services.feedback.attaching import EVERYDAY_FILES, Files
from services.feedback.attachment.domain import Allowed
from services.feedback.mail.domain import Company
from services.feedback.mail.imap import Imap, Server
from services.feedback.mailing import Inbox


class FeedbackSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50052"
    database: str = "rundblick_feedback"
    customers_address: str = "127.0.0.1:50051"
    metrics_address: str = "127.0.0.1:50053"
    attachment_bytes: int = Field(20_000_000, ge=1, description="a larger file is refused")
    attachment_types: str = Field(
        " ".join(sorted(EVERYDAY_FILES.allowed.types)), description="which media types files may have"
    )
    scanner: str | None = Field(
        None, description="host:port of a clamd, without which no file is handed out; none: files are not scanned"
    )
    events_days: int = Field(7, ge=1, le=90, description="so long a subscription can go on from its cursor")

    mail_own: str = Field(
        "", description="the company's own addresses and domains: who writes an e-mail from one is an employee"
    )
    mail_touchpoint: str = Field("email", min_length=1, description="the key of the touchpoint where e-mails come in")
    imap_url: SecretStr | None = Field(
        None, description="imaps://user:password@host:port/INBOX, or imap:// for STARTTLS; none: no mailbox is read"
    )
    imap_seconds: float = Field(30.0, gt=0, le=3600, description="so often it is seen whether there is new mail")

    @model_validator(mode="after")
    def _mail_can_be_read(self) -> Self:
        if self.imap_url is not None and not self.mail_own.strip():
            raise ValueError("RUNDBLICK_IMAP_URL needs to know who is an employee: set RUNDBLICK_MAIL_OWN")
        try:
            self.inbox  # noqa: B018  # whether it can be made
        except ValueError as error:
            raise ValueError(f"RUNDBLICK_IMAP_URL: {error}") from None
        except InvalidInput as error:
            raise ValueError(f"RUNDBLICK_MAIL_OWN: {error.message}") from None
        return self

    @property
    def inbox(self) -> Inbox:
        """How e-mails come in."""
        mailbox = Imap(Server.of(self.imap_url.get_secret_value())) if self.imap_url is not None else None
        company = Company.of(self.mail_own.replace(",", " ").split())
        return Inbox(company, mailbox, self.mail_touchpoint, self.imap_seconds)

    @property
    def files(self) -> Files:
        types = frozenset(self.attachment_types.replace(",", " ").lower().split())
        return Files(Allowed(self.attachment_bytes, types), self.scanner)
