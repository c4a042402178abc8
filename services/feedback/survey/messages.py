"""Surveys and invitations as messages, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import signal_pb2
from rundblick.feedback.v1 import survey_pb2 as pb

from chassis.errors import InvalidInput
from chassis.page import Slice, encode_cursor, page_info
from chassis.times import to_timestamp
from services.feedback.survey.domain import (
    USUAL,
    Invitation,
    Kind,
    Occasion,
    Reminders,
    Scale,
    State,
    Survey,
    Text,
    Trigger,
    Wording,
)

KIND_TO_PROTO: Mapping[Kind, Any] = {one: signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{one.value}") for one in Kind}
KIND_FROM_PROTO: Mapping[int, Kind] = {proto: one for one, proto in KIND_TO_PROTO.items()}
STATE_TO_PROTO: Mapping[State, Any] = {one: pb.InvitationState.Value(f"INVITATION_STATE_{one.value}") for one in State}
STATE_FROM_PROTO: Mapping[int, State] = {proto: one for one, proto in STATE_TO_PROTO.items()}
OCCASION_TO_PROTO: Mapping[Occasion, Any] = {
    one: pb.SurveyOccasion.Value(f"SURVEY_OCCASION_{one.value}") for one in Occasion
}
OCCASION_FROM_PROTO: Mapping[int, Occasion] = {proto: one for one, proto in OCCASION_TO_PROTO.items()}


def survey_from_proto(fields: pb.SurveyFields, id: str, now: datetime) -> Survey:
    """InvalidInput: what cannot be asked, with the field."""
    if fields.kind not in KIND_FROM_PROTO:
        raise InvalidInput(f"kind is one of {', '.join(kind.value for kind in Kind)}", ("kind",))
    kind = KIND_FROM_PROTO[fields.kind]
    said: dict[str, Any] = {}
    if fields.HasField("days_open"):
        said["days_open"] = fields.days_open
    if fields.HasField("quiet_days"):
        said["quiet_days"] = fields.quiet_days
    if fields.HasField("reminders"):
        said["reminders"] = Reminders(fields.reminders.most, fields.reminders.after_days)
    if fields.HasField("trigger"):
        if fields.trigger.occasion not in OCCASION_FROM_PROTO:
            raise InvalidInput("the occasion is not known", ("trigger", "occasion"))
        said["trigger"] = Trigger(OCCASION_FROM_PROTO[fields.trigger.occasion], fields.trigger.share)
    return Survey(
        id=id,
        key=fields.key,
        kind=kind,
        scale=Scale(fields.scale.lowest, fields.scale.highest) if fields.HasField("scale") else USUAL[kind],
        wordings=(Wording(1, now, tuple(_text(text, place) for place, text in enumerate(fields.texts))),),
        **said,
    )


def _text(text: pb.SurveyText, place: int) -> Text:
    def said(name: Any) -> str | None:
        return getattr(text, name) if text.HasField(name) else None

    try:
        return Text(text.language, text.question, said("follow_up"), said("lowest_label"), said("highest_label"))
    except InvalidInput as error:
        raise InvalidInput(error.message, ("texts", str(place), *error.path)) from None


def survey_to_proto(survey: Survey) -> pb.Survey:
    reminders, trigger = survey.reminders, survey.trigger
    fields = pb.SurveyFields(
        key=survey.key,
        kind=KIND_TO_PROTO[survey.kind],
        scale=pb.Scale(lowest=survey.scale.lowest, highest=survey.scale.highest),
        texts=_texts(survey.texts),
        reminders=pb.Reminders(most=reminders.most, after_days=reminders.after_days) if reminders else None,
        days_open=survey.days_open,
        quiet_days=survey.quiet_days,
        trigger=pb.SurveyTrigger(occasion=OCCASION_TO_PROTO[trigger.occasion], share=trigger.share)
        if trigger
        else None,
    )
    return pb.Survey(
        id=survey.id,
        fields=fields,
        active=survey.active,
        source=survey.source,
        version=survey.version,
        wordings=[
            pb.SurveyWording(version=one.version, since=to_timestamp(one.since), texts=_texts(one.texts))
            for one in survey.wordings
        ],
    )


def _texts(texts: tuple[Text, ...]) -> list[pb.SurveyText]:
    return [
        pb.SurveyText(
            language=text.language,
            question=text.question,
            follow_up=text.follow_up,
            lowest_label=text.lowest_label,
            highest_label=text.highest_label,
        )
        for text in texts
    ]


def invitation_to_proto(invitation: Invitation) -> pb.Invitation:
    return pb.Invitation(
        id=invitation.id,
        survey_id=invitation.survey,
        customer_id=invitation.customer,
        source_record_id=invitation.source_record,
        touchpoint_id=invitation.touchpoint,
        campaign_id=invitation.campaign,
        enquiry_id=invitation.enquiry,
        state=STATE_TO_PROTO[invitation.state],
        invited_at=to_timestamp(invitation.invited_at),
        expires_at=to_timestamp(invitation.expires_at),
        answered_at=to_timestamp(invitation.answered_at),
        feedback_id=invitation.feedback,
        reminders=len(invitation.sent) - 1,
        why=invitation.why,
    )


def survey_page(part: Slice[Survey]) -> pb.SurveyPage:
    edges = [
        pb.SurveyEdge(cursor=encode_cursor(boundary), node=survey_to_proto(survey))
        for survey, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.SurveyPage(edges=edges, page_info=page_info(part))


def invitation_page(part: Slice[Invitation]) -> pb.InvitationPage:
    edges = [
        pb.InvitationEdge(cursor=encode_cursor(boundary), node=invitation_to_proto(invitation))
        for invitation, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.InvitationPage(edges=edges, page_info=page_info(part))
