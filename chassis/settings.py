"""The settings every process reads from its environment, once, in its composition root."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessSettings(BaseSettings):
    """Read from RUNDBLICK_<NAME>; a process adds its own and sets its defaults."""

    model_config = SettingsConfigDict(env_prefix="RUNDBLICK_", frozen=True)

    env: Literal["development", "production"] = "development"
    token_secret: SecretStr | None = Field(None, description="signs and checks tokens; required in production")
    otlp_endpoint: str | None = Field(None, description="host:port of an OTLP collector; none: no telemetry leaves")
    log_level: str = "INFO"
    drain_seconds: float = Field(0.0, description="how long to go on answering after SIGTERM, while endpoints change")
    grace_seconds: float = Field(10.0, description="how long running calls may take to end after that")

    @property
    def secret(self) -> str | None:
        return self.token_secret.get_secret_value() if self.token_secret else None


class ServiceSettings(ProcessSettings):
    """What a process with a database and a gRPC port needs beside that."""

    listen_address: str = "127.0.0.1:0"
    mongo_uri: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    database: str = "rundblick"
