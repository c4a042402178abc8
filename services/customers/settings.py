"""What the customers process reads from its environment."""

from datetime import timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.money import CURRENCIES
from chassis.settings import ServiceSettings
from services.customers.attribution.domain import Attribution, Rule
from services.customers.customer.domain.contacts import dials
from services.customers.delivering import Outside
from services.customers.delivery.smtp import Server, Smtp, mailbox
from services.customers.webhook.sealing import Sealing


class CustomersSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50051"
    database: str = "rundblick_customers"
    feedback_address: str = "127.0.0.1:50052"
    metrics_address: str = "127.0.0.1:50053"
    currency: str = Field("EUR", description="ISO 4217: in which campaigns are planned and spend is added up")
    region: str = Field("DE", description="ISO 3166-1 alpha-2: where phone numbers without a country code are dialled")
    sources: Literal["any", "registered"] = Field("any", description="which may bring customers in")
    attribution: Rule = Field(Rule.LAST_TOUCH, description="by which contacts enquiries are credited to campaigns")
    attribution_days: int = Field(30, ge=1, le=3650, description="contacts further back have no part in it")

    events_days: int = Field(7, ge=1, le=90, description="so long a subscription can go on from its cursor")

    sweep_hours: int = Field(24, ge=1, le=8760, description="after so long all customers are judged anew")

    holdout: float = Field(
        0.1, ge=0, le=0.9, description="share of customers left out of each offer, to see its effect"
    )

    reporting_zone: str = Field("UTC", description="IANA name of the zone in which the company's days begin")

    public_url: str | None = Field(None, description="how customers reach the gateway: links in messages lead there")
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:port, or smtps://; none: e-mail waits, or a webhook carries it"
    )
    mail_from: str | None = Field(None, description="as customers see it: Company <news@company.example>")
    reply_to: str | None = Field(None, description="where answers to e-mails go, if not to RUNDBLICK_MAIL_FROM")
    secret_key: SecretStr | None = Field(
        None, description="seals secrets of webhooks: 32 bytes in URL-safe base64; older keys after it, to open with"
    )
    delivery_days: int = Field(30, ge=1, le=3650, description="so long it is known what was written to customers")
    mail_language: Literal["de", "en"] = Field("en", description="of messages to customers who have no locale")

    @model_validator(mode="after")
    def _secrets_can_be_sealed(self) -> Self:
        try:
            Sealing(self._secret_keys)
        except ValueError:
            raise ValueError("RUNDBLICK_SECRET_KEY: each key is 32 bytes in URL-safe base64") from None
        return self

    @model_validator(mode="after")
    def _mail_can_be_sent(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("RUNDBLICK_SMTP_URL needs a sender: set RUNDBLICK_MAIL_FROM")
        for name, text in (("MAIL_FROM", self.mail_from), ("REPLY_TO", self.reply_to)):
            try:
                mailbox(text) if text is not None else None
            except ValueError as error:
                raise ValueError(f"RUNDBLICK_{name}: {error}") from None
        try:
            self.outside  # noqa: B018  # whether it can be made
        except ValueError as error:
            raise ValueError(f"RUNDBLICK_SMTP_URL: {error}") from None
        return self

    @property
    def outside(self) -> Outside:
        """How this company reaches its customers."""
        mail = None
        if self.smtp_url is not None and self.mail_from is not None:
            reply_to = mailbox(self.reply_to) if self.reply_to is not None else None
            mail = Smtp(Server.of(self.smtp_url.get_secret_value()), mailbox(self.mail_from), reply_to)
        production = self.env == "production"
        return Outside(
            mail,
            self.public_url,
            self.mail_language,
            production,
            Sealing(self._secret_keys, required=production),
            timedelta(days=self.delivery_days),
        )

    @property
    def _secret_keys(self) -> list[str]:
        return self.secret_key.get_secret_value().split() if self.secret_key is not None else []

    @field_validator("reporting_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name} is no time zone, such as Europe/Berlin") from None
        return name

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, code: str) -> str:
        if code not in CURRENCIES:
            raise ValueError(f"{code} is no currency of ISO 4217, such as EUR")
        return code

    @field_validator("region")
    @classmethod
    def _is_a_region(cls, code: str) -> str:
        if not dials(code):
            raise ValueError(f"{code} is no country of ISO 3166-1, such as DE")
        return code

    @field_validator("attribution", mode="before")
    @classmethod
    def _in_any_case(cls, rule: object) -> object:
        return rule.upper() if isinstance(rule, str) else rule

    @property
    def how_attributed(self) -> Attribution:
        return Attribution(self.attribution, self.attribution_days)
