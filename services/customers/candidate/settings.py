"""What the process that looks for duplicates reads from its environment: it serves nobody, and needs no more."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CandidateSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RUNDBLICK_", frozen=True)

    mongo_uri: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    database: str = "rundblick_customers"
    log_level: str = "INFO"
    suggest_above: float = Field(0.9, gt=0, lt=1, description="pairs at least so likely are shown to people")
    merge_above: float | None = Field(
        None, ge=0.9, le=1, description="pairs at least so likely are merged; none: people decide on all"
    )
    merge_most: int = Field(1_000, ge=1, description="so many are merged in one run at most")
    linkage_threads: int = Field(2, ge=1, le=64)
    linkage_memory: str = Field("1GB", pattern=r"^\d+(MB|GB)$", description="beyond it DuckDB writes to the disk")
