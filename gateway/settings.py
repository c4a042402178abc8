"""What the gateway reads from its environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from chassis.roles import load as load_roles
from chassis.settings import ProcessSettings
from gateway.documents import load as load_documents
from gateway.limits import SIZES, Limits
from gateway.posts import Secrets
from gateway.posts import load as load_secrets
from gateway.rates import IN_PROCESS
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
    transfer_seconds: float = Field(300.0, description="the time one file has to go up or come down")
    operations_at_once: int = Field(500, ge=0, description="more are refused at once; 0: no limit")
    operations_per_minute: int = Field(60_000, ge=0, description="of one client; 0: no limit")
    mutations_per_minute: int = Field(6_000, ge=0, description="root mutations of one client; 0: no limit")
    rates_uri: str = Field(
        IN_PROCESS,
        pattern="^async\\+",
        description="where rates are counted: here, or async+redis://...",
    )
    measure_only: str = Field("", description="limits of size that only warn: " + ", ".join(SIZES))
    intake: Path | None = Field(None, description="which systems may post to /intake, and the secrets they sign with")
    documents: Path | None = Field(None, description="a manifest of the documents that are published here")
    documents_only: bool = Field(False, description="no others are run")
    allowed_origins: str = Field("", description="sites whose pages may call, such as https://app.example.com")
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
    def _posts_can_be_checked(self) -> Self:
        try:
            self.intake_secrets  # noqa: B018  # whether they can be read
        except ValueError as error:
            raise ValueError(f"RUNDBLICK_INTAKE: {error}") from None
        return self

    @model_validator(mode="after")
    def _documents_can_be_read(self) -> Self:
        if self.documents_only and self.documents is None:
            raise ValueError("RUNDBLICK_DOCUMENTS_ONLY needs RUNDBLICK_DOCUMENTS")
        if unknown := ", ".join(sorted(_words(self.measure_only) - set(SIZES))):
            raise ValueError(f"RUNDBLICK_MEASURE_ONLY: there is no limit {unknown}")
        return self

    @property
    def intake_secrets(self) -> Secrets:
        """By source. ValueError: the file cannot be read."""
        return load_secrets(self.intake) if self.intake is not None else {}

    @property
    def limits(self) -> Limits:
        return Limits(measured=_words(self.measure_only))

    @property
    def origins(self) -> frozenset[str]:
        return _words(self.allowed_origins)

    @property
    def trusted_documents(self) -> Mapping[str, str]:
        """Text by id. ValueError: the manifest cannot be read."""
        return load_documents(self.documents) if self.documents is not None else {}

    @model_validator(mode="after")
    def _router_can_be_known(self) -> Self:
        if self.subgraph_port is not None and self.router_secret is None and self.tls is None:
            raise ValueError(
                "RUNDBLICK_SUBGRAPH_PORT needs a way to know the router: RUNDBLICK_TLS_CERT, RUNDBLICK_TLS_KEY and "
                "RUNDBLICK_TLS_CA for its certificate, or RUNDBLICK_ROUTER_SECRET"
            )
        return self


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.replace(",", " ").split())
