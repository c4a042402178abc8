"""What letters say as mail programs really write them: who, when, what is new, and whether anybody wrote it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.feedback.mail.cutting import newly_written, text_of_html
from services.feedback.mail.domain import Company, Mail, Unreadable, named_enquiry, spoken
from services.feedback.mail.reading import read
from tests.feedback.mail.conftest import OWN, letter

NOW = datetime(2026, 4, 1, tzinfo=UTC)
COMPANY = Company.of(OWN)


def read_letter(name: str) -> Mail:
    return read(letter(name), NOW)


@pytest.mark.parametrize(
    ("name", "author", "customer", "text"),
    [
        (
            "01",
            "CUSTOMER",
            "joerg.mueller@example.org",
            "Guten Tag,\n\ndie Tür an unserer Anlage schließt nicht mehr:\n- seit gestern\n- auch von Hand nicht\n\n"
            "Was können wir tun?",
        ),
        (
            "02",
            "EMPLOYEE",
            "joerg.mueller@example.org",
            "Guten Tag Herr Müller,\n\nbitte prüfen Sie den Sensor oben rechts.",
        ),
        ("03", "CUSTOMER", "joerg.mueller@example.org", "Der Sensor leuchtet rot. Und jetzt?"),
        ("04", "SYSTEM", "joerg.mueller@example.org", "Ich bin erst am Montag wieder im Büro."),
        (
            "05",
            "CUSTOMER",
            "alex@example.org",
            "The invoice shows the old address.\n\nThank you, really.\nOne more thing: the amount is wrong too.",
        ),
        ("06", "EMPLOYEE", "alex@example.org", "We send a new one today.\nSorry for that."),
        ("07", "CUSTOMER", "alex@example.org", "That’s fine – thanks.\n\nWhen does it arrive?"),
        (
            "08",
            "SYSTEM",
            "mailer-daemon@mail.example.com",
            "I'm sorry to have to inform you that your message could not be delivered.",
        ),
        ("09", "CUSTOMER", "jo@example.org", "The large one.\n\nSince Monday."),
        ("10", "CUSTOMER", "kim@example.org", "Do you deliver on Saturdays?"),
        ("11", "SYSTEM", "news@example.org", "Buy now!"),
        ("12", "CUSTOMER", "rough@example.org", "Grüße?"),
        ("13", "EMPLOYEE", None, "Can you look at this?"),
    ],
)
def test_a_letter_says_who_speaks_and_what_is_new(name: str, author: str, customer: str | None, text: str) -> None:
    mail = read_letter(name)
    said = spoken(mail, COMPANY)
    assert (said.author.value, said.customer.address if said.customer else None) == (author, customer)
    assert mail.text == text
    assert said.internal is (customer is None)


def test_headers_are_read_whatever_they_are_encoded_in() -> None:
    first, third, report, rough = (read_letter(name) for name in ("01", "03", "08", "12"))
    assert (first.id, first.sender.name, first.subject) == ("frage-1@example.org", "Jörg Müller", "Tür schließt nicht")
    # What our own server wrote, not what the sender's clock said.
    assert first.at == datetime(2026, 3, 3, 8, 0, 5, tzinfo=UTC)
    assert third.references == ("answer-1@example.com", "frage-1@example.org")
    assert report.undelivered == ("answer-2@example.com",)
    assert rough.id.endswith("@unnamed.invalid")
    assert read_letter("12").id == rough.id
    # Nothing comes in later than now.
    assert read(letter("01"), datetime(2026, 1, 1, tzinfo=UTC)).at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Precedence: auto_reply",
        "Precedence: bulk",
        "Return-Path: <>",
        "Subject: Out of Office: Door",
        "Subject: Abwesenheitsnotiz: Door",
        "Subject: Automatic reply: Door",
    ],
)
def test_what_a_program_sent_is_no_word_of_a_customer(headers: str) -> None:
    kept = "Subject: Door\n" if "Subject" not in headers else ""
    mail = f"From: a@example.org\nTo: b@example.com\nMessage-ID: <1@x>\n{kept}{headers}\n\nHello\n"
    assert spoken(read(mail.encode(), NOW), COMPANY).author.value == "SYSTEM"
    plain = "From: a@example.org\nTo: b@example.com\nMessage-ID: <1@x>\nSubject: Auto repair out of order\n\nHello\n"
    assert spoken(read(plain.encode(), NOW), COMPANY).author.value == "CUSTOMER"


def test_an_enquiry_is_named_in_the_subject_or_behind_a_plus() -> None:
    id = "enq_01J8Z3K7G6Q0000000000000AB"
    for to, subject in ((f"help+{id.lower()}@example.com", "Re: Door"), ("help@example.com", f"Re: Door [{id}]")):
        mail = f"From: a@example.org\nTo: {to}\nMessage-ID: <1@x>\nSubject: {subject}\n\nHello\n"
        assert named_enquiry(read(mail.encode(), NOW)) == id
    assert named_enquiry(read_letter("05")) is None


def test_own_addresses_are_whole_ones_or_domains() -> None:
    company = Company.of(["Help@Company.example", "company.org"])
    written = "From: {}\nTo: c@example.org\nMessage-ID: <1@x>\n\nHello\n"

    def author(sender: str) -> str:
        return spoken(read(written.format(sender).encode(), NOW), company).author.value

    assert [author(one) for one in ("help@company.example", "help+enq@company.example", "any@company.org")] == [
        "EMPLOYEE"
    ] * 3
    assert [author(one) for one in ("other@company.example", "any@sub.company.org")] == ["CUSTOMER"] * 2
    with pytest.raises(InvalidInput):
        Company.of(["two words"])


@pytest.mark.parametrize("content", [b"", b"Subject: x\n\nno sender\n", b"From: nobody\n\n", b"From: a@\n\nHello\n"])
def test_a_mail_without_a_sender_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read(content, NOW)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["01", "05", "08"]), st.integers(0, 2000))
def test_whatever_comes_in_is_read_or_refused(junk: bytes, name: str, at: int) -> None:
    whole = letter(name)
    try:
        read(whole[:at] + junk + whole[at:], NOW)
    except Unreadable:
        return


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["Hello", "> old", "Am 1.1. schrieb A <a@b.c>:", "On x A wrote:", "--", "MfG", ""])))
def test_something_always_stays_of_a_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert bool(newly_written(text)) == bool(text.strip())
    assert set(newly_written(text).split("\n")) <= {*lines, ""}


def test_a_page_that_is_made_to_be_slow_is_read_whole_without_looking_for_what_it_quotes() -> None:
    page = "<style>p {}</style>Hello &amp; good bye<div class='gmail_quote'>Before</div>"
    assert text_of_html(page) == "Hello & good bye"
    assert text_of_html("<p>" * 5_000 + page) == "Hello & good byeBefore"
