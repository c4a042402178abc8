"""Answers JobService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import job_pb2 as pb
from rundblick.feedback.v1 import job_pb2_grpc

from chassis.caller import current_caller
from chassis.page import encode_cursor, page_info, page_of
from services.feedback.job import messages
from services.feedback.job.repository import MongoJobRepository


class JobServicer(job_pb2_grpc.JobServiceServicer):
    def __init__(self, jobs: MongoJobRepository, now: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._now = now

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        part = await self._jobs.page(current_caller(), page_of(request.page, [str]))
        edges = [
            pb.JobEdge(cursor=encode_cursor(boundary), node=messages.to_proto(job, self._now()))
            for job, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListJobsResponse(edges=edges, page_info=page_info(part))
