"""The metrics process: settings -> database -> servicers and folder -> serve."""

import uvloop

from chassis.caller import Authenticator
from chassis.mongo import open_database
from chassis.server import serve
from chassis.telemetry import configure_logging, running_telemetry
from services.metrics.settings import MetricsSettings
from services.metrics.wiring import NAMES, MetricsService


async def main(settings: MetricsSettings) -> None:
    authenticator = Authenticator(settings.secret, production=settings.env == "production")
    async with open_database(settings.mongo_uri, settings.database) as database:
        service = MetricsService(
            database,
            backlog=settings.backlog,
            event_days=settings.event_days,
            zone=settings.reporting_zone,
            alert_lag=settings.alert_lag,
        )
        async with service.folding():
            await serve(settings, service.register, authenticator=authenticator, services=NAMES, ready=service.ready)


if __name__ == "__main__":
    settings = MetricsSettings()
    configure_logging("metrics", settings.log_level)
    with running_telemetry("metrics", settings.otlp_endpoint):
        uvloop.run(main(settings))
