"""The customers process: settings -> database and channels -> servicers and relays -> serve."""

from datetime import timedelta

import uvloop

from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.server import serve
from chassis.settings import read
from chassis.telemetry import configure_logging, running_telemetry
from chassis.tokens import Authenticator
from services.customers.contract import NAMES
from services.customers.settings import CustomersSettings
from services.customers.wiring import CustomersService


async def main(settings: CustomersSettings) -> None:
    async with (
        open_database(settings.mongo_uri, settings.database) as database,
        open_channel(settings.feedback_address, tls=settings.tls, process="customers") as feedback,
        open_channel(settings.metrics_address, tls=settings.tls, process="customers") as metrics,
    ):
        service = CustomersService(
            database,
            currency=settings.currency,
            region=settings.region,
            registered_sources=settings.sources == "registered",
            attribution=settings.how_attributed,
            holdout=settings.holdout,
            zone=settings.reporting_zone,
            outside=settings.outside,
            events_kept=timedelta(days=settings.events_days),
            sweep_every=timedelta(hours=settings.sweep_hours),
        )
        authenticator = Authenticator.of(settings, service.rights, service.identities)
        async with service.relaying(feedback, metrics):
            await serve(
                settings,
                service.register,
                authenticator=authenticator,
                rights=service.rights,
                services=NAMES,
                ready=service.ready,
            )


if __name__ == "__main__":
    settings = read(CustomersSettings)
    configure_logging("customers", settings.log_level)
    with running_telemetry("customers", settings.otlp_endpoint):
        uvloop.run(main(settings))
