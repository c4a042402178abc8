"""The page on which customers answer a survey: the link in an invitation leads to it, and is all that is known of them.

A form and no script: it works in every browser, and with every reading aid. Mail scanners follow links, so only the
button answers.
"""

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from rundblick.feedback.v1 import survey_pb2 as pb
from rundblick.feedback.v1 import survey_pb2_grpc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis.calls import call
from chassis.errors import Conflict, DomainError, InvalidInput, NotFound
from gateway.http import language_of
from gateway.pages import page, sentence

# Below the public address of the gateway; the customers service writes links to it.
SURVEY = "/s/{token}"

_SECONDS = 5.0
_LONGEST_TOKEN = 100
_LONGEST_TEXT = 5_000
# A text of that length, each character written as nine.
_BODY_BYTES = 50_000
_MOST_FIELDS = 5
_NUMBER = re.compile(r"[0-9]{1,9}")
# From one address in a minute: a household, or an office behind one.
_EVERYDAY = 60

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "send": "Send",
        "missing": "Please choose one of the answers.",
        "too long": f"Your text is too long: at most {_LONGEST_TEXT} characters.",
        "thanks": "Thank you for your answer.",
        "answered": "You have answered already. Thank you!",
        "too late": "This survey is over. Thank you for your interest.",
        "unknown": "This link is not known.",
        "busy": "That was a bit much at once. Please try again in a minute.",
        "away": "This does not work at the moment. Please try again later.",
    },
    "de": {
        "send": "Absenden",
        "missing": "Bitte wählen Sie eine der Antworten.",
        "too long": f"Ihr Text ist zu lang: höchstens {_LONGEST_TEXT} Zeichen.",
        "thanks": "Vielen Dank für Ihre Antwort.",
        "answered": "Sie haben schon geantwortet. Vielen Dank!",
        "too late": "Diese Umfrage ist beendet. Vielen Dank für Ihr Interesse.",
        "unknown": "Dieser Link ist nicht bekannt.",
        "busy": "Das war etwas viel auf einmal. Bitte versuchen Sie es in einer Minute noch einmal.",
        "away": "Das geht gerade nicht. Bitte versuchen Sie es später noch einmal.",
    },
}
# What is said in place of the question.
_OVER = {pb.INVITATION_STATE_ANSWERED: "answered"}


class Refused(Exception):
    """What was sent cannot be taken; the word for it."""


class Surveys:
    """channel: to feedback, in the name of the gateway: who follows a link is nobody known.

    per_minute: so many requests from one address.
    """

    def __init__(self, channel: Any, per_minute: int = _EVERYDAY) -> None:
        self._stub = survey_pb2_grpc.SurveyServiceStub(channel)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(per_minute)

    async def __call__(self, request: Request) -> Response:
        language = language_of(request.headers.get("accept-language"))
        words = _WORDS[language]
        try:
            if not await self._limiter.hit(self._limit, request.client.host if request.client else ""):
                return _with_retry(sentence(language, words["busy"], status=429))
            return await self._answered(request, language)
        except NotFound:
            return sentence(language, words["unknown"], status=404)
        except ClientDisconnect:
            return Response(status_code=499)
        except DomainError:
            return sentence(language, words["away"], status=503)

    async def _answered(self, request: Request, language: str) -> Response:
        token = request.path_params["token"]
        if len(token) > _LONGEST_TOKEN:
            raise NotFound("no token is so long")
        opened: pb.OpenInvitationResponse = await call(
            self._stub.OpenInvitation, pb.OpenInvitationRequest(token=token), timeout=_SECONDS
        )
        text = _text_in(opened.survey, language)
        words = _WORDS[text.language]
        if opened.state != pb.INVITATION_STATE_OPEN:
            over = words[_OVER.get(opened.state, "too late")]
            return sentence(text.language, over, status=200 if opened.state in _OVER else 410)
        if request.method != "POST":
            return _form(opened.survey, text)
        said: Mapping[str, str] = {}
        try:
            said = await _said(request)
            await self._submit(token, said)
        except Refused as refused:
            return _form(opened.survey, text, said, words[str(refused)])
        except Conflict:
            # Between the two looks somebody answered with the same link.
            return sentence(text.language, words["answered"])
        return sentence(text.language, words["thanks"])

    async def _submit(self, token: str, said: Mapping[str, str]) -> None:
        """Refused: nothing was chosen, or the text is too long."""
        if len(said.get("text", "")) > _LONGEST_TEXT:
            raise Refused("too long")
        score = _number(said.get("score", ""))
        if score is None:
            raise Refused("missing")
        request = pb.SubmitSurveyResponseRequest(
            token=token, score=score, text=said.get("text") or None, version=_number(said.get("version", ""))
        )
        try:
            await call(self._stub.SubmitSurveyResponse, request, timeout=_SECONDS)
        except InvalidInput:
            raise Refused("missing") from None


async def _said(request: Request) -> Mapping[str, str]:
    """The fields of the form. Refused: it is larger than any that is filled in."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            raise Refused("too long")
    try:
        fields = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused("missing") from None
    # Browsers send lines that end in two characters; what was written has one.
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}


def _number(text: str) -> int | None:
    """As the page sends it; None: it is none, or a longer one than there are."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _text_in(survey: pb.Survey, language: str) -> pb.SurveyText:
    return next((one for one in survey.fields.texts if one.language == language), survey.fields.texts[0])


def _form(survey: pb.Survey, text: pb.SurveyText, said: Mapping[str, str] | None = None, wrong: str = "") -> Response:
    """wrong: what is to be mended; what was said is kept."""
    said = said or {}
    scale = survey.fields.scale
    labels = {scale.lowest: text.lowest_label, scale.highest: text.highest_label}
    steps = "".join(
        _step(value, labels.get(value, ""), chosen=said.get("score") == str(value))
        for value in range(scale.lowest, scale.highest + 1)
    )
    alert = f'<p role="alert">{html.escape(wrong)}</p>' if wrong else ""
    follow_up = ""
    if text.follow_up:
        follow_up = (
            f'<p><label for="text">{html.escape(text.follow_up)}</label>'
            f'<textarea id="text" name="text" rows="5" maxlength="{_LONGEST_TEXT}">'
            f"{html.escape(said.get('text', ''))}</textarea></p>"
        )
    body = (
        f'{alert}<form method="post"><fieldset><legend>{html.escape(text.question)}</legend>{steps}</fieldset>'
        f'{follow_up}<input type="hidden" name="version" value="{survey.version}">'
        f'<button type="submit">{_WORDS[text.language]["send"]}</button></form>'
    )
    return page(text.language, text.question, body, 400 if wrong else 200)


def _step(value: int, label: str, *, chosen: bool) -> str:
    named = f"{value} – {html.escape(label)}" if label else str(value)
    checked = " checked" if chosen else ""
    return f'<label class="step"><input type="radio" name="score" value="{value}" required{checked}> {named}</label>'


def _with_retry(response: Response) -> Response:
    response.headers["retry-after"] = "60"
    return response
