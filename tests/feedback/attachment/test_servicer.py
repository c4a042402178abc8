"""Files over gRPC: up, to a message, down, and gone without a trace when nobody takes them."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from rundblick.feedback.v1 import attachment_pb2 as pb
from rundblick.feedback.v1 import attachment_pb2_grpc, enquiry_pb2
from rundblick.shared.v1 import verification_pb2

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.channel import open_channel
from chassis.ids import new_id
from chassis.server import running_server
from chassis.times import utc_now
from services.feedback.attaching import EVERYDAY_FILES, Attaching, Files
from services.feedback.attachment.domain import Allowed, Attachment
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.attachment.uploading import Uploading
from services.feedback.contract import RIGHTS
from services.feedback.enquiry.repository import MongoEnquiryRepository
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.attachment.test_domain import PNG
from tests.feedback.conftest import Running
from tests.feedback.enquiry.test_servicer import NOBODY, opened
from tests.tokens import token_for

CLEAN, INFECTED = pb.ATTACHMENT_STATE_CLEAN, pb.ATTACHMENT_STATE_INFECTED
PENDING, UNSCANNED = pb.ATTACHMENT_STATE_PENDING, pb.ATTACHMENT_STATE_UNSCANNED
VIRUS = b"this is what the scanner looks for"
LARGE = PNG + bytes(700_000)


def metadata(caller: Caller | None) -> Any:
    return (("authorization", f"Bearer {token_for(caller)}"),) if caller else None


class Clerk:
    """One who handles files, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub: Any = attachment_pb2_grpc.AttachmentServiceStub(channel)

    async def upload(self, data: bytes, caller: Caller | None = None, **fields: str) -> pb.Attachment:
        new = pb.NewAttachment(**{"name": "photo.png", "content_type": "image/png", **fields})

        async def parts() -> AsyncIterator[pb.UploadAttachmentRequest]:
            yield pb.UploadAttachmentRequest(attachment=new)
            for start in range(0, len(data), 100_000):
                yield pb.UploadAttachmentRequest(data=data[start : start + 100_000])

        answer = await self.stub.UploadAttachment(parts(), timeout=20, metadata=metadata(caller))
        attachment: pb.Attachment = answer.attachment
        return attachment

    async def download(self, id: str, caller: Caller | None = None) -> tuple[pb.Attachment, bytes]:
        call = self.stub.DownloadAttachment(pb.DownloadAttachmentRequest(id=id), timeout=20, metadata=metadata(caller))
        first, *rest = [answer async for answer in call]
        return first.attachment, b"".join(answer.data for answer in rest)

    async def known(self, *ids: str, caller: Caller | None = None) -> dict[str, pb.Attachment]:
        request = pb.BatchGetAttachmentsRequest(ids=ids)
        answer = await self.stub.BatchGetAttachments(request, timeout=10, metadata=metadata(caller))
        return {id: one.value for id, one in answer.answers.items() if one.HasField("value")}


@pytest.fixture
def clerk(feedback: Running) -> Clerk:
    return Clerk(feedback.channel)


async def stored(feedback: Running) -> dict[str, int]:
    names = ("attachments", "attachment_bytes.files", "attachment_bytes.chunks")
    return {name: await feedback.database[name].count_documents({}) for name in names}


NOTHING = {"attachments": 0, "attachment_bytes.files": 0, "attachment_bytes.chunks": 0}


async def differences(feedback: Running) -> list[tuple[str, str]]:
    request = verification_pb2.CheckBatchRequest(part="attachments", size=100)
    answer = await feedback.verification.CheckBatch(request, timeout=20)
    return sorted((difference.what, difference.id) for difference in answer.differences)


async def attach(feedback: Running, enquiry: str, *ids: str, caller: Caller | None = None, **fields: Any) -> Any:
    new = enquiry_pb2.NewMessage(body="see there", attachment_ids=ids, **fields)
    return await feedback.call(enquiry_pb2.AddMessageRequest(enquiry_id=enquiry, message=new), caller)


