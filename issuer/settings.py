"""What the development issuer reads from its environment."""

from pathlib import Path

from pydantic import Field, field_validator

from chassis.settings import TlsSettings


class IssuerSettings(TlsSettings):
    http_host: str = "127.0.0.1"
    http_port: int = 8010
    issuer: str = Field("http://127.0.0.1:8010", description="its own address, as in `iss`")
    issuer_folder: Path = Field(Path(".rundblick/issuer"), description="where its keys are")
    customers_address: str = "127.0.0.1:50051"
    log_level: str = "INFO"

    @field_validator("env")
    @classmethod
    def _only_for_development(cls, env: str) -> str:
        if env == "production":
            raise ValueError("this issuer is for development alone; production has your own OpenID Connect provider")
        return env
