"""Jobs as messages."""

from datetime import datetime

from rundblick.feedback.v1 import job_pb2 as pb

from chassis.times import to_timestamp
from services.feedback.job.domain import Job


def to_proto(job: Job, now: datetime) -> pb.Job:
    return pb.Job(
        id=job.id,
        kind=pb.JobKind.Value(f"JOB_KIND_{job.kind.value}"),
        state=pb.JobState.Value(f"JOB_STATE_{job.state.value}"),
        subject=job.subject,
        done=job.done,
        total=job.total,
        started_at=to_timestamp(job.started_at),
        finished_at=to_timestamp(job.finished_at),
        forecast=to_timestamp(job.forecast(now)),
    )