async def test_a_file_goes_up_to_a_message_and_comes_down_as_it_was(
    feedback: Running, clerk: Clerk, commands: Commands
) -> None:
    first, second = (
        await clerk.upload(LARGE),
        await clerk.upload(b"hello", name="a.txt", content_type="text/plain; x=y"),
    )
    assert (first.size, first.state, second.content_type) == (len(LARGE), UNSCANNED, "text/plain")
    somebody = Caller("somebody", frozenset({"enquiries:read"}))
    assert await clerk.known(first.id, caller=somebody) == {}, "it is nobody else's yet"
    message = enquiry_pb2.NewMessage(body="?", attachment_ids=[first.id])
    enquiry = await opened(feedback, message=message)
    added = (await attach(feedback, enquiry.id, second.id)).message
    pages = await feedback.call(enquiry_pb2.BatchListMessagesRequest(enquiry_ids=[enquiry.id]))
    listed = [list(edge.node.attachment_ids) for edge in pages.pages[enquiry.id].edges]
    assert listed == [[first.id], [second.id]]
    with commands.recorded():
        known = await clerk.known(first.id, second.id, f"att_{NOBODY}", caller=somebody)
    assert len(commands.found) <= 2
    assert await commands.unindexed() == []
    assert known[second.id].message_id == added.id
    assert set(known) == {first.id, second.id}
    for id, data in ((first.id, LARGE), (second.id, b"hello")):
        assert await clerk.download(id, somebody) == (known[id], data)


