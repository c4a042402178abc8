"""What the gateway reads from its environment."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from chassis.roles import load as load_roles
from chassis.settings import ProcessSettings
from gateway.rights import TABLE


class GatewaySettings(ProcessSettings):
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    public_url: str | None = Field(
        None, description="how customers reach this gateway: codes of touchpoints lead there"
    )
    customers_address: str = "127.0.0.1:50051"
    feedback_address: str = "127.0.0.1:50052"
    metrics_address: str = "127.0.0.1:50053"
    request_seconds: float = Field(10.0, description="the time one operation has, all its calls together")
    call_seconds: float = Field(5.0, description="the time one call to a service has at most")
    socket_seconds: float = Field(3600.0, description="a WebSocket ends after this time, or with its token")
    body_bytes: int = Field(1_000_000, description="a larger request body is refused")
    subgraph_host: str = "127.0.0.1"
    subgraph_port: int | None = Field(None, description="serves the subgraphs to a federation router; none: not at all")
    router_secret: SecretStr | None = Field(
        None, min_length=16, description="proves the router by the header Router-Secret, beside its certificate"
    )

    @model_validator(mode="after")
    def _roles_give_what_there_is(self) -> Self:
        # Here, since the other processes know their own scopes alone.
        for name, role in load_roles(self.roles).items():
            if unknown := ", ".join(sorted(role.scopes - TABLE.grantable)):
                raise ValueError(f"RUNDBLICK_ROLES: the role {name} names scopes that there are not: {unknown}")
        return self

    @model_validator(mode="after")
    def _router_can_be_known(self) -> Self:
        if self.subgraph_port is not None and self.router_secret is None and self.tls is None:
            raise ValueError(
                "RUNDBLICK_SUBGRAPH_PORT needs a way to know the router: RUNDBLICK_TLS_CERT, RUNDBLICK_TLS_KEY and "
                "RUNDBLICK_TLS_CA for its certificate, or RUNDBLICK_ROUTER_SECRET"
            )
        return self
