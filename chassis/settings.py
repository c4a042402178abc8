"""The settings every process reads from its environment, once, in its composition root."""

import sys
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.keys import ALGORITHMS
from chassis.roles import load as load_roles
from chassis.tls import Tls

Settings = TypeVar("Settings", bound=BaseSettings)


class TlsSettings(BaseSettings):
    """How one proves to others who one is: three files in PEM, or none of them on a development system."""

    model_config = SettingsConfigDict(env_prefix="RUNDBLICK_", frozen=True)

    env: Literal["development", "production"] = "development"
    tls_cert: Path | None = Field(None, description="one's own certificate, with the chain to the authority if any")
    tls_key: Path | None = Field(None, description="its private key")
    tls_ca: Path | None = Field(None, description="the authorities whose certificates are believed")

    @property
    def tls(self) -> Tls | None:
        if self.tls_cert is None or self.tls_key is None or self.tls_ca is None:
            return None
        return Tls(self.tls_cert, self.tls_key, self.tls_ca)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        files = {name: getattr(self, name) for name in ("tls_cert", "tls_key", "tls_ca")}
        missing = ", ".join(f"RUNDBLICK_{name.upper()}" for name, path in files.items() if path is None)
        if missing and self.env == "production":
            raise ValueError(f"RUNDBLICK_ENV=production needs TLS between processes, but these are not set: {missing}")
        if missing and any(files.values()):
            raise ValueError(f"TLS needs three files, but these are not set: {missing}")
        if self.tls is not None:
            self.tls.check()
        return self


class TokenSettings(TlsSettings):
    """Whose tokens are believed, and what the roles in them give."""

    issuer: str | None = Field(None, description="the OpenID Connect issuer, as in `iss`; required in production")
    audience: str = Field("rundblick", description="who a token must be for, as in `aud`")
    jwks: str | None = Field(None, description="its keys, a URL or a file; none: where its discovery document says")
    token_algorithms: str = Field("RS256 PS256 ES256 EdDSA", description="how tokens may be signed")
    clock_skew_seconds: float = Field(60.0, ge=0, le=600, description="so far the clocks of the issuer may differ")
    roles_claim: str = Field("roles", description="where tokens name roles; dots lead into objects: realm_access.roles")
    roles: Path | None = Field(None, description="a company's own table of roles; none: the one that is shipped")

    @property
    def algorithms(self) -> tuple[str, ...]:
        return tuple(self.token_algorithms.replace(",", " ").split())

    @model_validator(mode="after")
    def _tokens_can_be_checked(self) -> Self:
        if self.env == "production" and self.issuer is None:
            raise ValueError("RUNDBLICK_ENV=production needs an issuer of tokens: set RUNDBLICK_ISSUER")
        others = sorted(set(self.algorithms) - ALGORITHMS)
        if others or not self.algorithms:
            raise ValueError(
                f"RUNDBLICK_TOKEN_ALGORITHMS takes {', '.join(sorted(ALGORITHMS))}, not {' '.join(others)}"
            )
        try:
            load_roles(self.roles)
        except (OSError, ValueError) as error:
            raise ValueError(f"RUNDBLICK_ROLES: {error}") from None
        return self


class ProcessSettings(TokenSettings):
    """Read from RUNDBLICK_<NAME>; a process adds its own and sets its defaults."""

    otlp_endpoint: str | None = Field(None, description="host:port of an OTLP collector; none: no telemetry leaves")
    log_level: str = "INFO"
    drain_seconds: float = Field(0.0, description="how long to go on answering after SIGTERM, while endpoints change")
    grace_seconds: float = Field(10.0, description="how long running calls may take to end after that")


class ServiceSettings(ProcessSettings):
    """What a process with a database and a gRPC port needs beside that."""

    listen_address: str = "127.0.0.1:0"
    health_address: str | None = Field(
        None, description="host:port where health alone is told without TLS, to who has no certificate"
    )
    mongo_uri: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    database: str = "rundblick"


def read(kind: type[Settings]) -> Settings:
    """The settings of this process; when they are wrong it ends with status 2 and a line for each mistake."""
    try:
        return kind()
    except ValidationError as error:
        for fault in error.errors():
            name = "".join(f"RUNDBLICK_{str(part).upper()}: " for part in fault["loc"])
            print(f"{name}{fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)  # noqa: T201  # nothing else speaks yet
        raise SystemExit(2) from None
