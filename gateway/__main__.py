"""The gateway process: settings -> routes -> serve."""

import uvicorn

from chassis.settings import read
from chassis.telemetry import configure_logging, running_telemetry, traced_app
from gateway.app import Gateway
from gateway.settings import GatewaySettings

if __name__ == "__main__":
    settings = read(GatewaySettings)
    configure_logging("gateway", settings.log_level)
    with running_telemetry("gateway", settings.otlp_endpoint):
        uvicorn.run(
            traced_app(Gateway(settings).app()),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=settings.body_bytes,
            timeout_graceful_shutdown=int(settings.grace_seconds),
            server_header=False,
        )
