"""The process of the development issuer: settings -> keys and channel -> routes -> serve."""

import uvicorn
import uvloop

from chassis.channel import open_channel
from chassis.settings import read
from chassis.telemetry import configure_logging
from chassis.times import utc_now
from issuer.app import issuer_app
from issuer.clients import checking
from issuer.settings import IssuerSettings
from issuer.signing import Issuer, SigningKeys
from issuer.tries import Tries


async def main(settings: IssuerSettings) -> None:
    keys = SigningKeys(settings.issuer_folder)
    keys.rotate_if_due(utc_now())
    async with open_channel(settings.customers_address, tls=settings.tls, process="issuer") as customers:
        app = issuer_app(Issuer(settings.issuer, keys), checking(customers), Tries())
        config = uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="httptools",
            ws="none",
            server_header=False,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    settings = read(IssuerSettings)
    configure_logging("issuer", settings.log_level)
    uvloop.run(main(settings))
