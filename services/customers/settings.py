"""What the customers process reads from its environment."""

from chassis.settings import ServiceSettings


class CustomersSettings(ServiceSettings):
    listen_address: str = "127.0.0.1:50051"
    database: str = "rundblick_customers"
    feedback_address: str = "127.0.0.1:50052"
    metrics_address: str = "127.0.0.1:50053"
