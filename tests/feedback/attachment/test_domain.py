"""What a file says that it is, and what its first bytes say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidInput
from services.feedback.attachment.domain import (
    Attachment,
    NotClean,
    State,
    plain_type,
    require_served,
    require_what_it_says,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(20)),
        ("image/gif", b"GIF89a" + bytes(20)),
        ("image/webp", b"RIFF\x10\x00\x00\x00WEBPVP8 "),
        ("application/pdf", b"%PDF-1.7\n%more"),
        ("text/plain", b"x"),
        ("text/csv", b"a;b\n1;2\n"),
    ],
)
def test_a_file_that_is_what_it_says_is_taken(content_type: str, head: bytes) -> None:
    require_what_it_says(content_type, head)


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("image/png", b"\xff\xd8\xff\xe0" + bytes(20)),
        ("image/webp", b"RIFF\x10\x00\x00\x00WAVEfmt "),
        ("image/svg+xml", b"<svg onload='alert(1)'/>"),
        ("application/pdf", b"<html>"),
        ("text/plain", b"MZ\x90\x00"),
        ("application/pdf", b"\x7fELF\x02\x01"),
        ("text/plain", b"#!/bin/sh\n"),
        ("text/plain", b""),
    ],
)
def test_what_is_something_else_or_a_program_is_refused(content_type: str, head: bytes) -> None:
    with pytest.raises(InvalidInput):
        require_what_it_says(content_type, head)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=32))
def test_no_bytes_are_taken_for_two_kinds_of_images(head: bytes) -> None:
    taken = []
    for content_type in ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"):
        for begin in (b"", PNG[:8], b"GIF89a", b"%PDF-", b"\xff\xd8\xff"):
            try:
                require_what_it_says(content_type, begin + head)
            except InvalidInput:
                continue
            taken.append((begin, content_type))
    assert {content_type for begin, content_type in taken if begin == PNG[:8]} == {"image/png"}
    assert {content_type for begin, content_type in taken if begin == b"%PDF-"} == {"application/pdf"}


@pytest.mark.parametrize("name", ["", " ", "../x.png", "a\\b", "a\nb", "x" * 201, "\u202egnp.exe"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        Attachment("att_1", name, "image/png", "shop", "somebody", NOW)


def test_only_what_is_clean_is_handed_out_where_there_is_a_scanner() -> None:
    served = set()
    for state in State:
        one = Attachment("att_1", "x.png", "image/png", "shop", "somebody", NOW, state=state)
        for scanner in (True, False):
            try:
                require_served(one, scanner=scanner)
            except NotClean:
                continue
            served.add((state, scanner))
    assert served == {(State.CLEAN, True), (State.CLEAN, False), (State.UNSCANNED, False)}


def test_a_type_is_known_without_its_parameters() -> None:
    assert plain_type("Text/Plain; charset=utf-8") == "text/plain"
