"""What the gateway reads from its environment."""

from pydantic import Field

from chassis.settings import ProcessSettings


class GatewaySettings(ProcessSettings):
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    customers_address: str = "127.0.0.1:50051"
    feedback_address: str = "127.0.0.1:50052"
    metrics_address: str = "127.0.0.1:50053"
    request_seconds: float = Field(10.0, description="the time one operation has, all its calls together")
    call_seconds: float = Field(5.0, description="the time one call to a service has at most")
    socket_seconds: float = Field(3600.0, description="a WebSocket ends after this time, or with its token")
    body_bytes: int = Field(1_000_000, description="a larger request body is refused")