async def test_a_message_takes_a_file_once_and_of_its_own_writer_and_source(feedback: Running, clerk: Clerk) -> None:
    enquiry = await opened(feedback)
    mine = await clerk.upload(PNG)
    of_shop = await clerk.upload(PNG, source="shop")
    somebody = Caller("somebody", frozenset({"enquiries:read", "enquiries:write"}))
    before = await feedback.database["messages"].count_documents({})
    for ids, caller in (
        ([f"att_{NOBODY}"], None),
        ([of_shop.id], None),
        ([mine.id], somebody),
        ([mine.id, f"att_{NOBODY}"], None),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await attach(feedback, enquiry.id, *ids, caller=caller)
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert await feedback.database["messages"].count_documents({}) == before
    await attach(feedback, enquiry.id, mine.id)
    for ids in ([mine.id], [of_shop.id] * 2):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await attach(feedback, enquiry.id, *ids)
        assert error.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
    duplicate = await opened(feedback)
    later = await clerk.upload(PNG)
    await attach(feedback, duplicate.id, later.id)
    await feedback.call(enquiry_pb2.MergeEnquiriesRequest(into_id=enquiry.id, duplicate_ids=[duplicate.id]))
    assert (await clerk.known(later.id))[later.id].enquiry_id == enquiry.id
    assert await differences(feedback) == []
    for spoilt in ({"enquiry": duplicate.id}, {"internal": True}, {"message": f"msg_{NOBODY}"}):
        await feedback.database["attachments"].update_one({"_id": later.id}, {"$set": spoilt})
    await feedback.database["attachment_bytes.files"].delete_one({"_id": mine.id})
    assert await differences(feedback) == [("bytes", mine.id), ("message", later.id)]


async def test_who_does_not_see_the_message_does_not_see_its_files(feedback: Running, clerk: Clerk) -> None:
    enquiry = await opened(feedback, source="shop")
    note, public = await clerk.upload(PNG, source="shop"), await clerk.upload(PNG, source="shop")
    await attach(feedback, enquiry.id, note.id, visibility=enquiry_pb2.VISIBILITY_INTERNAL)
    await attach(feedback, enquiry.id, public.id)
    reader = frozenset({"enquiries:read"})
    ann = Caller("ann", frozenset({"enquiries:read:own"}), employee=feedback.employee)
    for caller, seen in (
        (Caller("b", reader | {"enquiries:notes"}), {note.id, public.id}),
        (Caller("b", reader), {public.id}),
        (partner("shop"), {public.id}),
        (partner("fair"), set()),
        (ann, set()),
    ):
        assert set(await clerk.known(note.id, public.id, caller=caller)) == seen, caller
        for id in (note.id, public.id):
            if id in seen:
                assert (await clerk.download(id, caller))[1] == PNG
                continue
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await clerk.download(id, caller)
            assert error.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await clerk.upload(PNG, partner("fair"), source="shop")
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await clerk.upload(PNG, Caller("b", reader))
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


@asynccontextmanager
async def serving(feedback: Running, files: Files, **options: Any) -> AsyncIterator[tuple[Clerk, Attaching]]:
    """Another replica over the same database, with other settings."""
    attaching = Attaching(feedback.database, files, options.get("now", utc_now))
    server = running_server(
        "127.0.0.1:0",
        lambda server: attaching.register(server, MongoEnquiryRepository(feedback.database).seen),
        rights=RIGHTS,
        authenticator=feedback.authenticator,
        grace=0.1,
    )
    async with server as running, open_channel(f"127.0.0.1:{running.port}") as channel:
        yield Clerk(channel), attaching


@asynccontextmanager
async def clamd() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Speaks as a clamd does: where it listens, and what it was given to look at."""
    looked_at: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        data = b""
        while (size := struct.unpack("!I", await reader.readexactly(4))[0]) > 0:
            data += await reader.readexactly(size)
        looked_at.append(data)
        writer.write(b"stream: Test.Virus FOUND\0" if VIRUS in data else b"stream: OK\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", looked_at
    finally:
        server.close()
        await server.wait_closed()


async def test_what_the_scanner_has_not_cleared_is_not_handed_out(feedback: Running, clerk: Clerk) -> None:
    before = await clerk.upload(PNG)
    async with clamd() as (address, looked_at), serving(feedback, Files(EVERYDAY_FILES.allowed, address)) as served:
        scanned, attaching = served
        good, bad = await scanned.upload(LARGE), await scanned.upload(PNG + VIRUS)
        for one, state in ((before, UNSCANNED), (good, PENDING), (bad, PENDING)):
            assert one.state == state
            with pytest.raises(grpc.aio.AioRpcError, match="not scanned yet") as error:
                await scanned.download(one.id)
            assert error.value.code() is grpc.StatusCode.ABORTED
        assert attaching.scanning is not None
        assert await attaching.scanning.step() is True
        assert await attaching.scanning.step() is False, "each is looked at once"
        assert sorted(looked_at, key=len) == [PNG, PNG + VIRUS, LARGE]
        known = await scanned.known(before.id, good.id, bad.id)
        assert [known[one.id].state for one in (before, good, bad)] == [CLEAN, CLEAN, INFECTED]
        assert (await scanned.download(good.id))[1] == LARGE
        with pytest.raises(grpc.aio.AioRpcError, match="infected") as error:
            await scanned.download(bad.id)
        assert error.value.code() is grpc.StatusCode.ABORTED
        assert await feedback.database["attachment_bytes.chunks"].count_documents({"files_id": bad.id}) == 0


async def test_while_the_scanner_is_away_files_wait_and_are_looked_at_later(feedback: Running) -> None:
    async with clamd() as (gone, _):
        pass
    clock = [utc_now()]
    options = {"now": lambda: clock[0]}
    async with serving(feedback, Files(EVERYDAY_FILES.allowed, gone), **options) as (clerk, attaching):
        one = await clerk.upload(PNG)
        assert attaching.scanning is not None
        assert await attaching.scanning.step() is True
        assert (await clerk.known(one.id))[one.id].state == PENDING
        assert await attaching.scanning.step() is False, "it is postponed"
    clock[0] += timedelta(minutes=2)
    async with clamd() as (back, _), serving(feedback, Files(EVERYDAY_FILES.allowed, back), **options) as served:
        clerk, attaching = served
        assert attaching.scanning is not None
        await attaching.scanning.step()
        assert (await clerk.known(one.id))[one.id].state == CLEAN


async def test_what_is_refused_or_cut_off_leaves_nothing_behind(feedback: Running) -> None:
    small = Files(Allowed(300_000, frozenset({"image/png"})))
    async with serving(feedback, small) as (clerk, _):
        for data, fields, said in (
            (LARGE, {}, "at most 300000 bytes"),
            (b"", {}, "not empty"),
            (b"MZ" + bytes(20), {}, "programs"),
            (b"%PDF-1.4" + bytes(20), {}, "not image/png"),
            (PNG, {"content_type": "text/html"}, "not taken"),
            (PNG, {"name": "a/b"}, "path"),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=said) as error:
                await clerk.upload(data, None, **fields)
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await clerk.stub.UploadAttachment(iter([pb.UploadAttachmentRequest(data=b"x")]), timeout=10)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await stored(feedback) == NOTHING
        assert (await clerk.upload(bytes(PNG) + bytes(300_000 - len(PNG)))).size == 300_000


async def test_what_is_cut_off_while_it_is_written_is_never_bytes_without_a_document(feedback: Running) -> None:
    attachments = MongoAttachmentRepository(feedback.database)
    uploading = Uploading(attachments, EVERYDAY_FILES.allowed, asyncio.Event(), utc_now, scanner=False)

    async def parts() -> AsyncIterator[pb.UploadAttachmentRequest]:
        yield pb.UploadAttachmentRequest(attachment=pb.NewAttachment(name="x.png", content_type="image/png"))
        yield pb.UploadAttachmentRequest(data=LARGE)
        # When the end is heard of, GridFS begins to write, in a thread that no cancellation stops.
        asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(uploading.take(DEVELOPMENT_CALLER, parts()))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await feedback.database["attachments"].count_documents({}) == 1, "bytes may still come"
    # Unless the thread had not begun: then nothing will ever be there.
    for _ in range(100):
        if await feedback.database["attachment_bytes.files"].count_documents({}):
            break
        await asyncio.sleep(0.01)
    later = Attaching(feedback.database, EVERYDAY_FILES, partial(_same, utc_now() + timedelta(hours=25)))
    await later.remove_untaken()
    assert await stored(feedback) == NOTHING


def _same(moment: datetime) -> datetime:
    return moment


async def test_what_no_message_takes_is_gone_after_a_day_also_when_its_upload_was_killed(
    feedback: Running, clerk: Clerk
) -> None:
    taken, left = await clerk.upload(PNG), await clerk.upload(LARGE)
    await attach(feedback, (await opened(feedback)).id, taken.id)
    attachments = feedback.service.attaching.attachments
    killed = [Attachment(new_id("att"), "x.png", "image/png", "rundblick", "development", utc_now()) for _ in range(2)]

    async def parts() -> AsyncIterator[bytes]:
        yield LARGE

    # Killed when all bytes were there, and when GridFS had not said so yet.
    for one in killed:
        await attachments.begin(DEVELOPMENT_CALLER, one)
        await attachments.put(DEVELOPMENT_CALLER, one, parts())
    await feedback.database["attachment_bytes.files"].delete_one({"_id": killed[1].id})
    assert await clerk.known(*(one.id for one in killed)) == {}
    for hours, gone in ((23, False), (25, True)):
        moment = utc_now() + timedelta(hours=hours)
        later = Attaching(feedback.database, EVERYDAY_FILES, partial(_same, moment))
        await later.remove_untaken()
        assert await feedback.database["attachments"].count_documents({}) == (1 if gone else 4)
    assert (await clerk.download(taken.id))[1] == PNG
    assert await stored(feedback) == {"attachments": 1, "attachment_bytes.files": 1, "attachment_bytes.chunks": 1}
    with pytest.raises(grpc.aio.AioRpcError):
        await clerk.download(left.id)
