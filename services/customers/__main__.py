"""The customers process: settings -> database and channels -> servicers and relays -> serve."""

import uvloop

from chassis.caller import Authenticator
from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.server import serve
from chassis.telemetry import configure_logging, running_telemetry
from services.customers.settings import CustomersSettings
from services.customers.wiring import NAMES, CustomersService


async def main(settings: CustomersSettings) -> None:
    authenticator = Authenticator(settings.secret, production=settings.env == "production")
    async with (
        open_database(settings.mongo_uri, settings.database) as database,
        open_channel(settings.feedback_address) as feedback,
        open_channel(settings.metrics_address) as metrics,
    ):
        service = CustomersService(database)
        async with service.relaying(feedback, metrics, authenticator):
            await serve(settings, service.register, authenticator=authenticator, services=NAMES, ready=service.ready)


if __name__ == "__main__":
    settings = CustomersSettings()
    configure_logging("customers", settings.log_level)
    with running_telemetry("customers", settings.otlp_endpoint):
        uvloop.run(main(settings))
