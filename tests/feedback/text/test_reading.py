"""Texts of customers are read better than by guessing, and topics are found as they are declared."""

import pytest

from services.feedback.feedback.domain import FeedbackKind
from services.feedback.text.analysing import LibraryAnalysis, Reading
from services.feedback.topic.domain import Topic
from tests.feedback.text.measuring import LANGUAGES, labelled, measured


@pytest.fixture(scope="module")
def analysis() -> LibraryAnalysis:
    return LibraryAnalysis()


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_that_no_word_list_was_made_for_are_read_clearly_better_than_by_guessing(
    analysis: LibraryAnalysis, language: str
) -> None:
    held_out = measured(analysis, language, "held_out")
    assert held_out.texts == 100
    assert not {text for *_, text in labelled(language, "tuning")} & {
        text for *_, text in labelled(language, "held_out")
    }
    assert held_out.share(held_out.language) >= 0.98
    assert held_out.share(held_out.sentiment) >= held_out.majority + 0.15
    assert held_out.share(held_out.kind) >= held_out.majority_of_kinds + 0.3
    # Praise is not taken for blame, nor blame for praise.
    turned = held_out.confusion["POSITIVE", "NEGATIVE"] + held_out.confusion["NEGATIVE", "POSITIVE"]
    assert turned <= 15


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Das ist gut.", 1),
        ("Das ist nicht gut.", -1),
        ("Gefällt mir nicht.", -1),
        ("Das war nicht schlecht.", 1),
        ("Seit Monaten nicht lieferbar.", -1),
        ("Es wäre toll, wenn das ginge.", 0),
        ("This is good.", 1),
        ("This is not good.", -1),
        ("It would be great to have this.", 0),
    ],
)
def test_what_is_negated_is_turned_and_what_is_wished_is_not_praised(
    analysis: LibraryAnalysis, text: str, sign: int
) -> None:
    sentiment = analysis.of(text, ()).sentiment
    assert sentiment is not None
    assert (sentiment > 0.2) - (sentiment < -0.2) == sign, sentiment


def test_other_languages_are_told_apart_and_given_no_sentiment(analysis: LibraryAnalysis) -> None:
    for text, language in (
        ("Le colis n'est jamais arrivé, c'est inadmissible.", "fr"),
        ("El paquete llegó roto y nadie responde al teléfono.", "es"),
    ):
        said = analysis.of(text, ())
        assert (said.language, said.sentiment) == (language, None)
    assert analysis.of("12345", ()).topics == ()


def test_topics_are_found_in_all_forms_of_their_words_and_nowhere_else(analysis: LibraryAnalysis) -> None:
    topics = (
        Topic("top_1", "invoice", "Invoice", {"de": ("*rechnung",), "en": ("invoice",)}),
        Topic("top_2", "late", "Late", {"de": ("zu spät",), "en": ("too late", "deliver* late")}),
        Topic("top_3", "street", "Street", {"de": ("straße",)}),
        Topic("top_4", "gone", "Gone", {"de": ("app",), "en": ("app",)}, archived=True),
    )
    for text, found in (
        ("Die Schlussrechnungen kamen viel zu spät.", ("invoice", "late")),
        ("Es ist spät geworden, zu allem Überfluss.", ()),
        ("Two invoices were delivered late.", ("invoice", "late")),
        ("The app is late.", ()),
        ("In allen Strassen von Zürich.", ("street",)),
        ("INVOICE!!!", ("invoice",)),
    ):
        assert analysis.of(text, topics).topics == found, text


async def test_what_reads_texts_is_made_when_the_first_one_comes(analysis: LibraryAnalysis) -> None:
    made: list[LibraryAnalysis] = []

    def make() -> LibraryAnalysis:
        made.append(analysis)
        return analysis

    reading = Reading(make)
    assert [one.kind for one in await reading.of([None, None], ())] == [FeedbackKind.RATING] * 2
    assert made == []
    said = await reading.of(["Thanks!", None], ())
    assert [one.kind for one in said] == [FeedbackKind.PRAISE, FeedbackKind.RATING]
    await reading.of(["Thanks!"], ())
    assert len(made) == 1
