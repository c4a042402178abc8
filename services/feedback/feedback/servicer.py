"""Answers FeedbackService calls: read the request, ask the domain, use the repository."""

from collections.abc import AsyncIterator
from typing import Any

from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.feedback.v1 import feedback_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import AlreadyExists
from chassis.mongo import is_duplicate
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.feedback import queries
from services.feedback.feedback.changes import Changes
from services.feedback.feedback.importing import Importing
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.feedback.submitting import Submitting


class FeedbackServicer(feedback_pb2_grpc.FeedbackServiceServicer):
    def __init__(
        self,
        feedback: MongoFeedbackRepository,
        aliases: MongoAliasRepository,
        submitting: Submitting,
        changes: Changes,
        importing: Importing,
    ) -> None:
        self._feedback = feedback
        self._aliases = aliases
        self._submitting = submitting
        self._changes = changes
        self._importing = importing

    async def BatchGetFeedback(self, request: pb.BatchGetFeedbackRequest, context: Any) -> pb.BatchGetFeedbackResponse:
        return queries.batch(request.ids, await self._feedback.of_ids(current_caller(), request.ids))

    async def ListFeedback(self, request: pb.ListFeedbackRequest, context: Any) -> pb.ListFeedbackResponse:
        page, filter = queries.page_in(request.page), queries.condition(request.filter)
        part = await self._feedback.page(current_caller(), page, filter)
        return pb.ListFeedbackResponse(page=queries.page_out(part))

    async def BatchListFeedback(
        self, request: pb.BatchListFeedbackRequest, context: Any
    ) -> pb.BatchListFeedbackResponse:
        caller, page, filter = current_caller(), queries.page_in(request.page), queries.condition(request.filter)
        present = await self._aliases.present(caller, request.customer_ids)
        customers = {id: present.get(id, id) for id in request.customer_ids}
        found = await self._feedback.pages_of_customers(caller, list(customers.values()), page, filter)
        return pb.BatchListFeedbackResponse(
            pages={id: queries.page_out(found[customer]) for id, customer in customers.items()}
        )

    async def BatchGetVoices(self, request: pb.BatchGetVoicesRequest, context: Any) -> pb.BatchGetVoicesResponse:
        caller = current_caller()
        present = await self._aliases.present(caller, request.customer_ids)
        customers = {id: present.get(id, id) for id in request.customer_ids}
        found = await self._feedback.voices(caller, list(customers.values()))
        return pb.BatchGetVoicesResponse(voices={id: queries.voice_out(found[one]) for id, one in customers.items()})

    async def SubmitFeedback(self, request: pb.SubmitFeedbackRequest, context: Any) -> pb.SubmitFeedbackResponse:
        try:
            return await self._submitting.submit(current_caller(), request)
        except Exception as error:
            if is_duplicate(error):
                taken = f"{request.source} has feedback {request.external_id} already"
                raise AlreadyExists(taken, ("external_id",)) from None
            raise

    async def ReplyToFeedback(self, request: pb.ReplyToFeedbackRequest, context: Any) -> pb.ReplyToFeedbackResponse:
        return await self._changes.reply(current_caller(), request)

    async def ClassifyFeedback(self, request: pb.ClassifyFeedbackRequest, context: Any) -> pb.ClassifyFeedbackResponse:
        return await self._changes.classify(current_caller(), request)

    async def SetFeedbackStatus(
        self, request: pb.SetFeedbackStatusRequest, context: Any
    ) -> pb.SetFeedbackStatusResponse:
        return await self._changes.set_status(current_caller(), request)

    async def ImportFeedback(
        self, request_iterator: AsyncIterator[pb.ImportFeedbackRequest], context: Any
    ) -> AsyncIterator[pb.ImportFeedbackResponse]:
        caller = current_caller()
        async for answer in self._importing.run(caller, request_iterator):
            yield answer
