"""What the process that looks for duplicates reads from its environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class CandidateSettings(ServiceSettings):
    database: str = "rundblick_customers"
    suggest_above: float = Field(0.9, gt=0, lt=1, description="pairs at least so likely are shown to people")
    merge_above: float | None = Field(
        None, gt=0.9, le=1, description="pairs at least so likely are merged; none: people decide on all"
    )
    merge_most: int = Field(1_000, ge=1, description="so many are merged in one run at most")
    linkage_threads: int = Field(2, ge=1, le=64)
    linkage_memory: str = Field("1GB", pattern=r"^\d+(MB|GB)$", description="beyond it DuckDB writes to the disk")
