"""The metrics process: settings -> database and channel -> servicers and folder -> serve."""

import uvloop

from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.remote_directory import FILES, RemoteDirectory
from chassis.server import serve
from chassis.settings import read
from chassis.telemetry import configure_logging, running_telemetry
from chassis.tokens import Authenticator
from services.metrics.settings import MetricsSettings
from services.metrics.wiring import NAMES, MetricsService


async def main(settings: MetricsSettings) -> None:
    async with (
        open_database(settings.mongo_uri, settings.database) as database,
        open_channel(settings.customers_address, FILES, tls=settings.tls, process="metrics") as customers,
    ):
        service = MetricsService(
            database,
            backlog=settings.backlog,
            event_days=settings.event_days,
            zone=settings.reporting_zone,
            alert_lag=settings.alert_lag,
            employee_minimum=settings.employee_minimum,
        )
        authenticator = Authenticator.of(settings, service.rights, RemoteDirectory(customers))
        async with service.folding():
            await serve(
                settings,
                service.register,
                authenticator=authenticator,
                rights=service.rights,
                services=NAMES,
                ready=service.ready,
            )


if __name__ == "__main__":
    settings = read(MetricsSettings)
    configure_logging("metrics", settings.log_level)
    with running_telemetry("metrics", settings.otlp_endpoint):
        uvloop.run(main(settings))
