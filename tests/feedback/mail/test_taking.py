"""E-mails become enquiries and their messages: each once, in whatever order they come."""

import random

import pytest
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import service_caller
from tests.feedback.mail.conftest import Post, letter, letters

FORM = "form"


async def asked(post: Post) -> str:
    """An enquiry that came in over the web."""
    request = pb.OpenEnquiryRequest(subject="Web", touchpoint_key=FORM, message=pb.NewMessage(body="Which one?"))
    id: str = (await post.running.call(request)).enquiry.id
    return id


def naming(content: bytes, enquiry: str) -> bytes:
    return content.replace(b"[ENQUIRY]", f"[{enquiry}]".encode())


def said(messages: list[pb.Message]) -> list[tuple[str, str]]:
    return [
        (pb.AuthorKind.Name(one.author_kind).removeprefix("AUTHOR_KIND_"), one.body.split("\n")[0]) for one in messages
    ]


@pytest.mark.parametrize("seed", [None, 1, 2])
async def test_threads_are_put_together_in_any_order(post: Post, seed: int | None) -> None:
    web = await asked(post)
    mails = [naming(one, web) for one in letters()]
    if seed is not None:
        random.Random(seed).shuffle(mails)  # noqa: S311  # no secret
    first = await post.took(*mails)
    # What nobody wrote finds its conversation as soon as it is there.
    again = await post.took(*mails)
    assert not first.rejected
    assert not again.rejected
    assert (again.created, len(again.left_out)) == (0, 1)
    threads = await post.threads()
    door, invoice, on_the_web = (threads[one] for one in ("Tür schließt nicht", "Invoice", "Web"))
    assert set(threads) == {"Tür schließt nicht", "Invoice", "Web", "Contact form", "-"}
    assert said(door[1]) == [
        ("CUSTOMER", "Guten Tag,"),
        ("EMPLOYEE", "Guten Tag Herr Müller,"),
        ("SYSTEM", "Ich bin erst am Montag wieder im Büro."),
        ("CUSTOMER", "Der Sensor leuchtet rot. Und jetzt?"),
    ]
    waits = {wait.kind: wait for wait in door[0].waits}
    # From the question to the answer; the absence note neither answers nor waits.
    assert waits[pb.WAIT_KIND_FIRST].seconds == 7195
    assert waits[pb.WAIT_KIND_FIRST].ended == pb.WAIT_END_ANSWERED
    assert waits[pb.WAIT_KIND_NEXT].started_at.ToJsonString() == "2026-03-03T11:30:00Z"
    assert not waits[pb.WAIT_KIND_NEXT].HasField("ended_at")
    assert {kind for kind, _ in said(invoice[1])} == {"CUSTOMER", "EMPLOYEE", "SYSTEM"}
    [note] = [one for one in invoice[1] if one.visibility == pb.VISIBILITY_INTERNAL and "look" in one.body]
    assert note.author_kind == pb.AUTHOR_KIND_EMPLOYEE
    assert next(wait for wait in invoice[0].waits if wait.kind == pb.WAIT_KIND_FIRST).seconds == 5399
    assert ("CUSTOMER", "The large one.") in said(on_the_web[1])
    assert (on_the_web[0].source, door[0].source) == ("rundblick", "email")


async def test_customers_are_known_by_their_address(post: Post) -> None:
    await post.took(letter("01"), letter("02"), letter("04"), letter("10"), letter("11"))
    threads = await post.threads()
    door, form = threads["Tür schließt nicht"][0], threads["Contact form"][0]
    found = await post.running.service._customers.resolve(
        service_caller("feedback"),
        "email",
        customers=post.running.lookups("joerg.mueller@example.org", "kim@example.org"),
    )
    assert found.customers["joerg.mueller@example.org"].customer == door.customer_id
    assert found.customers["kim@example.org"].customer == form.customer_id
    # Nobody is made a customer by what a program sent.
    unknown = await post.running.service._customers.resolve(
        service_caller("feedback"), "email", customers=post.running.lookups("news@example.org")
    )
    assert unknown.customers == {}
    await post.running.delivered()
    edges = await post.running.journey_of(door.customer_id)
    assert len(edges) == 2


async def test_what_cannot_be_taken_is_told_and_the_rest_is_there(post: Post) -> None:
    answer = await post.took(b"no mail at all", letter("05"))
    assert [(one.line, one.error.code) for one in answer.rejected] == [(1, "INVALID")]
    assert answer.created == 1
    assert (await post.took(letter("05"))).unchanged == 1
