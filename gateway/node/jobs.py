"""Work that goes on by itself in the services, and how far it is: what each of them does, as one list."""

import asyncio
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import job_pb2
from rundblick.feedback.v1 import job_pb2 as feedback_job_pb2
from rundblick.metrics.v1 import kpi_pb2
from rundblick.shared.v1 import page_pb2

from chassis.errors import Forbidden, InvalidInput
from chassis.page import DEFAULT_SIZE
from gateway.errors import ServiceError
from gateway.shared import Info, PageInfo, enum_of, moment, page_request


@strawberry.enum(
    description="SEGMENT_EVALUATION: all customers are asked by the rules of segments. STANDING_SWEEP: they are judged "
    "anew by all rules, from time to time and after rules changed. BUSINESS_TIME: waits are measured and judged anew "
    "after a calendar or a service level changed. TOPIC_CLASSIFICATION: feedback is looked through for a topic that "
    "changed."
)
class JobKind(Enum):
    BACK_FILL = "BACK_FILL"
    BUSINESS_TIME = "BUSINESS_TIME"
    SEGMENT_EVALUATION = "SEGMENT_EVALUATION"
    STANDING_SWEEP = "STANDING_SWEEP"
    TOPIC_CLASSIFICATION = "TOPIC_CLASSIFICATION"


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
    subject: str = strawberry.field(description="What it works for, such as the key of a KPI or of a segment.")
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
    edges: list[JobEdge | None] = strawberry.field(
        description="null, with an entry in errors: a service that does not answer now, whatever it does."
    )
    page_info: PageInfo


# The services that have jobs, and their messages, which are alike.
_SERVICES: dict[str, Any] = {"metrics": kpi_pb2, "customers": job_pb2, "feedback": feedback_job_pb2}


def _job(names: Any, job: Any) -> Job:
    return Job(
        id=strawberry.ID(job.id),
        kind=enum_of(JobKind, names.JobKind, job.kind, "JOB_KIND_"),
        state=enum_of(JobState, names.JobState, job.state, "JOB_STATE_"),
        subject=job.subject,
        done=job.done,
        total=job.total,
        started_at=moment(job, "started_at"),
        finished_at=moment(job, "finished_at"),
        forecast=moment(job, "forecast"),
    )


def _together(answers: dict[str, Any], page: page_pb2.PageRequest) -> tuple[list[JobEdge], PageInfo]:
    """One page of several lists in the same order: a cursor names a place in any of them."""
    backward = page.HasField("last") or (page.HasField("before") and not page.HasField("first"))
    size = next((getattr(page, name) for name in ("first", "last") if page.HasField(name)), DEFAULT_SIZE)
    edges = [
        JobEdge(cursor=edge.cursor, node=_job(_SERVICES[service], edge.node))
        for service, answer in answers.items()
        for edge in answer.edges
    ]
    # The newest first: ids begin with the moment they were made.
    edges.sort(key=lambda edge: edge.node.id, reverse=True)
    more = len(edges) > size
    kept = edges[len(edges) - size :] if backward and more else edges[:size]
    infos = [answer.page_info for answer in answers.values()]
    return kept, PageInfo(
        has_next_page=any(info.has_next_page for info in infos) or (more and not backward),
        has_previous_page=any(info.has_previous_page for info in infos) or (more and backward),
        start_cursor=kept[0].cursor if kept else None,
        end_cursor=kept[-1].cursor if kept else None,
    )


@strawberry.type
class JobQuery:
    @strawberry.field(description="Newest first: those of the services whose jobs the caller may see.")
    async def jobs(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> JobConnection | None:
        page = page_request(first, after, last, before)
        calls = (info.context.loaders[service].jobs(page) for service in _SERVICES)
        said = dict(zip(_SERVICES, await asyncio.gather(*calls, return_exceptions=True), strict=True))
        answers = {service: one for service, one in said.items() if not isinstance(one, BaseException)}
        failed = [one for one in said.values() if isinstance(one, BaseException)]
        mine = [one for one in failed if not isinstance(one, ServiceError) or isinstance(one.error, InvalidInput)]
        down = [one for one in failed if isinstance(one, ServiceError) and not isinstance(one.error, Forbidden)]
        if mine or not answers:
            raise (mine or down or failed)[0]
        edges, page_info = _together(answers, page)
        # What is an error in a list becomes null there, and the rest stays.
        absent: list[Any] = list(down)
        return JobConnection(edges=[*edges, *absent], page_info=page_info)
