"""The customers process: settings -> database -> servicers -> serve."""

import uvloop

from chassis.caller import Authenticator
from chassis.mongo import open_database
from chassis.server import serve
from chassis.telemetry import configure_logging, running_telemetry
from services.customers.settings import CustomersSettings
from services.customers.wiring import NAMES, CustomersService


async def main(settings: CustomersSettings) -> None:
    authenticator = Authenticator(settings.secret, production=settings.env == "production")
    async with open_database(settings.mongo_uri, settings.database) as database:
        service = CustomersService(database)
        await serve(settings, service.register, authenticator=authenticator, services=NAMES, ready=service.ready)


if __name__ == "__main__":
    settings = CustomersSettings()
    configure_logging("customers", settings.log_level)
    with running_telemetry("customers", settings.otlp_endpoint):
        uvloop.run(main(settings))
