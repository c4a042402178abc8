"""The feedback process: settings -> database and channels -> servicer and relays -> serve."""

from datetime import timedelta

import uvloop
from rundblick.metrics.v1 import event_pb2

from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.remote_directory import FILES as DIRECTORY
from chassis.remote_directory import RemoteDirectory
from chassis.server import serve
from chassis.settings import read
from chassis.telemetry import configure_logging, running_telemetry
from chassis.tokens import Authenticator
from services.feedback.contract import NAMES
from services.feedback.enquiry.references import FILES
from services.feedback.settings import FeedbackSettings
from services.feedback.survey.asking import FILES as AUDIENCE
from services.feedback.wiring import FeedbackService


async def main(settings: FeedbackSettings) -> None:
    async with (
        open_database(settings.mongo_uri, settings.database) as database,
        open_channel(
            settings.customers_address, (*FILES, *AUDIENCE, *DIRECTORY), tls=settings.tls, process="feedback"
        ) as customers,
        open_channel(settings.metrics_address, [event_pb2.DESCRIPTOR], tls=settings.tls, process="feedback") as metrics,
    ):
        service = FeedbackService(
            database,
            customers,
            metrics,
            events_kept=timedelta(days=settings.events_days),
            files=settings.files,
            inbox=settings.inbox,
        )
        authenticator = Authenticator.of(settings, service.rights, RemoteDirectory(customers))
        async with service.relaying():
            await serve(
                settings,
                service.register,
                authenticator=authenticator,
                rights=service.rights,
                services=NAMES,
                ready=service.ready,
            )


if __name__ == "__main__":
    settings = read(FeedbackSettings)
    configure_logging("feedback", settings.log_level)
    with running_telemetry("feedback", settings.otlp_endpoint):
        uvloop.run(main(settings))
