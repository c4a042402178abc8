"""What the metrics process reads from its environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class MetricsSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50053"
    database: str = "rundblick_metrics"
    backlog: int = Field(2_000_000, description="with more events than this not yet counted, no more are taken")
    event_days: int = Field(800, ge=1, description="how long raw events are kept; figures stay")
