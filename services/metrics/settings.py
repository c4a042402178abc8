"""What the metrics process reads from its environment."""

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from chassis.settings import ServiceSettings


class MetricsSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50053"
    database: str = "rundblick_metrics"
    customers_address: str = "127.0.0.1:50051"
    backlog: int = Field(2_000_000, description="with more events than this not yet counted, no more are taken")
    reporting_zone: str = Field(
        "UTC", description="IANA name of the zone in which days begin; fixed once figures are kept"
    )
    alert_lag: int = Field(0, ge=0, description="how many days after it a day is judged for alerts, at least")
    employee_minimum: int = Field(
        5, ge=2, description="of an employee with fewer observations in a month others see nothing of that month"
    )
    event_days: int = Field(800, ge=1, description="how long raw events are kept; figures stay")

    @field_validator("reporting_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name} is no time zone, such as Europe/Berlin") from None
        return name
