"""E-mails become enquiries and their messages: each once, in whatever order they come."""

import asyncio
import random
from typing import Any

import pytest
from rundblick.customers.v1 import delivery_pb2, delivery_pb2_grpc, touchpoint_pb2
from rundblick.feedback.v1 import attachment_pb2, attachment_pb2_grpc
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import service_caller
from chassis.channel import open_channel
from chassis.mongo import in_transaction
from chassis.times import utc_now
from tests.commands import Commands
from tests.feedback.mail.conftest import Post, letter, letters

FORM = "form"
CALLER = service_caller("tests")


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


async def test_files_are_kept_with_the_message_and_what_is_not_taken_is_named(post: Post) -> None:
    with_program = (
        letter("05").replace(b"invoice.pdf", b"setup.exe").replace(b"application/pdf", b"application/x-msdownload")
    )
    await post.took(letter("05"), with_program.replace(b"CAB-one", b"CAB-two").replace(b"Invoice", b"Program"))
    threads = await post.threads()
    [message] = threads["Invoice"][1]
    request = attachment_pb2.BatchGetAttachmentsRequest(ids=message.attachment_ids)
    stub = attachment_pb2_grpc.AttachmentServiceStub(post.running.channel)
    [found] = (await stub.BatchGetAttachments(request, timeout=10)).answers.values()
    assert (found.value.name, found.value.content_type) == ("invoice.pdf", "application/pdf")
    [other] = threads["Program"][1]
    assert (list(other.attachment_ids), other.body.split("\n")[-1]) == ([], "[setup.exe]")


async def test_an_answer_to_what_we_sent_finds_its_enquiry_and_a_report_marks_what_came_back(post: Post) -> None:
    web, service = await asked(post), post.running.customers_service
    new = delivery_pb2.NewDelivery(
        customer_id=post.running.customer,
        channel=touchpoint_pb2.CHANNEL_EMAIL,
        address="jo@example.org",
        subject="Which one?",
        text="Which one?",
        reference=web,
    )
    async with open_channel(post.running.customers_address) as channel:
        stub = delivery_pb2_grpc.CustomerDeliveryServiceStub(channel)
        sent = await stub.SendDeliveries(delivery_pb2.SendDeliveriesRequest(deliveries=[new]), timeout=10)
        id = sent.answers[0].value.id
        [delivery] = (await service.delivering.deliveries.of_ids(CALLER, [id])).values()

        async def deliver(session: Any) -> None:
            await service.delivering.deliveries.save(CALLER, delivery.sent(utc_now()), session)

        await in_transaction(service._database, deliver)
        named = f"{id}@company.example".encode()
        answer = letter("09").replace(b"Message-ID:", b"In-Reply-To: <" + named + b">\r\nMessage-ID:")
        report = letter("08").replace(b"answer-2@example.com", named)
        assert (await post.took(answer, report)).changed == 2
        found = await stub.BatchGetDeliveries(delivery_pb2.BatchGetDeliveriesRequest(ids=[id]), timeout=10)
    assert found.answers[id].value.state == delivery_pb2.DELIVERY_STATE_BOUNCED
    [(enquiry, messages)] = (await post.threads()).values()
    assert (enquiry.id, len(messages)) == (web, 3)


async def test_a_mail_goes_where_its_enquiry_was_merged_into(post: Post) -> None:
    await post.took(letter("05"), letter("01"))
    threads = await post.threads()
    kept, gone = threads["Invoice"][0].id, threads["Tür schließt nicht"][0].id
    # Of the same customer: others are not put together.
    await post.running.database["enquiries"].update_one({"_id": gone}, {"$set": await owner_of(post, kept)})
    await post.running.call(pb.MergeEnquiriesRequest(into_id=kept, duplicate_ids=[gone]))
    assert (await post.took(letter("03"))).changed == 1
    assert len((await post.threads())["Invoice"][1]) == 3


async def owner_of(post: Post, enquiry: str) -> dict[str, Any]:
    found = await post.running.database["enquiries"].find_one({"_id": enquiry})
    assert found is not None
    return {name: found[name] for name in ("customer", "source_record")}


async def test_a_mail_that_two_take_at_once_is_there_once_and_found_by_an_index(post: Post) -> None:
    recorded = Commands(post.running.database)
    with recorded.recorded():
        answers = await asyncio.gather(*(post.took(letter("01")) for _ in range(3)))
    assert sum(answer.created for answer in answers) == 1
    assert [len(messages) for _, messages in (await post.threads()).values()] == [1]
    assert await recorded.unindexed() == []
