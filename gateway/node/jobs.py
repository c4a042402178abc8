"""Work that goes on by itself in the services, and how far it is."""

from datetime import datetime
from enum import Enum

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb

from gateway.shared import Info, PageInfo, enum_of, moment, page_request


@strawberry.enum
class JobKind(Enum):
    BACK_FILL = "BACK_FILL"


@strawberry.enum
class JobState(Enum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"


@strawberry.type
class Job:
    id: strawberry.ID
    kind: JobKind
    state: JobState
    subject: str = strawberry.field(description="What it works for, such as the key of a KPI.")
    done: int
    total: int
    started_at: datetime | None
    finished_at: datetime | None
    forecast: datetime | None = strawberry.field(description="When it will be done at the present pace.")


@strawberry.type
class JobEdge:
    cursor: str
    node: Job


@strawberry.type
class JobConnection:
    edges: list[JobEdge]
    page_info: PageInfo


def _job(job: pb.Job) -> Job:
    return Job(
        id=strawberry.ID(job.id),
        kind=enum_of(JobKind, pb.JobKind, job.kind, "JOB_KIND_"),
        state=enum_of(JobState, pb.JobState, job.state, "JOB_STATE_"),
        subject=job.subject,
        done=job.done,
        total=job.total,
        started_at=moment(job, "started_at"),
        finished_at=moment(job, "finished_at"),
        forecast=moment(job, "forecast"),
    )


@strawberry.type
class JobQuery:
    @strawberry.field(description="Newest first.")
    async def jobs(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> JobConnection | None:
        answer: pb.ListJobsResponse = await info.context.loaders["metrics"].jobs(
            page_request(first, after, last, before)
        )
        return JobConnection(
            edges=[JobEdge(cursor=edge.cursor, node=_job(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )
