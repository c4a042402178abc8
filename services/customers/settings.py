"""What the customers process reads from its environment."""

from pydantic import Field, field_validator

from chassis.settings import ServiceSettings
from services.customers.attribution.domain import Attribution, Rule
from services.customers.money import CURRENCIES


class CustomersSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50051"
    database: str = "rundblick_customers"
    feedback_address: str = "127.0.0.1:50052"
    metrics_address: str = "127.0.0.1:50053"
    currency: str = Field("EUR", description="ISO 4217: in which campaigns are planned and spend is added up")
    attribution: Rule = Field(Rule.LAST_TOUCH, description="by which contacts enquiries are credited to campaigns")
    attribution_days: int = Field(30, ge=1, le=3650, description="contacts further back have no part in it")

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, code: str) -> str:
        if code not in CURRENCIES:
            raise ValueError(f"{code} is no currency of ISO 4217, such as EUR")
        return code

    @field_validator("attribution", mode="before")
    @classmethod
    def _in_any_case(cls, rule: object) -> object:
        return rule.upper() if isinstance(rule, str) else rule

    @property
    def how_attributed(self) -> Attribution:
        return Attribution(self.attribution, self.attribution_days)
