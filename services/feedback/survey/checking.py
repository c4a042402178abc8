"""Holds answers against invitations, and whose invitations are against what customers says."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.feedback.enquiry.references import CustomersClient
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.survey.domain import State
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository


class SurveyCheck:
    def __init__(
        self,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        feedback: MongoFeedbackRepository,
        customers: CustomersClient,
    ) -> None:
        self._surveys = surveys
        self._invitations = invitations
        self._feedback = feedback
        self._customers = customers

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._invitations.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        answers = await self._feedback.of_ids(caller, {one.feedback for one in batch if one.feedback is not None})
        surveys = await self._surveys.of_ids(caller, {one.survey for one in batch})
        whose = await self._customers.aliases({one.source_record for one in batch if one.source_record})
        for one in batch:
            if one.source_record and whose.get(one.source_record) != one.customer:
                today = whose.get(one.source_record, "nobody")
                checked.differs("customer", one.id, f"{one.source_record} belongs to {today}, it shows {one.customer}")
            if (one.state is State.ANSWERED) != (one.feedback is not None):
                checked.differs("answer", one.id, f"is {one.state.value} with the answer {one.feedback}")
            if one.feedback is None:
                continue
            answer, survey = answers.get(one.feedback), surveys.get(one.survey)
            if answer is None or answer.survey != one.survey or answer.external_id != one.id:
                checked.differs("answer", one.id, f"names {one.feedback}, which does not answer it")
            elif (
                survey is None
                or answer.score is None
                or (answer.score.lowest, answer.score.highest)
                != (
                    survey.scale.lowest,
                    survey.scale.highest,
                )
            ):
                checked.differs("scale", one.id, f"{one.feedback} is not on the scale of {one.survey}")
        return checked
