"""What the feedback process reads from its environment."""

from chassis.settings import ServiceSettings


class FeedbackSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50052"
    database: str = "rundblick_feedback"
    customers_address: str = "127.0.0.1:50051"
    metrics_address: str = "127.0.0.1:50053"
